import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../src/blocklist/block.ts';
import { type ObservedRecord, PartitionDetector } from '../../../src/detect/partition-detector.ts';
import { parseRules } from '../../../src/detect/rules.ts';
import type { DecisionEvent } from '../../../src/event/decision-event.ts';
import { decisionOf, morningMs } from '../../support/decisions.ts';

const rulesOf = (breadth: string, depth: string) =>
  parseRules(`
version: 1
rules:
  - { name: breadth, mode: enforce, breadth: { distinctRoutes: 3 }, windows: ${breadth}, block: { base: 15m } }
  - { name: depth, mode: enforce, depth: { denied: 10, deniedShare: 0.8 }, windows: ${depth}, block: { base: 15m } }
`).rules;
const rules = rulesOf('{ length: 10s, hit: 2, of: 4 }', '{ length: 10s, hit: 2, of: 3 }');

interface Step {
  readonly afterMs: number;
  readonly change: Partial<DecisionEvent>;
}

/** One record per step, each with one event. */
const recordsOf = (steps: readonly Step[]): ObservedRecord[] =>
  steps.map(({ afterMs, change }, offset) => ({
    offset,
    appendedAtMs: morningMs + 10 * 86_400_000,
    events: [decisionOf({ timeMs: morningMs + afterMs, seq: offset + 1, ...change })],
  }));

const detectorOf = (options: Partial<ConstructorParameters<typeof PartitionDetector>[0]> = {}) =>
  new PartitionDetector({ partition: 0, rules, fromOffset: 0, ...options });

const verdictsOf = (steps: readonly Step[], options = {}): Verdict[] => {
  const detector = detectorOf(options);
  return recordsOf(steps).flatMap((record) => detector.observe(record));
};

const broadWindow = (afterMs: number, change: Partial<DecisionEvent> = {}): Step[] =>
  ['GET /a', 'GET /b', 'GET /c'].map((route) => ({ afterMs, change: { route, ...change } }));

const deepWindow = (afterMs: number, change: Partial<DecisionEvent> = {}): Step[] => [
  { afterMs, change: { count: 12, ...change } },
];

