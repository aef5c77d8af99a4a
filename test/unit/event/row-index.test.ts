import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DecisionEvent, DecisionRecord } from '../../../src/event/decision-event.ts';
import { MergeBuffer } from '../../../src/event/merge-buffer.ts';
import { eventsOf } from '../../support/merged-events.ts';

const fields = {
  timeMs: fc.constantFrom(1_750_000_000_000, 1_750_000_000_001, 1_750_000_000_300),
  tenant: fc.constantFrom('default', 'acme'),
  clientKind: fc.constantFrom('key' as const, 'ip' as const),
  client: fc.constantFrom('a', 'b'),
  address: fc.constantFrom('', '203.0.113.9'),
  route: fc.constantFrom('GET /a', 'GET /b'),
  method: fc.constantFrom('GET', 'HEAD'),
  policy: fc.constantFrom('', 'p'),
  policyVersion: fc.constantFrom('v1', 'v2'),
  scope: fc.constantFrom('', 'client'),
  limit: fc.constantFrom(0, 5),
  remaining: fc.nat(9),
  outcome: fc.constantFrom('allowed' as const, 'blocked' as const),
  source: fc.constantFrom('store' as const, 'fallback' as const),
  degraded: fc.constantFrom('' as const, 'error' as const),
  shadowDenied: fc.constantFrom([], ['s'], ['s', 't'], ['s,t']),
  candidateOutcome: fc.constantFrom('' as const, 'denied' as const),
  compensated: fc.constantFrom(0 as const, 1 as const),
  cost: fc.constantFrom(1, 2),
  latencyUs: fc.constantFrom(16, 64),
  early: fc.constantFrom(null, true, false),
};
const record = fc.record(fields) satisfies fc.Arbitrary<DecisionRecord>;
const fieldNames = Object.keys(fields) as (keyof DecisionRecord)[];

/** Records that are equal but for a dimension or two: each of them alone must keep rows apart. */
const near = fc
  .tuple(record, record, fc.array(fc.subarray(fieldNames, { maxLength: 2 }), { maxLength: 200, size: 'max' }))
  .map(([one, other, changes]) =>
    changes.map(
      (names): DecisionRecord => ({ ...one, ...Object.fromEntries(names.map((name) => [name, other[name]])) }),
    ),
  );

const intervalMs = 250;
const kindOf = ({ timeMs, remaining, early, ...dimensions }: DecisionRecord): string =>
  JSON.stringify([Math.floor(timeMs / intervalMs), early === null, dimensions]);
const kindOfEvent = (event: DecisionEvent): string => {
  const { emitter: _, partition: __, seq: ___, region: ____, count: _____, early, ...record } = event;
  return kindOf({ ...record, early: early === null ? null : early > 0 });
};

it('decisions share a row exactly when they agree in every dimension, however many rows a client has, filling after filling', () => {
  fc.assert(
    fc.property(
      fc.oneof(near, fc.array(record, { maxLength: 200, size: 'max' })),
      fc.nat(3),
      fc.array(record),
      (taken, repeats, before) => {
        const buffer = new MergeBuffer({ intervalMs, maxRows: 10_000, every: false });
        for (const decision of before) buffer.add(decision);
        buffer.giveBack(buffer.take());
        const all = Array.from({ length: repeats + 1 }, () => taken).flat();
        for (const decision of all) buffer.add(decision);
        const expected = new Map<string, DecisionRecord[]>();
        for (const decision of all)
          expected.set(kindOf(decision), [...(expected.get(kindOf(decision)) ?? []), decision]);
        const events = eventsOf(buffer.take());
        expect(events.map(kindOfEvent)).toEqual([...expected.keys()]);
        for (const event of events) {
          const group = expected.get(kindOfEvent(event)) ?? [];
          expect(event.count).toBe(group.length);
          expect(event.remaining).toBe(Math.min(...group.map(({ remaining }) => remaining)));
          expect(event.early).toBe(event.early === null ? null : group.filter(({ early }) => early).length);
        }
      },
    ),
    { numRuns: 60 },
  );
});
