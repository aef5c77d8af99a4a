import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../src/blocklist/block.ts';
import type { Rule } from '../../../src/detect/rule.ts';
import { type PassBounds, RulePass } from '../../../src/detect/rule-pass.ts';
import { parseRules } from '../../../src/detect/rules.ts';
import type { TrackedEvent } from '../../../src/detect/tally.ts';
import { morningMs } from '../../support/decisions.ts';

const ruleOf = (terms: string, name = 'rule'): Rule => {
  const [rule] = parseRules(
    `version: 1\nrules: [{ name: ${name}, mode: enforce, block: { base: 15m }, ${terms} }]`,
  ).rules;
  if (!rule) throw new Error('a rule expected');
  return rule;
};

const heard = { emitter: 'gate', seq: 1 };

const eventOf = (change: Partial<TrackedEvent> = {}): TrackedEvent => ({
  atMs: morningMs,
  offset: 0,
  denied: true,
  count: 1,
  early: null,
  policy: 'per-client',
  route: 'GET /orders',
  client: { kind: 'ip', id: '203.0.113.9' },
  tenant: '',
  heard,
  isClamped: false,
  ...change,
});

const passOf = (rules: readonly Rule[], bounds: PassBounds = {}): RulePass =>
  new RulePass({ rules, partition: 0, sinceMs: () => Number.NEGATIVE_INFINITY, ...bounds });

/** Each list is one record. */
const verdictsOf = (rules: readonly Rule[], records: readonly (readonly TrackedEvent[])[]): Verdict[] => {
  const pass = passOf(rules);
  return records.flatMap((events, offset) => {
    for (const event of events) pass.observe({ ...event, offset });
    return pass.conclude();
  });
};

const deep = 'depth: { denied: 10, deniedShare: 50% }';
const broad = 'breadth: { distinctRoutes: 3 }';
const once = 'windows: { length: 10s, hit: 1, of: 1 }';
const ip = (id: string) => ({ kind: 'ip' as const, id });
const routes = (...names: string[]) => names.map((name) => eventOf({ route: `GET /${name}` }));

describe('breadth and depth together', () => {
  const onlyBroad = routes('a', 'b', 'c');
  const onlyDeep = [eventOf({ route: 'GET /a', count: 12 })];
  const both = [...onlyDeep, ...routes('b', 'c')];

  it('must both hold in a window where a rule says all', () => {
    const rule = ruleOf(`when: all, ${broad}, ${deep}, ${once}`);
    expect(verdictsOf([rule], [onlyBroad])).toEqual([]);
    expect(verdictsOf([rule], [onlyDeep])).toEqual([]);
    expect(verdictsOf([rule], [both])).toHaveLength(1);
  });

  it('are each enough where a rule says any', () => {
    const rule = ruleOf(`when: any, ${broad}, ${deep}, ${once}`);
    expect(verdictsOf([rule], [onlyBroad])).toHaveLength(1);
    expect(verdictsOf([rule], [onlyDeep])).toHaveLength(1);
    expect(verdictsOf([rule], [routes('a', 'b')])).toEqual([]);
  });
});

describe('the least evidence', () => {
  it('is asked for over all windows of the stretch', () => {
    const rule = ruleOf(`${deep}, windows: { length: 10s, hit: 2, of: 3 }, evidence: { denied: 40 }`);
    const window = (afterMs: number, count: number) => [eventOf({ atMs: morningMs + afterMs, count })];
    expect(verdictsOf([rule], [window(0, 19), window(10_000, 20)])).toEqual([]);
    expect(verdictsOf([rule], [window(0, 20), window(10_000, 20)])).toMatchObject([{ evidence: { denied: 40 } }]);
  });
});

