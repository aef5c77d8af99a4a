import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LimitTerms } from '../../../src/limiter/limit-store.ts';
import type { Journey } from '../../support/distant-store.ts';
import { LeasePlay, worstExcess } from '../../support/lease-play.ts';

const termsOf = (capacity: number, periodMs: number): LimitTerms => ({
  algorithm: 'token-bucket',
  periodUs: periodMs * 1000,
  capacity,
});

const swift: Journey = { toMs: 0, backMs: 1 };

const often = <Value>(usual: fc.Arbitrary<Value>, ...rare: Value[]): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(...rare) });

const delayMs = fc.integer({ min: 0, max: 9 });
/** Round trips; the last of the delays is longer than anybody waits. */
const journeys: fc.Arbitrary<Journey[]> = fc.array(
  fc
    .record({
      toMs: often(delayMs, 15),
      backMs: often(delayMs, 40),
      lost: often<Journey['lost'] | null>(fc.constant(null), 'request', 'answer'),
    })
    .map(({ lost, ...delays }) => (lost ? { ...delays, lost } : delays)),
  { minLength: 1, maxLength: 60, size: 'max' },
);

type Step =
  | { readonly do: 'burst'; readonly gate: number; readonly requests: number; readonly cost: number }
  | { readonly do: 'refund'; readonly gate: number; readonly cost: number }
  | { readonly do: 'crash' | 'close'; readonly gate: number }
  | { readonly do: 'wait'; readonly ms: number };

const gates = 2;
const gate = fc.integer({ min: 0, max: gates - 1 });
const waits = fc.oneof(
  { weight: 30, arbitrary: fc.integer({ min: 0, max: 12 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 700 }) },
  { weight: 1, arbitrary: fc.constantFrom(800, 980, 1000, 1100) },
);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 60,
      arbitrary: fc.record({
        do: fc.constant('burst' as const),
        gate,
        requests: often(fc.integer({ min: 1, max: 12 }), 60),
        cost: fc.oneof(
          { weight: 5, arbitrary: fc.constant(1) },
          { weight: 1, arbitrary: fc.integer({ min: 2, max: 9 }) },
        ),
      }),
    },
    { weight: 60, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: waits }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('refund' as const), gate, cost: fc.integer({ min: 1, max: 5 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'close' as const), gate }) },
  ),
  { minLength: 20, maxLength: 300, size: 'max' },
);

const playStep = async (play: LeasePlay, step: Step, asked: Promise<unknown>[]): Promise<void> => {
  if (step.do === 'wait') return play.advance(step.ms);
  if (step.do === 'burst') {
    for (let count = 0; count < step.requests; count += 1) asked.push(play.ask(step.gate, play.request(step.cost)));
  }
  if (step.do === 'refund') play.giveBack(step.gate, play.request(step.cost));
  if (step.do === 'close') asked.push(play.gate(step.gate).saving.close());
  if (step.do === 'crash' || step.do === 'close') play.start(step.gate);
};

describe('leases', () => {
  it('never admit more than burst + rate x t in any interval: several gates, crashes, delays, losses, refunds', async () => {
    let leased = 0;

    await fc.assert(
      fc.asyncProperty(
        steps,
        journeys,
        fc.record({ capacity: fc.integer({ min: 20, max: 300 }), periodMs: often(fc.integer({ min: 1, max: 4 }), 20) }),
        async (script, travels, { capacity, periodMs }) => {
          const terms = termsOf(capacity, periodMs);
          let next = 0;
          const journey = (): Journey => travels[next++ % travels.length] ?? swift;
          const play = new LeasePlay({ gates, terms, journey });
          const asked: Promise<unknown>[] = [];
          for (const step of script) await playStep(play, step, asked);
          await play.advance(100);
          await Promise.all(asked);
          leased += play.spentHere;
          expect(worstExcess(play.trace, terms)).toBeLessThanOrEqual(0);
        },
      ),
      { numRuns: 80 },
    );
    expect(leased, 'hardly anything was leased: it shows nothing').toBeGreaterThan(2500);
  }, 60_000);
});