describe('PartitionDetector', () => {
  it('concludes breadth at the event that completes it, with evidence that names the records', () => {
    const detector = detectorOf();
    const records = recordsOf([...broadWindow(0), ...broadWindow(10_000), ...broadWindow(10_500)]);
    const found = records.map((record) => detector.observe(record));
    expect(found.map((verdicts) => verdicts.length)).toEqual([0, 0, 0, 0, 0, 1, 0, 0, 0]);
    expect(found[5]?.[0]).toMatchObject({
      rule: 'breadth',
      subject: { kind: 'ip', id: '203.0.113.9' },
      atMs: morningMs + 10_000,
      evidence: {
        denied: 6,
        allowed: 0,
        early: null,
        windows: { hit: 2, weight: 2, needed: 2, of: 4, windowMs: 10_000 },
        distinctRoutes: 3,
        routes: [
          { route: 'GET /a', denied: 2 },
          { route: 'GET /b', denied: 2 },
          { route: 'GET /c', denied: 2 },
        ],
        policies: ['per-client'],
        log: { partition: 0, fromOffset: 0, toOffset: 5 },
      },
    });
  });

  it('concludes depth when one route is denied for most of the time', () => {
    expect(verdictsOf([...deepWindow(0), ...deepWindow(10_000)])).toMatchObject([{ rule: 'depth' }]);
    const served: Step = { afterMs: 1, change: { outcome: 'allowed', count: 4 } };
    expect(verdictsOf([served, ...deepWindow(0), ...deepWindow(10_000)])).toEqual([]);
  });

  it('does not add up windows that lie too far apart', () => {
    expect(verdictsOf([...deepWindow(0), ...deepWindow(30_000)])).toEqual([]);
    expect(verdictsOf([...deepWindow(0), ...deepWindow(20_000)])).toHaveLength(1);
  });

  it.each<[string, Partial<DecisionEvent>]>([
    ['made by a block', { outcome: 'blocked', source: 'block-list' }],
    ['of a limit that others share', { scope: 'tenant' }],
    ['of a limit by the address of a user', { scope: 'address', clientKind: 'user', client: 'ann' }],
    ['of a limit by the network of an address', { scope: 'network' }],
    ['made without the store', { source: 'fallback', degraded: 'timeout' }],
    ['made because no store answered', { source: 'fail-closed', degraded: 'breaker-open' }],
    ['of an unknown source', { source: 'fallback' }],
    ['that degraded the store', { degraded: 'error' }],
    ['of clients folded together', { client: '~other' }],
    ['of an overflow bucket of routes', { route: 'GET ~other', scope: 'client+route' }],
    ['of a counter that clients share for lack of room', { source: 'overflow' }],
    ['that only a shadow policy would have denied', { outcome: 'allowed', shadowDenied: ['strict'] }],
  ])('takes no evidence from decisions %s', (_, change) => {
    expect(verdictsOf([...deepWindow(0, change), ...deepWindow(10_000, change)])).toEqual([]);
  });

  it.each<[string, Partial<DecisionEvent>]>([
    ['leases', { source: 'lease' }],
    ['the deny cache', { source: 'deny-cache' }],
    ['limits per client and route', { scope: 'client+route' }],
    ['keys', { clientKind: 'key', client: 'k-1' }],
    ['limits by address, where the client is an address', { scope: 'address+service' }],
  ])('takes evidence from decisions of %s', (_, change) => {
    expect(verdictsOf([...deepWindow(0, change), ...deepWindow(10_000, change)])).toHaveLength(1);
  });

  it('gives a client one verdict per rule and incident, and another in a later one', () => {
    const steps = Array.from({ length: 20 }, (_, index) => deepWindow(index * 10_000)).flat();
    const verdicts = verdictsOf(steps);
    const incidents = verdicts.map(({ atMs }) => Math.floor(atMs / 30_000));
    expect(new Set(incidents).size).toBe(verdicts.length);
    expect(new Set(verdicts.map(({ id }) => id)).size).toBe(verdicts.length);
    expect(verdicts.length).toBeGreaterThanOrEqual(6);
  });

  it('keeps tenants apart where a rule groups by client and tenant, and says the tenant of the block', () => {
    const inTenant = rules.map((rule) => ({ ...rule, by: 'client-in-tenant' as const }));
    const steps = [...deepWindow(0, { tenant: 'a' }), ...deepWindow(10_000, { tenant: 'b' })];
    expect(verdictsOf(steps, { rules: inTenant })).toEqual([]);
    const subject = { kind: 'ip', id: '203.0.113.9', tenant: 'b' };
    expect(verdictsOf([...steps, ...deepWindow(20_000, { tenant: 'b' })], { rules: inTenant })).toMatchObject([
      { subject, tenant: 'b' },
    ]);
    expect(verdictsOf(steps)).toMatchObject([{ subject: { kind: 'ip', id: '203.0.113.9' }, tenant: '' }]);
  });

  it('ignores an event that is later than the others by more than the bound, and counts it', () => {
    const detector = detectorOf({ latenessMs: 5000 });
    const steps = [{ afterMs: 20_000, change: { outcome: 'allowed' as const } }, ...deepWindow(10_000)];
    for (const record of recordsOf(steps)) detector.observe(record);
    expect(detector.stats()).toMatchObject({ late: 1, evidence: 0 });
  });

  it('trusts the time of the broker over an emitter whose clock runs ahead', () => {
    const detector = detectorOf();
    const ahead = decisionOf({ timeMs: morningMs + 3_600_000, emitter: 'gate-2', client: '203.0.113.10' });
    detector.observe({ offset: 0, appendedAtMs: morningMs, events: [ahead] });
    const [first, second] = recordsOf([...deepWindow(1000), ...deepWindow(10_000)]);
    if (!first || !second) throw new Error('two records expected');
    detector.observe({ ...first, offset: 1 });
    expect(detector.observe({ ...second, offset: 2 })).toHaveLength(1);
  });

  it('remembers a bounded number of emitters and of clients that were never denied', () => {
    const detector = detectorOf({ maxQuiet: 10 });
    const repeated = { afterMs: 0, change: { emitter: 'gate-0', seq: 1, outcome: 'allowed' as const } };
    const flood = Array.from({ length: 10_000 }, (_, n) => ({
      afterMs: 0,
      change: { emitter: `gate-${n + 1}`, seq: 1, client: `198.18.${n >> 8}.${n & 255}`, outcome: 'allowed' as const },
    }));
    for (const record of recordsOf([repeated, repeated, ...flood, repeated])) detector.observe(record);
    const { clients, ...stats } = detector.stats();
    expect(stats).toMatchObject({ duplicates: 1, events: 10_002 });
    expect(clients).toBeLessThanOrEqual(10);
  });

  it('skips what an emitter sent twice', () => {
    const detector = detectorOf();
    const [record] = recordsOf(deepWindow(0));
    if (!record) throw new Error('a record expected');
    detector.observe(record);
    detector.observe({ ...record, offset: 1 });
    expect(detector.stats()).toMatchObject({ duplicates: 1, evidence: 12 });
  });

  it('forgets the suspect it has not seen for longest when there are too many, and counts it', () => {
    const detector = detectorOf({ maxSuspects: 10 });
    const steps = Array.from({ length: 50 }, (_, index) => ({
      afterMs: index,
      change: { client: `198.51.100.${index}` },
    }));
    for (const record of recordsOf(steps)) detector.observe(record);
    expect(detector.stats()).toMatchObject({ clients: 10, evictedClients: 40 });
  });

  it('is not blinded to a suspect by a flood of clients that are within their limits', () => {
    const flood = Array.from({ length: 200 }, (_, index) => ({
      afterMs: 5000,
      change: { client: `client-${index}`, outcome: 'allowed' as const },
    }));
    expect(verdictsOf([...deepWindow(0), ...flood, ...deepWindow(10_000)], { maxQuiet: 10 })).toHaveLength(1);
  });

  it('gives memory back when a client has been away for longer than a rule looks back', () => {
    const detector = detectorOf();
    for (const record of recordsOf([...deepWindow(0), ...deepWindow(600_000, { client: '198.51.100.1' })])) {
      detector.observe(record);
    }
    expect(detector.stats().clients).toBe(1);
  });

  it('counts windows in which denials are spread only, where a rule asks for it', () => {
    const lasting = rulesOf('{ length: 10s, hit: 2, of: 4 }', '{ length: 10s, lasting: 3s, hit: 2, of: 3 }');
    const burst = [...deepWindow(0), ...deepWindow(10_000), ...deepWindow(20_000)];
    expect(verdictsOf(burst, { rules: lasting })).toEqual([]);
    const spread = [0, 4000, 10_000, 14_000].flatMap((afterMs) => deepWindow(afterMs));
    expect(verdictsOf(spread, { rules: lasting })).toHaveLength(1);
  });

  it('lets one overwhelming window count as several', () => {
    const overwhelming = '{ length: 10s, hit: 3, of: 3, overwhelming: { denied: 100, counts: 3 } }';
    const one = (count: number) => verdictsOf(deepWindow(0, { count }), { rules: rulesOf(overwhelming, overwhelming) });
    expect(one(99)).toEqual([]);
    expect(one(100)).toMatchObject([{ rule: 'depth', evidence: { windows: { hit: 1, of: 3 } } }]);
  });
});