describe('a rule by network', () => {
  const rule = ruleOf(`by: network, ${deep}, ${once}, evidence: { clients: 3 }`);

  it('puts the addresses of a /24 together and names those that were denied most', () => {
    const events = [4, 5, 3].map((count, index) => eventOf({ client: ip(`198.51.100.${index}`), count }));
    expect(verdictsOf([rule], [events])).toMatchObject([
      {
        subject: { kind: 'network', id: '198.51.100.0/24' },
        evidence: {
          denied: 12,
          members: { clients: 3, most: ['ip:198.51.100.1', 'ip:198.51.100.0', 'ip:198.51.100.2'] },
        },
      },
    ]);
  });

  it('puts the addresses of an IPv6 /64 together', () => {
    const events = ['1', '2', '3'].map((host) => eventOf({ client: ip(`2001:db8::${host}`), count: 5 }));
    expect(verdictsOf([rule], [events])).toMatchObject([{ subject: { kind: 'network', id: '2001:db8::/64' } }]);
  });

  it('leaves a network alone for which too few clients speak, however loud', () => {
    const two = ['198.51.100.1', '198.51.100.2'].map((id) => eventOf({ client: ip(id), count: 1000 }));
    expect(verdictsOf([rule], [two])).toEqual([]);
    const neighbours = [1, 2, 3].map((third) => eventOf({ client: ip(`198.51.${third}.1`), count: 1000 }));
    expect(verdictsOf([rule], [neighbours])).toEqual([]);
  });

  it('sees no network in keys and users, nor in an id that is no address', () => {
    const clients = [1, 2, 3].flatMap((n) => [
      { kind: 'key' as const, id: `198.51.100.${n}` },
      { kind: 'user' as const, id: `198.51.100.${n}` },
      ip(`host-${n}`),
    ]);
    expect(verdictsOf([rule], [clients.map((client) => eventOf({ client, count: 50 }))])).toEqual([]);
  });

  it('does not count members that were served', () => {
    const events = [1, 2, 3, 4].map((n) =>
      eventOf({ client: ip(`198.51.100.${n}`), denied: n > 2, count: 10, route: `GET /${n}` }),
    );
    expect(verdictsOf([rule], [events])).toEqual([]);
  });

  it('counts members exactly up to its bound', () => {
    const events = Array.from({ length: 300 }, (_, n) => eventOf({ client: ip(`2001:db8::${(n + 1).toString(16)}`) }));
    expect(verdictsOf([rule], [events.slice(0, 256)])).toMatchObject([{ evidence: { members: { clients: 256 } } }]);
    expect(verdictsOf([rule], [events])).toMatchObject([{ evidence: { denied: 300, members: { clients: 256 } } }]);
  });
});

describe('the routes that are told apart', () => {
  const rule = ruleOf(`breadth: { distinctRoutes: 40 }, ${deep}, when: any, ${once}`);

  it('are the denied ones: nobody hides behind many that it was served', () => {
    const served = Array.from({ length: 64 }, (_, n) => eventOf({ route: `GET /ok/${n}`, denied: false }));
    const denied = Array.from({ length: 40 }, (_, n) => eventOf({ route: `GET /door/${n}` }));
    expect(verdictsOf([rule], [[...served, ...denied]])).toMatchObject([{ evidence: { distinctRoutes: 40 } }]);
  });
});

