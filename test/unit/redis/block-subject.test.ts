import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BlockSubject, subjectKeyOf, subjectKinds } from '../../../src/client.ts';
import {
  addressesOf,
  identityDigest,
  longShards,
  placed,
  shardOf,
  shortShards,
  storedOf,
  subjectKeyFrom,
  surroundings,
} from '../../../src/redis/block-subject.ts';

const anyText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const anyAddress = fc.oneof(
  fc.ipV4(),
  fc.ipV6().map((address) => `${address}/64`),
  fc.stringMatching(/^[0-9a-f.:/]{1,30}$/),
);

describe('how Redis spells a subject', () => {
  it('leaves out what an address says by itself, and can be read back, whatever the subject', () => {
    const subject = fc.record(
      {
        kind: fc.constantFrom(...subjectKinds),
        id: fc.oneof(anyText, anyAddress, fc.constant('~1')),
        tenant: fc.oneof(anyText, anyAddress),
      },
      { requiredKeys: ['kind', 'id'] },
    );
    fc.assert(
      fc.property(subject, (given) => {
        const key = subjectKeyOf(given as BlockSubject);
        expect(subjectKeyFrom(storedOf(key))).toBe(key);
      }),
      { numRuns: 1000 },
    );
    expect(storedOf('ip:203.0.113.9')).toBe('203.0.113.9');
    expect(storedOf('ip:2001:db8::/64')).toBe('2001:db8::/64');
    expect(storedOf('acme/ip:203.0.113.9')).toBe('acme/ip:203.0.113.9');
  });

  it('never looks like the import that an entry refers to', () => {
    fc.assert(
      fc.property(fc.constantFrom(...subjectKinds), anyText, (kind, id) => {
        expect(storedOf(subjectKeyOf({ kind, id })).startsWith('~')).toBe(false);
      }),
    );
  });
});

describe('where an entry lies', () => {
  it('is one of the shards for its length, evenly', () => {
    const counts = new Map<number, number>();
    for (let n = 0; n < 200_000; n += 1) {
      const shard = shardOf(`${n >> 16}.${(n >> 8) & 255}.${n & 255}.7`);
      counts.set(shard, (counts.get(shard) ?? 0) + 1);
    }
    expect(Math.max(...counts.keys())).toBeLessThan(shortShards);
    // 12 on average: a million entries must stay below 128 in each.
    expect(Math.max(...counts.values())).toBeLessThan(45);
    const long = shardOf(`user:${'ü'.repeat(32)}`);
    expect(long).toBeGreaterThanOrEqual(shortShards);
    expect(long).toBeLessThan(shortShards + longShards);
    expect(shardOf('x'.repeat(64))).toBeLessThan(shortShards);
    expect(shardOf('x'.repeat(65))).toBeGreaterThanOrEqual(shortShards);
  });

  it('is told for the subject itself first, then for all that holds for it', () => {
    const subject = { kind: 'ip', id: '203.0.113.9', tenant: 'acme' } as const;
    const { around } = surroundings(subject);
    expect(around.slice(0, 2)).toEqual([
      [placed(subject).subject, placed(subject).shard],
      ['203.0.113.9', shardOf('203.0.113.9')],
    ]);
    expect(around).toHaveLength(2 * 25);
  });
});

describe('where identities are', () => {
  it('is by /24 and /64, and a wider network holds several', () => {
    expect(addressesOf({ kind: 'ip', id: '203.0.113.9' })).toEqual({
      from: '4cb007109',
      to: '4cb007109',
      first: '4cb0071',
      last: '4cb0071',
    });
    expect(addressesOf({ kind: 'network', id: '203.0.112.0/23' })).toMatchObject({ first: '4cb0070', last: '4cb0071' });
    expect(addressesOf({ kind: 'ip', id: '2001:db8:0:7::/64' })).toMatchObject({
      from: '620010db800000007',
      first: '620010db800000007',
    });
    expect(addressesOf({ kind: 'user', id: 'ada' })).toBeUndefined();
  });

  it('tells identities apart by a short digest', () => {
    const digests = new Set(Array.from({ length: 10_000 }, (_, n) => identityDigest(`user:${n}`)));
    expect(digests.size).toBe(10_000);
    expect([...digests][0]).toMatch(/^[\w-]{12}$/);
  });
});
