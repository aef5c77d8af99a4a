import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientOf } from '../../../src/client.ts';
import { isPseudonym, Pseudonyms } from '../../../src/ingest/pseudonyms.ts';

const key = (id: string, byte = 1, length = 32) => ({ id, secret: Buffer.alloc(length, byte) });
const anna = clientOf('user', 'anna');

describe('pseudonyms', () => {
  it('are HMAC-SHA-256 of kind and id under a secret of any length, the first 128 bits', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 200 }),
        fc.string({ unit: 'grapheme', minLength: 1 }),
        (secret, id) => {
          fc.pre(!id.startsWith('~'));
          const digest = createHmac('sha256', secret).update(`user:${id}`).digest().subarray(0, 16);
          expect(new Pseudonyms({ keys: [{ id: 'k', secret }] }).of('user', id)).toBe(
            `~k.${digest.toString('base64url')}`,
          );
        },
      ),
    );
  });

  it('are the same for one client under one key, and another for another client, kind or key', () => {
    const one = new Pseudonyms({ keys: [key('k1')] });
    expect(one.of('user', 'anna')).toBe(new Pseudonyms({ keys: [key('k1')] }).of('user', 'anna'));
    const others = [
      one.of('user', 'bert'),
      one.of('key', 'anna'),
      new Pseudonyms({ keys: [key('k1', 2)] }).of('user', 'anna'),
    ];
    expect(new Set([one.of('user', 'anna'), ...others]).size).toBe(4);
  });

  it('are signed by the first key and found under all, beside the id itself', () => {
    const before = new Pseudonyms({ keys: [key('old', 1)] });
    const after = new Pseudonyms({ keys: [key('new', 2), key('old', 1)] });
    expect(after.of('user', 'anna')).toMatch(/^~new\./);
    expect(after.all(anna)).toEqual(['anna', after.of('user', 'anna'), before.of('user', 'anna')]);
    expect(before.all(anna)).not.toContain(after.of('user', 'anna'));
  });

  it('stay as they are when they are looked up, and so does what names nobody', () => {
    const pseudonyms = new Pseudonyms({ keys: [key('k1')] });
    const pseudonym = pseudonyms.of('user', 'anna');
    expect(isPseudonym(pseudonym)).toBe(true);
    expect(pseudonyms.all({ kind: 'user', id: pseudonym })).toEqual([pseudonym]);
    for (const id of ['', '~other', '~erased']) {
      expect(pseudonyms.of('user', id)).toBe(id);
      expect(pseudonyms.all({ kind: 'user', id })).toEqual([id]);
    }
  });

  it('are given to ids that were too long to be kept, too', () => {
    const { id } = clientOf('user', 'x'.repeat(500));
    expect(isPseudonym(id)).toBe(false);
    expect(isPseudonym(new Pseudonyms({ keys: [key('k1')] }).of('user', id))).toBe(true);
  });

  it('are one for an address and the network that it counts as, so that an ip client is found beside others', () => {
    const pseudonyms = new Pseudonyms({ keys: [key('k1')] });
    expect(pseudonyms.of('ip', '2001:db8::1')).toBe(pseudonyms.of('ip', '2001:db8::/64'));
    expect(pseudonyms.of('ip', '2001:db8::1')).not.toBe(pseudonyms.of('ip', '2001:db8:0:1::1'));
    expect(pseudonyms.of('ip', '203.0.113.9')).not.toBe(pseudonyms.of('ip', '203.0.113.8'));
  });

  it('say the network of an address where that is wanted, and are found whether it was or not', () => {
    const keys = [key('k1')];
    const dropping = new Pseudonyms({ keys });
    const keeping = new Pseudonyms({ keys, networks: 'keep' });
    expect(keeping.of('ip', '203.0.113.9')).toBe(`${dropping.of('ip', '203.0.113.9')}@203.0.113.0/24`);
    expect(keeping.of('ip', '2001:db8:1:2::/64')).toMatch(/@2001:db8:1::\/48$/);
    expect(keeping.of('user', '203.0.113.9')).not.toContain('@');
    const address = clientOf('ip', '203.0.113.9');
    expect(keeping.all(address)).toEqual(dropping.all(address));
    expect(keeping.all(address)).toContain(keeping.of('ip', '203.0.113.9'));
    expect(keeping.all(address).slice(1).every(isPseudonym)).toBe(true);
  });

  it('show no secret, however they are printed', () => {
    const pseudonyms = new Pseudonyms({
      keys: [{ id: 'k1', secret: Buffer.from('correct horse battery staple, twice') }],
    });
    const shown = `${inspect(pseudonyms, { depth: 9, showHidden: true })}${JSON.stringify(pseudonyms)}`;
    expect(shown).not.toMatch(/correct|63 6f 72|99,111/);
  });

  it.each([
    ['no key', []],
    ['a short secret', [key('k1', 1, 31)]],
    ['two keys of one id', [key('k1', 1), key('k1', 2)]],
    ['an id that would break the form', [key('K.1')]],
    ['more keys than anyone rotates', Array.from({ length: 21 }, (_, at) => key(`k${at}`))],
  ])('cannot be made of %s', (_, keys) => {
    expect(() => new Pseudonyms({ keys })).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