describe('memory', () => {
  const rule = ruleOf(`${deep}, windows: { length: 60s, hit: 3, of: 5 }`);
  const flood = (count: number, afterMs: number, each = 1): TrackedEvent[] =>
    Array.from({ length: count }, (_, n) =>
      eventOf({ atMs: morningMs + afterMs, client: ip(`198.18.${n >> 8}.${n & 255}`), count: each }),
    );
  const worker = (minute: number) => eventOf({ atMs: morningMs + minute * 60_000, count: 12 });
  const bounds = { maxSuspects: 100, maxQuiet: 100 };
  const found = (records: readonly (readonly TrackedEvent[])[], limits: PassBounds = bounds) => {
    const pass = passOf([rule], limits);
    const verdicts = records.flatMap((events) => {
      for (const event of events) pass.observe(event);
      return pass.conclude();
    });
    return { verdicts, stats: pass.stats() };
  };

  it('is bounded, and who is forgotten is counted', () => {
    const { stats } = found([flood(1000, 0)]);
    expect(stats).toMatchObject({ clients: 100, evicted: 900 });
  });

  it('does not forget who is near a verdict for a flood of new ids', () => {
    const { verdicts, stats } = found([
      [worker(0)],
      flood(5000, 30_000),
      [worker(1)],
      flood(5000, 90_000),
      [worker(2)],
    ]);
    expect(verdicts).toMatchObject([{ subject: { id: '203.0.113.9' }, evidence: { denied: 36 } }]);
    expect(stats.evicted).toBeGreaterThan(9000);
  });

  it('does not forget whoever is denied much for ids that are denied little', () => {
    const begun = eventOf({ count: 9 });
    const { verdicts } = found([[begun], flood(5000, 10, 2), [worker(0)], [worker(1)], [worker(2)]]);
    expect(verdicts).toMatchObject([{ evidence: { denied: 9 + 36 } }]);
  });

  it('takes newcomers in, full as it is of suspects', () => {
    const old = flood(100, 0, 50);
    const newcomer = Array.from({ length: 12 }, (_, n) => [eventOf({ atMs: morningMs + 100 * n })]);
    const { verdicts } = found([old, ...newcomer, [worker(1)], [worker(2)]]);
    expect(verdicts).toMatchObject([{ subject: { id: '203.0.113.9' } }]);
  });

  it('forgets first those whom it has judged, before those who are near', () => {
    const twoWindows = ruleOf(`${deep}, windows: { length: 60s, hit: 2, of: 5 }`);
    const pass = passOf([twoWindows], bounds);
    const seen = (from: number, to: number, minute: number): number => {
      for (let n = from; n < to; n += 1) {
        pass.observe(eventOf({ client: ip(`198.18.0.${n}`), atMs: morningMs + minute * 60_000, count: 12 }));
      }
      return pass.conclude().length;
    };
    seen(0, 50, 0);
    expect(seen(0, 50, 1)).toBe(50);
    seen(50, 100, 1);
    for (const event of flood(9, 60_000))
      pass.observe({ ...event, client: ip(`203.0.113.${event.client.id.slice(9)}`) });
    pass.conclude();
    expect(pass.stats().evicted).toBe(9);
    expect(seen(50, 100, 2)).toBe(50);
  });

  it('is bounded in routes and windows too', () => {
    const wide = Array.from({ length: 50 }, (_, n) => n).map((n) =>
      Array.from({ length: 40 }, (_, at) => eventOf({ client: ip(`198.18.0.${n}`), route: `GET /${at}` })),
    );
    const { stats } = found(wide, { ...bounds, maxCells: 480 });
    expect(stats).toMatchObject({ clients: 10, evicted: 40, cells: 480 });
  });

  it('keeps few of those who are within their limits, and those who come again rather than others', () => {
    const regular = eventOf({ denied: false, count: 30, client: ip('192.0.2.1') });
    const others = flood(1000, 0).map((event) => ({ ...event, denied: false }));
    const records = others.map((event) => [regular, event]);
    const { verdicts, stats } = found([...records, [{ ...regular, denied: true, count: 12 }]]);
    expect(verdicts).toEqual([]);
    expect(stats.clients).toBeLessThanOrEqual(101);
    const depth = ruleOf(`${deep}, ${once}`);
    // Remembered as one that is nearly always served: its share of denials is small.
    expect(verdictsOf([depth], [...records, [{ ...regular, denied: true, count: 12 }]])).toEqual([]);
    expect(verdictsOf([depth], [[{ ...regular, denied: true, count: 12 }]])).toHaveLength(1);
  });
});

describe('a denial that comes late', () => {
  const rule = ruleOf(`${deep}, windows: { length: 5s, hit: 1, of: 8 }`);
  const served = [0, 5, 10, 15, 20, 25].map((second) => [
    eventOf({ denied: false, count: 30, atMs: morningMs + 1000 * second }),
  ]);

  it('meets what was allowed in its window, in everybody’s memory, however many windows it is late', () => {
    expect(verdictsOf([rule], [...served, [eventOf({ count: 12, atMs: morningMs + 1000 })]])).toEqual([]);
    const denied = [eventOf({ count: 1, atMs: morningMs })];
    expect(verdictsOf([rule], [denied, ...served, [eventOf({ count: 12, atMs: morningMs + 1000 })]])).toEqual([]);
    expect(verdictsOf([rule], [...served.slice(1), [eventOf({ count: 12, atMs: morningMs + 1000 })]])).toHaveLength(1);
  });
});

describe('rules that agree in grouping, match and window', () => {
  it('share a tally', () => {
    const alike = [
      ruleOf(`${deep}, ${once}, match: { routes: ['GET /a', 'GET /b'] }`, 'a'),
      ruleOf(`${deep}, windows: { length: 10s, hit: 2, of: 9 }, match: { routes: ['GET /b', 'GET /a'] }`, 'b'),
    ];
    const other = ruleOf(`${deep}, windows: { length: 20s, hit: 2, of: 9 }`, 'c');
    expect(passOf(alike).stats().tallies).toBe(1);
    expect(passOf([...alike, other]).stats().tallies).toBe(2);
  });
});

