import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientKeyOf, maxClientIdLength } from '../../../src/client.ts';
import { AddressBook } from '../../../src/http/address-book.ts';
import { limitFetch } from '../../../src/http/fetch.ts';
import { clientsOf, type VouchedIdentity } from '../../../src/http/identity.ts';
import { parseTrustedProxies } from '../../../src/http/trusted-proxies.ts';
import { limitKey } from '../../../src/redis/keys.ts';
import { recordingGate } from '../../support/recording-gate.ts';

const million = 'x'.repeat(1_000_000);
const address = new AddressBook().find('2001:db8:1:2::7');
const keyOf = (identity: VouchedIdentity): string => clientsOf(identity, address).map(clientKeyOf)[0] ?? '';

/** Pairs that a careless limiter takes for one and the same. */
const neighbours: readonly (readonly [what: string, one: string, other: string])[] = [
  ['a million characters, but for the last', `${million}a`, `${million}b`],
  ['a line break', 'ann\nbob', 'ann\rbob'],
  ['a NUL', 'ann\u0000', 'ann'],
  ['braces', '{}', '{ }'],
  ['a hash tag', '{0}ann', '{1}ann'],
  ['lone surrogates', 'ann\ud800', 'ann\ud801'],
  ['a lone surrogate and what stands for it', 'ann\udfff', 'ann\ufffd'],
  ['many lone surrogates', '\ud800'.repeat(500), '\ud801'.repeat(500)],
  ['the form of a hashed id', `~${'A'.repeat(43)}`, `~${'B'.repeat(43)}`],
  ['letter case', 'Ann', 'ann'],
  ['blanks', ' ann', 'ann'],
];

describe('a hostile id', () => {
  it.each(neighbours)('is bounded, one line, and told apart from its neighbour: %s', (_, one, other) => {
    for (const kind of ['key', 'user'] as const) {
      const [first, second] = [keyOf({ [kind]: one }), keyOf({ [kind]: other })];
      expect(first).not.toBe(second);
      for (const key of [first, second]) {
        expect(key.length).toBeLessThanOrEqual(maxClientIdLength + 'user:'.length);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
        expect(key).not.toMatch(/[\u0000-\u001f]/);
        expect(key.isWellFormed()).toBe(true);
      }
    }
  });

  it('of any kind stays one and the same client, and never becomes another one', () => {
    const hostile = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom(...neighbours.slice(1).flat()),
    );
    fc.assert(
      fc.property(hostile, hostile, (one, other) => {
        fc.pre(one !== '' && other !== '');
        expect(keyOf({ user: one }) === keyOf({ user: other })).toBe(one === other);
        expect(keyOf({ key: one }) === keyOf({ key: other })).toBe(one === other);
      }),
    );
  });

  it('cannot choose its slot in a cluster, nor reach into another counter', () => {
    for (const id of ['{}', '{1}', 'a}b{c', '||route=GET /x', 'ann||tenant=acme']) {
      const key = limitKey('tg1:test:', { policy: 'p', client: keyOf({ user: id }) }, 'token-bucket');
      expect(key.match(/[{}]/g)).toHaveLength(2);
      expect(key).toMatch(/^tg1:test:\{\d+\}:b:p\|[^|{}]+$/);
    }
  });

  it('is decided on all the same, and counted as one', async () => {
    for (const [, one, other] of neighbours) {
      const { gate } = recordingGate('{name: one, limit: 1, window: 1h}');
      const asked = async (user: string) => {
        const limit = limitFetch({ gate, address: () => null, identify: () => ({ user }) });
        return (await limit(new Request('http://api.example/'))).decision?.outcome;
      };
      expect([await asked(one), await asked(one), await asked(other)]).toEqual(['allowed', 'denied', 'allowed']);
    }
  });
});

describe('who a request is', () => {
  it('is its key first, then its user, then its address by /64, and nobody that is empty', () => {
    const kindsOf = (identity: VouchedIdentity) =>
      clientsOf(identity, address).map(({ kind, id }) => `${kind} ${id.length}`);
    expect(kindsOf({ key: 'secret', user: 'ann' })).toEqual(['key 22', 'user 3', 'ip 17']);
    expect(kindsOf({ key: '', user: '' })).toEqual(['ip 17']);
    expect(clientsOf({}, null)).toEqual([{ kind: 'ip', id: 'local' }]);
    expect(clientsOf({ user: 'ann' }, null)).toEqual([{ kind: 'user', id: 'ann' }]);
  });

  it('never holds the key as it was given', () => {
    expect(JSON.stringify(clientsOf({ key: 'sk_live_secret' }, address))).not.toContain('sk_live');
  });

  it('can be limited by its /48 as well, and by its plan', async () => {
    const site = '{name: site, scope: [network], limit: 2, window: 1h}';
    const free = '{name: free, scope: [client], match: {plans: [free]}, limit: 1, window: 1h}';
    const { gate } = recordingGate(`${site}, ${free}`);
    const ask = async (from: string, identity: VouchedIdentity) => {
      const limit = limitFetch({ gate, address: () => from, identify: () => identity });
      const { decision } = await limit(new Request('http://api.example/'));
      return decision?.outcome === 'denied' ? decision.deciding?.policy : decision?.outcome;
    };
    expect(await ask('2001:db8:1:2::7', { user: 'ann', plan: 'free' })).toBe('allowed');
    expect(await ask('2001:db8:1:3::8', { user: 'bob', plan: 'pro' })).toBe('allowed');
    expect(await ask('2001:db8:1:4::9', { user: 'eve', plan: 'pro' })).toBe('site');
    expect(await ask('2001:db8:2::1', { user: 'ann', plan: 'free' })).toBe('free');
  });
});

describe('addresses that were read before', () => {
  it('are read the same again, and their number is bounded', () => {
    const book = new AddressBook(parseTrustedProxies(['10.0.0.0/8']));
    const first = book.find('::ffff:10.1.2.3');
    expect(first).toMatchObject({ address: '10.1.2.3', client: { id: '10.1.2.3' }, isTrusted: true, isPrivate: true });
    expect(book.find('::ffff:10.1.2.3')).toBe(first);
    for (let n = 0; n < 10_000; n += 1) book.find(`2001:db8::${n.toString(16)}`);
    expect(book.size).toBeLessThanOrEqual(4096);
    expect(book.find('::ffff:10.1.2.3')).toEqual(first);
    expect(book.find('nobody')).toBeNull();
  });
});
