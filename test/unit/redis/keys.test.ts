import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyPrefix, limitKey } from '../../../src/redis/keys.ts';

const keyOf = (change: { client?: string; tenant?: string; route?: string }): string =>
  limitKey(keyPrefix('default'), { policy: 'p', ...change }, 'token-bucket');

describe('the key of a counter', () => {
  it('can be read by a person when the ids are ordinary', () => {
    expect(keyOf({ client: 'ip:2001:db8::/64', route: 'GET /orders/:id' })).toMatch(
      /^tg1:default:\{\d{1,3}\}:b:p\|ip:2001:db8::\/64\|\|route=GET \/orders\/:id$/,
    );
  });

  it('keeps the counters of one client under one hash tag, whatever the id holds', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (client, route) => {
        const keys = [keyOf({ client }), keyOf({ client, route })];
        const tags = keys.map((key) => /^tg1:default:\{(\d{1,3})\}:b:p\|/.exec(key)?.[1]);
        expect(tags[0]).toBeDefined();
        expect(tags[1]).toBe(tags[0]);
        for (const key of keys) {
          expect(key).toMatch(/^[\x20-\x7e]{1,260}$/);
          expect(key.split(/[{}]/)).toHaveLength(3);
        }
      }),
    );
  });

  it('is another one for any other client, tenant or route', () => {
    const part = fc.option(fc.oneof(fc.string(), fc.constantFrom('', 'a|b', 'a', '|', '#a', 'x'.repeat(200))), {
      nil: undefined,
    });
    const parts = fc.record({ client: part, tenant: part, route: part }, { requiredKeys: [] });
    const given = (one: Record<string, string | undefined>) =>
      Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined && value !== ''));
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const same =
          JSON.stringify(Object.entries(given(one)).sort()) === JSON.stringify(Object.entries(given(other)).sort());
        fc.pre(!Object.values(one).includes('') && !Object.values(other).includes(''));
        expect(keyOf(given(one)) === keyOf(given(other))).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });
});
