import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalSubject,
  covers,
  keysAround,
  rangeOf,
  rangesInside,
  sortKeyOf,
  touches,
} from '../../../src/blocklist/subject.ts';
import { type BlockSubject, subjectKeyOf } from '../../../src/client.ts';

const ip = (id: string, tenant?: string): BlockSubject => ({ kind: 'ip', id, ...(tenant !== undefined && { tenant }) });
const network = (id: string, tenant?: string): BlockSubject => ({ ...ip(id, tenant), kind: 'network' });

/** An address or a network as numbers, spelled by nobody's code but this. */
interface Plain {
  readonly v6: boolean;
  readonly base: bigint;
  readonly length: number;
  readonly tenant: string | undefined;
  readonly kind: 'ip' | 'network';
}

const bitsOf = ({ v6 }: Pick<Plain, 'v6'>): number => (v6 ? 64 : 32);
const sizeOf = (plain: Plain): bigint => 1n << BigInt(bitsOf(plain) - plain.length);
const lastOf = (plain: Plain): bigint => plain.base + sizeOf(plain) - 1n;

const subjectOf = (plain: Plain): BlockSubject => {
  const { v6, base, length, tenant, kind } = plain;
  const digits = base.toString(16).padStart(v6 ? 16 : 8, '0');
  const groups = digits.match(v6 ? /.{4}/g : /.{2}/g) ?? [];
  const address = v6 ? `${groups.join(':')}::` : groups.map((group) => Number.parseInt(group, 16)).join('.');
  return canonicalSubject({ ...network(`${address}/${length}`, tenant), kind });
};

/** Few addresses, so that they meet. */
const plain: fc.Arbitrary<Plain> = fc
  .record({
    v6: fc.boolean(),
    high: fc.constantFrom(0x0a000000n, 0x0a010000n, 0xcb007100n),
    low: fc.bigInt({ min: 0n, max: 0x3ffn }),
    cut: fc.integer({ min: 0, max: 24 }),
    tenant: fc.constantFrom(undefined, undefined, 'acme', '4', 'a/b:c%'),
    kind: fc.constantFrom('ip' as const, 'network' as const),
  })
  .map(({ v6, high, low, cut, tenant, kind }) => {
    const address = v6 ? ((0x2001n << 48n) | (high << 8n)) + low : high + low;
    const shift = BigInt(cut);
    return { v6, base: (address >> shift) << shift, length: bitsOf({ v6 }) - cut, tenant, kind };
  });

const contains = (outer: Plain, inner: Plain): boolean =>
  outer.v6 === inner.v6 &&
  (outer.tenant === undefined || outer.tenant === inner.tenant) &&
  outer.base <= inner.base &&
  lastOf(inner) <= lastOf(outer);

/** Whether a block of one would hit any of whom the other speaks for. */
const overlap = (candidate: Plain, other: Plain): boolean =>
  candidate.v6 === other.v6 &&
  (other.tenant === undefined || other.tenant === candidate.tenant) &&
  candidate.base <= lastOf(other) &&
  other.base <= lastOf(candidate);

/** What a store does with the two answers: looks the keys up, and reads the ranges of its sorted sort keys. */
const isFound = (candidate: BlockSubject, other: BlockSubject): boolean => {
  const sortKey = sortKeyOf(other);
  return (
    keysAround(candidate).includes(subjectKeyOf(other)) ||
    (sortKey !== null && rangesInside(candidate).some(({ from, to }) => from <= sortKey && sortKey <= to))
  );
};

describe('what lies around a subject and inside it', () => {
  it('is what the numbers say, in both families, within tenants and for all', () => {
    fc.assert(
      fc.property(plain, plain, (one, two) => {
        const [candidate, other] = [subjectOf(one), subjectOf(two)];
        expect(covers(other, candidate)).toBe(contains(two, one));
        expect(touches(candidate, other)).toBe(overlap(one, two));
        expect(keysAround(candidate).includes(subjectKeyOf(other))).toBe(contains(two, one));
        expect(isFound(candidate, other)).toBe(overlap(one, two));
      }),
      { numRuns: 600 },
    );
  });

  it('is spelled canonically, the narrowest first, up to the widest that there may be', () => {
    const keys = keysAround(ip('203.0.113.9'));
    expect(keys.slice(0, 3)).toEqual(['ip:203.0.113.9', 'network:203.0.113.8/31', 'network:203.0.113.8/30']);
    expect(keys.at(-1)).toBe('network:203.0.0.0/8');
    expect(keys).toHaveLength(25);
    const v6 = keysAround(ip('2001:db8:0:7::/64', 'acme'));
    expect(v6.slice(0, 6)).toEqual([
      'acme/ip:2001:db8:0:7::/64',
      'ip:2001:db8:0:7::/64',
      'acme/network:2001:db8:0:7::/64',
      'network:2001:db8:0:7::/64',
      'acme/network:2001:db8:0:6::/63',
      'network:2001:db8:0:6::/63',
    ]);
    expect(v6.at(-1)).toBe('network:2001::/16');
    expect(v6).toHaveLength(100);
  });

  it('is nothing but itself of who has no address', () => {
    const alice: BlockSubject = { kind: 'user', id: 'alice' };
    expect(keysAround(alice)).toEqual(['user:alice']);
    expect(keysAround({ ...alice, tenant: 'acme' })).toEqual(['acme/user:alice', 'user:alice']);
    expect(rangesInside(alice)).toEqual([]);
    expect(sortKeyOf(alice)).toBeNull();
    expect(rangeOf({ kind: 'key', id: '203.0.113.9' })).toBeNull();
  });

  it('sorts no tenant among the addresses of another, whatever it is called', () => {
    const { from, to } = rangesInside(network('203.0.113.0/24'))[0] ?? { from: '', to: '' };
    for (const tenant of ['', '/', '//', '4cb007109', '//4cb007109', '%2F']) {
      const sortKey = sortKeyOf(ip('203.0.113.9', tenant)) ?? '';
      expect(from <= sortKey && sortKey <= to, tenant).toBe(false);
    }
  });
});

describe('canonicalSubject', () => {
  it.each([
    [ip('::ffff:203.0.113.9'), ip('203.0.113.9')],
    [ip('64:ff9b::203.0.113.9'), ip('203.0.113.9')],
    [ip('2001:DB8::1'), ip('2001:db8::/64')],
    [network('203.0.113.9/32'), ip('203.0.113.9')],
    [ip('2001:db8::/64'), ip('2001:db8::/64')],
    [network('2001:db8::/64'), network('2001:db8::/64')],
    [ip('203.0.113.0/24', 'acme'), network('203.0.113.0/24', 'acme')],
    [network('10.0.0.0/8'), network('10.0.0.0/8')],
    [network('2001::/16'), network('2001::/16')],
  ])('spells %j as %j', (given, meant) => expect(canonicalSubject(given)).toEqual(meant));

  it.each([
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/7',
    '2000::/15',
    '203.0.113.9/24',
    '203.0.113.0/33',
    '::ffff:1.2.3.0/120',
    'x',
    '',
  ])('refuses %j and says what is wrong with it', (id) => {
    expect(() => canonicalSubject(network(id))).toThrowError(
      expect.objectContaining({ code: 'INPUT_INVALID', problems: [expect.objectContaining({ path: 'subject' })] }),
    );
  });

  it('is a fixed point', () => {
    fc.assert(
      fc.property(plain, (one) => {
        expect(canonicalSubject(subjectOf(one))).toEqual(subjectOf(one));
      }),
    );
  });
});
