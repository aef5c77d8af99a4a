import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LimitRequest, LimitReturn, Spend } from '../../src/limiter/limit-store.ts';
import { type Algorithm, algorithms } from '../../src/policy/policy.ts';
import { ReferenceLimitStore } from '../support/reference-limit-store.ts';
import type { StoreUnderTest } from './limit-store.contract.ts';

const startUs = 1_750_000_000_000_000;
let run = 0;

interface Ask {
  readonly key: number;
  readonly cost: number;
  readonly mode: LimitRequest['mode'];
}

/** What happens next in a trace: some spends at once, or something given back. */
interface Step {
  readonly forwardUs: number;
  readonly spends: readonly (readonly Ask[])[];
  readonly giveBack: { readonly cost: number; readonly agoUs: number; readonly key: number } | null;
  /** Which of two versions of the policies is in force. */
  readonly version: 0 | 1;
}

const ask = fc.record({
  key: fc.integer({ min: 0, max: 2 }),
  cost: fc.integer({ min: 0, max: 6 }),
  mode: fc.constantFrom<LimitRequest['mode'][]>('enforce', 'enforce', 'shadow', 'charge'),
});

const step: fc.Arbitrary<Step> = fc.record({
  forwardUs: fc.oneof(fc.integer({ min: -2_000_000, max: 5_000_000 }), fc.constantFrom(0, 1, 250_000, 1_000_000)),
  spends: fc.array(fc.array(ask, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
  giveBack: fc.option(
    fc.record({
      cost: fc.integer({ min: 1, max: 4 }),
      agoUs: fc.integer({ min: 0, max: 3_000_000 }),
      key: fc.integer({ min: 0, max: 2 }),
    }),
    { nil: null, freq: 3 },
  ),
  version: fc.constantFrom(0, 1),
});

interface World {
  readonly algorithmOf: readonly Algorithm[];
  readonly periods: readonly [number, number];
}

const world: fc.Arbitrary<World> = fc.record({
  algorithmOf: fc.array(fc.constantFrom(...algorithms), { minLength: 3, maxLength: 3 }),
  periods: fc.tuple(fc.integer({ min: 1, max: 900_001 }), fc.integer({ min: 1000, max: 3_000_000 })),
});

/** Turns the drawn numbers into requests. Every request has a permit of its own, as gates give them. */
const player = ({ algorithmOf, periods }: World) => {
  let permits = 0;
  const name = `run-${run++}`;
  const termsOf = (key: number, version: 0 | 1) => ({
    algorithm: algorithmOf[key] ?? 'token-bucket',
    periodUs: periods[version],
    capacity: 4 - version,
  });
  const requestOf = ({ key, cost, mode }: Ask, version: 0 | 1): LimitRequest => ({
    key: { policy: `k${key}`, client: name },
    terms: termsOf(key, version),
    cost,
    mode,
    permit: `${name}-${permits++}`,
  });
  return { termsOf, requestOf, name };
};

/** On any trace a store says what the plain arithmetic says, to the microsecond. */
export const agreesWithTheReference = (subject: () => StoreUnderTest): void => {
  it('agrees with the reference arithmetic on any trace of times, costs, modes, returns and changed policies', async () => {
    const property = fc.asyncProperty(world, fc.array(step, { minLength: 1, maxLength: 25 }), async (drawn, steps) => {
      const { termsOf, requestOf, name } = player(drawn);
      let nowUs = startUs;
      const reference = new ReferenceLimitStore(() => nowUs);
      const earlier: LimitRequest[] = [];
      for (const { forwardUs, spends, giveBack, version } of steps) {
        nowUs += Math.round(forwardUs / 1000) * 1000;
        subject().setNowUs(nowUs);
        const asked: Spend[] = spends.map((asks) => asks.map((one) => requestOf(one, version)));
        earlier.push(...asked.flat());
        expect(await subject().store.spend(asked)).toEqual(reference.spend(asked));
        if (!giveBack) continue;
        const { permit = '', cost: held = 0 } = earlier[giveBack.agoUs % earlier.length] ?? {};
        const terms = termsOf(giveBack.key, version);
        const given: LimitReturn = {
          key: { policy: `k${giveBack.key}`, client: name },
          terms,
          // A place is given back as it was taken; units need not be all of them.
          cost: terms.algorithm === 'concurrency' ? held : giveBack.cost,
          spentAtUs: nowUs - giveBack.agoUs,
          permit,
        };
        await subject().store.giveBack([given]);
        reference.giveBack([given]);
      }
    });
    await fc.assert(property, { numRuns: 100 });
  });
};

/** What happens next to a bucket that is lent from: a spend that wants units in advance, or the end of a lease. */
const lending = fc.record({
  forwardUs: fc.oneof(fc.integer({ min: -50_000, max: 400_000 }), fc.constantFrom(0, 1_000_000, 1_000_001)),
  cost: fc.integer({ min: 0, max: 9 }),
  leaseUnits: fc.constantFrom(0, 5, 40),
  mode: fc.constantFrom<LimitRequest['mode'][]>('enforce', 'enforce', 'shadow', 'charge'),
  version: fc.constantFrom<(0 | 1)[]>(0, 0, 0, 1),
  end: fc.option(fc.record({ which: fc.nat({ max: 5 }), unspent: fc.nat({ max: 40 }) }), { nil: null, freq: 3 }),
});

/** For stores that lend: the same units, to the same moment, and back. */
export const lendsAsTheReference = (subject: () => StoreUnderTest): void => {
  it('lends, takes back and writes off as the reference arithmetic does, on any trace', async () => {
    const property = fc.asyncProperty(fc.array(lending, { minLength: 1, maxLength: 40 }), async (steps) => {
      const key = { policy: 'lent', client: `run-${run++}` };
      let nowUs = startUs;
      const reference = new ReferenceLimitStore(() => nowUs);
      const lent: number[] = [];
      for (const { forwardUs, cost, leaseUnits, mode, version, end } of steps) {
        nowUs += Math.round(forwardUs / 1000) * 1000;
        subject().setNowUs(nowUs);
        const terms = { algorithm: 'token-bucket', periodUs: 10_000, capacity: 100 - 40 * version } as const;
        const spends: Spend[] = [[{ key, terms, cost, mode, leaseUnits }]];
        const results = await subject().store.spend(spends);
        expect(results).toEqual(reference.spend(spends));
        lent.push(...results.flatMap(({ answers }) => answers.flatMap(({ lease }) => lease?.id ?? [])));
        if (!end) continue;
        const lease = lent[end.which] ?? 1;
        const given: LimitReturn = { key, terms, cost: end.unspent, spentAtUs: nowUs, lease };
        await subject().store.giveBack([given]);
        reference.giveBack([given]);
      }
    });
    await fc.assert(property, { numRuns: 150 });
  });
};