const rules = [
  ruleOf(`${broad}, windows: { length: 10s, hit: 2, of: 4 }`, 'broad'),
  ruleOf(`${deep}, windows: { length: 10s, hit: 2, of: 3, overwhelming: { denied: 40, counts: 2 } }`, 'deep'),
  ruleOf(`${deep}, windows: { length: 10s, lasting: 2s, hit: 1, of: 1 }, compliance: { minEarlyShare: 20% }`, 'deaf'),
  ruleOf(`when: all, ${broad}, ${deep}, windows: { length: 10s, hit: 1, of: 6 }, evidence: { denied: 30 }`, 'both'),
  ruleOf(`${deep}, windows: { length: 20s, hit: 2, of: 3 }`, 'long'),
  ruleOf(`by: network, ${broad}, windows: { length: 10s, hit: 2, of: 4 }`, 'network'),
  ruleOf(`by: client-in-tenant, ${deep}, windows: { length: 20s, hit: 1, of: 2 }`, 'tenant'),
];

const step = fc.record({
  client: fc.constantFrom(ip('192.0.2.1'), ip('192.0.2.2'), ip('198.51.100.7'), { kind: 'key' as const, id: 'k' }),
  tenant: fc.constantFrom('a', 'b'),
  stepMs: fc.integer({ min: 0, max: 4000 }),
  route: fc.constantFrom('GET /a', 'GET /b', 'GET /c', 'GET /d', null),
  denied: fc.constantFrom(true, true, true, false),
  count: fc.integer({ min: 1, max: 15 }),
  early: fc.constantFrom(null, 0, 1),
});
const log = fc
  .array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 20, maxLength: 80 })
  .map((records) => {
    let atMs = morningMs;
    return records.map((record) =>
      record.map(({ stepMs, ...change }) => {
        atMs += stepMs;
        return eventOf({ ...change, atMs });
      }),
    );
  });
const shuffled = <T>(items: readonly T[], keys: readonly number[]): T[] =>
  items
    .map((item, index) => ({ item, key: keys[index % keys.length] ?? 0 }))
    .sort((left, right) => left.key - right.key)
    .map(({ item }) => item);

describe('the verdicts of a rule', () => {
  it('do not depend on what other rules there are', () => {
    fc.assert(
      fc.property(log, fc.subarray(rules), (records, some) => {
        const whole = verdictsOf(rules, records);
        const names = new Set(some.map(({ name }) => name));
        expect(verdictsOf(some, records)).toEqual(whole.filter(({ rule }) => names.has(rule)));
      }),
      { numRuns: 100 },
    );
  });

  it('do not depend on the order of the rules', () => {
    fc.assert(
      fc.property(log, fc.shuffledSubarray(rules, { minLength: rules.length }), (records, other) => {
        const sorted = (verdicts: readonly Verdict[]) => [...verdicts].sort((a, b) => (a.id < b.id ? -1 : 1));
        expect(sorted(verdictsOf(other, records))).toEqual(sorted(verdictsOf(rules, records)));
      }),
      { numRuns: 50 },
    );
  });

  it('do not depend on the order of the events of a record', () => {
    fc.assert(
      fc.property(log, fc.array(fc.nat(), { minLength: 5, maxLength: 5 }), (records, keys) => {
        // Which record crosses a window first decides nothing here: no record does.
        const within = records.map((events) => events.map((event) => ({ ...event, atMs: events[0]?.atMs ?? 0 })));
        const other = within.map((events) => shuffled(events, keys));
        const sorted = (verdicts: readonly Verdict[]) =>
          verdicts.map(({ id, evidence }) => ({ id, evidence })).sort((a, b) => (a.id < b.id ? -1 : 1));
        expect(sorted(verdictsOf(rules, other))).toEqual(sorted(verdictsOf(rules, within)));
      }),
      { numRuns: 100 },
    );
  });

  // Shares (of denials, of early ones, of folded routes) go up and down, and are judged as they stand.
  it('are about the same subjects in whatever order the denials of a window come, where nothing is a share', () => {
    const growing = rules.filter(({ name }) => name !== 'deaf' && name !== 'long' && name !== 'tenant');
    fc.assert(
      fc.property(log, fc.array(fc.nat(), { minLength: 7, maxLength: 7 }), (records, keys) => {
        const denials = records.flat().filter(({ denied, route }) => denied && route !== null);
        const windows = new Map<number, TrackedEvent[]>();
        for (const event of denials) {
          const start = Math.floor(event.atMs / 10_000);
          windows.set(start, [...(windows.get(start) ?? []), event]);
        }
        const ids = (events: readonly TrackedEvent[]) =>
          verdictsOf(
            growing,
            events.map((event) => [event]),
          )
            .map(({ id }) => id)
            .sort();
        const other = [...windows.values()].flatMap((events) => shuffled(events, keys));
        expect(ids(other)).toEqual(ids(denials));
      }),
      { numRuns: 100 },
    );
  });
});