describe('compliance', () => {
  const [, depth] = rules;
  const judged = depth ? [{ ...depth, minEarlyShare: 0.2 }] : [];
  const windows = (early: number | null) => [...deepWindow(0, { early }), ...deepWindow(10_000, { early })];

  it('takes nothing from a client that waits as it is told', () => {
    expect(verdictsOf(windows(0), { rules: judged })).toEqual([]);
    expect(verdictsOf(windows(2), { rules: judged })).toEqual([]);
  });

  it('takes evidence from one that does not, and says how often it came early', () => {
    expect(verdictsOf(windows(6), { rules: judged })).toMatchObject([{ evidence: { early: 12 } }]);
  });

  it('judges nobody who was told nothing', () => {
    expect(verdictsOf(windows(null), { rules: judged })).toMatchObject([{ evidence: { early: null } }]);
  });
});

describe('the verdicts on a partition', () => {
  const event = fc.record({
    client: fc.constantFrom('a', 'b', 'c'),
    stepMs: fc.integer({ min: -6000, max: 9000 }),
    route: fc.constantFrom('GET /a', 'GET /b', 'GET /c', 'GET /d', 'GET ~other'),
    outcome: fc.constantFrom('denied', 'denied', 'denied', 'allowed', 'blocked'),
    count: fc.integer({ min: 1, max: 15 }),
  });
  const log = fc
    .array(fc.array(event, { minLength: 1, maxLength: 3 }), { minLength: 40, maxLength: 150 })
    .map((frames) => {
      let atMs = morningMs;
      let seq = 0;
      return frames.map((frame, offset): ObservedRecord => {
        const events = frame.map(({ stepMs, ...change }) => {
          atMs += stepMs;
          seq += 1;
          return decisionOf({ ...change, timeMs: atMs, seq } as Partial<DecisionEvent>);
        });
        return { offset, appendedAtMs: atMs + 20_000, events };
      });
    });
  const setting = { latenessMs: 15_000 };

  it('are the same whenever a successor takes over from a checkpoint', () => {
    fc.assert(
      fc.property(log, fc.array(fc.nat(150), { minLength: 1, maxLength: 5 }), (records, cuts) => {
        const whole = detectorOf(setting);
        const expected = records.flatMap((record) => whole.observe(record));
        const found = new Map<string, Verdict>();
        let detector = detectorOf(setting);
        for (const [index, record] of records.entries()) {
          if (cuts.includes(index)) {
            const { offset, horizonMs } = detector.checkpoint();
            detector = detectorOf({ ...setting, fromOffset: offset, horizonMs });
            for (const earlier of records.slice(offset, index)) {
              for (const verdict of detector.observe(earlier)) {
                // Concluded again on the way: the same conclusion.
                expect(found.get(verdict.id)).toEqual(verdict);
              }
            }
          }
          for (const verdict of detector.observe(record)) {
            expect(found.has(verdict.id)).toBe(false);
            found.set(verdict.id, verdict);
          }
        }
        expect([...found.values()]).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  it('count a repeated row once when its emitter runs ahead, though a successor never read the first copy', () => {
    const ahead = decisionOf({ emitter: 'ahead', seq: 1, count: 12, timeMs: morningMs + 86_400_000 });
    // What the clock of an emitter says that far ahead is the broker's time: the copy seems to be a decision of its own.
    const records: ObservedRecord[] = Array.from({ length: 60 }, (_, offset) => {
      const appendedAtMs = morningMs + offset * 5000;
      const calm = decisionOf({ seq: offset + 1, outcome: 'allowed', client: '192.0.2.1', timeMs: appendedAtMs });
      const denied = decisionOf({ emitter: 'gate-2', seq: 1, count: 12, timeMs: appendedAtMs });
      const more = offset === 40 || offset === 48 ? [ahead] : offset === 50 ? [denied] : [];
      return { offset, appendedAtMs, events: [calm, ...more] };
    });
    for (let cut = 41; cut < 60; cut += 1) {
      const owner = detectorOf(setting);
      for (const record of records.slice(0, cut)) expect(owner.observe(record)).toEqual([]);
      const { offset, horizonMs } = owner.checkpoint();
      const successor = detectorOf({ ...setting, fromOffset: offset, horizonMs });
      for (const record of records.slice(offset)) expect(successor.observe(record), `cut at ${cut}`).toEqual([]);
    }
  });

  it('are the same when records come again', () => {
    fc.assert(
      fc.property(log, fc.nat(10), (records, back) => {
        const once = detectorOf(setting);
        const expected = records.flatMap((record) => once.observe(record));
        const again = detectorOf(setting);
        const found = records.flatMap((_, index) =>
          records.slice(Math.max(0, index - back), index + 1).flatMap((record) => again.observe(record)),
        );
        expect(found).toEqual(expected);
      }),
    );
  });

  it('let a successor skip what no longer matters', () => {
    const steps = Array.from({ length: 100 }, (_, index) => deepWindow(index * 10_000)).flat();
    const detector = detectorOf(setting);
    for (const record of recordsOf(steps)) detector.observe(record);
    // Two incidents of 40 s, 15 s for late events and a minute for repeated ones, in records of 10 s.
    expect(detector.checkpoint().offset).toBeGreaterThanOrEqual(100 - 16);
  });
});
