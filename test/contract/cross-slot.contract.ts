import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LimitKey, LimitRequest, LimitStore, Spend, SpendResult } from '../../src/limiter/limit-store.ts';
import { type Algorithm, algorithms } from '../../src/policy/policy.ts';
import { ReferenceLimitStore } from '../support/reference-limit-store.ts';

/** Stores of several gates that share counters, and a clock that stands still: what was taken stays taken. */
export interface GatesUnderTest {
  readonly stores: readonly LimitStore[];
  readonly nowUs: number;
}

const subjects = 5;
let run = 0;

interface Ask {
  readonly client: number;
  readonly tenant: number;
  readonly cost: number;
  readonly gate: number;
}

const ask: fc.Arbitrary<Ask> = fc.record({
  client: fc.nat(subjects - 1),
  tenant: fc.nat(1),
  cost: fc.integer({ min: 0, max: 3 }),
  gate: fc.nat(31),
});

const world = fc.record({
  algorithmOf: fc.array(fc.constantFrom(...algorithms), { minLength: 4, maxLength: 4 }),
  capacities: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 4, maxLength: 4 }),
  shadow: fc.boolean(),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

/** Four limits of different scopes: client and client with route share a slot, tenant and global have others. */
const spendsOf = ({ algorithmOf, capacities, shadow }: World) => {
  const name = `run-${run++}`;
  let permits = 0;
  return ({ client, tenant, cost }: Ask): Spend => {
    const scopes: Omit<LimitKey, 'policy'>[] = [
      { client: `${name}-c${client}` },
      { client: `${name}-c${client}`, route: 'GET /' },
      { tenant: `${name}-t${tenant}` },
      { service: name },
    ];
    return scopes.map(
      (scope, at): LimitRequest => ({
        key: { policy: `p${at}`, ...scope },
        terms: {
          algorithm: (algorithmOf[at] ?? 'token-bucket') as Algorithm,
          periodUs: 60_000_000,
          capacity: capacities[at] ?? 1,
        },
        cost,
        mode: shadow && at === 2 ? 'shadow' : 'enforce',
        permit: `${name}-${permits++}`,
      }),
    );
  };
};

const peekOf = (request: LimitRequest): LimitRequest => ({ ...request, cost: 0, mode: 'shadow' });
const nameOf = ({ key, terms }: LimitRequest): string => JSON.stringify([key, terms.algorithm]);

/** What all-or-nothing means where the limits of a spend lie in several slots. */
export const crossSlotContract = (gates: () => GatesUnderTest): void => {
  it('answers a spend whose limits lie in several slots as if they lay in one', async () => {
    const property = fc.asyncProperty(world, fc.array(ask, { maxLength: 25 }), async (drawn, asks) => {
      const { stores, nowUs } = gates();
      const reference = new ReferenceLimitStore(() => nowUs);
      const spendOf = spendsOf(drawn);
      for (const one of asks) {
        const spend = spendOf(one);
        const [answer] = await (stores[0] as LimitStore).spend([spend]);
        const { compensated, ...result } = answer as SpendResult;
        expect([result]).toEqual(reference.spend([spend]));
        if (compensated) expect(result.allowed).toBe(false);
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('never admits more than each counter holds, and keeps nothing of a spend that was denied', async () => {
    let compensations = 0;
    const asks = fc.array(ask, { minLength: 20, maxLength: 120 });
    const property = fc.asyncProperty(world, asks, async (drawn, asked) => {
      const { stores, nowUs } = gates();
      const spendOf = spendsOf(drawn);
      // Each gate sends its spends as one call: all of them race each other, and its own.
      const perGate = stores.map((_, gate) => asked.filter((one) => one.gate % stores.length === gate).map(spendOf));
      const results = await Promise.all(stores.map((store, gate) => store.spend(perGate[gate] ?? [])));
      const used = new Map<string, number>();
      const requests = new Map<string, LimitRequest>();
      for (const [gate, spends] of perGate.entries()) {
        for (const [index, spend] of spends.entries()) {
          const result = results[gate]?.[index] as SpendResult;
          if (result.compensated) compensations += 1;
          for (const [at, request] of spend.entries()) {
            requests.set(nameOf(request), request);
            const taken = request.mode === 'enforce' ? result.allowed : result.answers[at]?.allowed;
            if (taken) used.set(nameOf(request), (used.get(nameOf(request)) ?? 0) + request.cost);
          }
        }
      }
      for (const [name, request] of requests) {
        const [peeked] = await (stores[0] as LimitStore).spend([[peekOf(request)]]);
        expect(peeked?.answers[0]?.remaining, name).toBe(request.terms.capacity - (used.get(name) ?? 0));
      }
      expect(nowUs).toBeGreaterThan(0);
    });
    await fc.assert(property, { numRuns: 60 });
    expect(compensations).toBeGreaterThan(0);
  });
};
