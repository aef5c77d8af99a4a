import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, isWithin, networkOf, parseCidr } from '../../../src/address.ts';
import { clientFromKey, clientKeyOf, clientOf, maxClientIdLength } from '../../../src/client.ts';
import { formatDurationMs, parseDurationMs } from '../../../src/duration.ts';

describe('addresses', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['64:ff9b::c000:201', '192.0.2.1'],
    ['2001:DB8:0::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['1', null],
    ['0x7f.1', null],
    ['192.0.2.1.', null],
    ['999.1.1.1', null],
    ['', null],
    ['a'.repeat(1000), null],
  ])('%s has one spelling: %s', (text, expected) => {
    expect(canonicalAddress(text)).toBe(expected);
  });

  it('count as their own network for IPv4, as a /64 for IPv6', () => {
    expect(networkOf('192.0.2.1')).toBe('192.0.2.1');
    expect(networkOf('2001:db8::dead:beef')).toBe('2001:db8::/64');
    expect(networkOf('nobody')).toBeNull();
  });

  it('lie in a network or not', () => {
    const networks = ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'].flatMap((text) => parseCidr(text) ?? []);
    expect(networks).toHaveLength(3);
    for (const inside of ['10.255.0.1', '::ffff:10.0.0.1', '2001:db8:1::1', '192.0.2.7'])
      expect(isWithin(inside, networks)).toBe(true);
    for (const outside of ['11.0.0.1', '2001:db9::1', '192.0.2.8', 'x'])
      expect(isWithin(outside, networks)).toBe(false);
  });

  it.each(['10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/8/8', '::/129', 'x/8', '10.0.0.0/', '/8'])(
    '%s is no network',
    (text) => {
      expect(parseCidr(text)).toBeNull();
    },
  );

  it('never throw, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        canonicalAddress(text);
        networkOf(text);
        parseCidr(text);
      }),
    );
  });
});

describe('clients', () => {
  it('have bounded ids without control characters, still told apart', () => {
    const hostile = ['x'.repeat(1_000_000), 'a\nb', 'a\u0000b', '', '~other', '\ud800'];
    const ids = hostile.map((id) => clientOf('user', id).id);
    expect(new Set(ids).size).toBe(hostile.length);
    for (const id of ids) {
      expect(id.length).toBeLessThanOrEqual(maxClientIdLength);
      expect(id).toMatch(/^~[\w-]{43}$/);
    }
  });

  it.each([
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::FFFF:CB00:7109', '203.0.113.9'],
    ['64:ff9b::cb00:7109', '203.0.113.9'],
    ['2001:DB8::1', '2001:db8::/64'],
    ['2001:db8:0:0:1::', '2001:db8::/64'],
    ['2001:db8::/64', '2001:db8::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['203.0.113.9', '203.0.113.9'],
    ['local', 'local'],
  ])('at %s are known as %s, so that what is said of them finds them', (address, id) => {
    expect(clientOf('ip', address)).toEqual({ kind: 'ip', id });
    expect(clientOf('user', address).id).toBe(address);
  });

  it('round-trip through their key, colons and all', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('key' as const, 'user' as const, 'ip' as const),
        fc.string({ minLength: 1 }),
        (kind, id) => {
          const client = clientOf(kind, id);
          expect(clientFromKey(clientKeyOf(client))).toEqual(client);
        },
      ),
    );
    expect(clientFromKey('nobody')).toBeNull();
  });
});

describe('durations', () => {
  it('are read and written', () => {
    expect(['500ms', '90s', '1.5m', '24h', '30d'].map(parseDurationMs)).toEqual([
      500, 90_000, 90_000, 86_400_000, 2_592_000_000,
    ]);
    for (const bad of ['', '5', 's', '-1s', '1 s', '1e3s', '1w', '0.0001s']) expect(parseDurationMs(bad)).toBeNull();
    expect([500, 90_000, 60_000, 3_600_000, 86_400_000].map(formatDurationMs)).toEqual([
      '500ms',
      '90s',
      '1m',
      '1h',
      '1d',
    ]);
  });
});
