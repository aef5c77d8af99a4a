import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { DenyCache } from '../../../src/limiter/deny-cache.ts';
import { GuardedStore } from '../../../src/limiter/guarded-store.ts';
import type { LimitAnswer, LimitRequest, LimitTerms, Spend } from '../../../src/limiter/limit-store.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { type SavedSpend, SavingStore, savingStore } from '../../../src/limiter/saving-store.ts';
import { DistantStore, type Journey } from '../../support/distant-store.ts';
import { ReferenceLimitStore } from '../../support/reference-limit-store.ts';

const client = 'ip:198.51.100.7';
const perClient: LimitTerms = { algorithm: 'token-bucket', periodUs: 100_000, capacity: 2 };
const perTenant: LimitTerms = { algorithm: 'token-bucket', periodUs: 1000, capacity: 1000 };

const limit = (policy: string, terms: LimitTerms, change: Partial<LimitRequest> = {}): LimitRequest => ({
  key: { policy, client },
  terms,
  cost: 1,
  mode: 'enforce',
  ...change,
});

const open = (journey: () => Journey = () => ({ toMs: 0, backMs: 0 })) => {
  const clock = new ManualClock();
  const reference = new ReferenceLimitStore(() => clock.nowMs() * 1000);
  const store = new DistantStore({ store: reference, clock, journey });
  const guarded = new GuardedStore({ store, clock, random: () => 0.5 });
  const denials = new DenyCache();
  const saving = new SavingStore({ guarded, clock, denials });
  const ask = async (spend: Spend): Promise<SavedSpend> => {
    const pending = saving.spend(spend);
    for (let step = 0; step < 4; step += 1) {
      await nextTurn();
      clock.advance(0);
    }
    return pending;
  };
  return { clock, store, denials, saving, ask };
};

const answersOf = (saved: SavedSpend): readonly (LimitAnswer | null)[] =>
  'result' in saved ? saved.result.answers : [];

describe('saving store', () => {
  it('denies a client that is known to be denied without a call, until it could pass', async () => {
    const { clock, store, saving, ask } = open();
    for (let count = 0; count < 3; count += 1) await ask([limit('p', perClient)]);
    expect(store.calls).toBe(3);
    clock.advance(40);
    const saved = saving.spend([limit('p', perClient)]);
    expect(saved).toMatchObject({
      result: { allowed: false, source: 'deny-cache', answers: [{ allowed: false, retryAfterUs: 60_000 }] },
    });
    expect(store.calls).toBe(3);
    clock.advance(60);
    expect(await ask([limit('p', perClient)])).toMatchObject({ result: { allowed: true } });
  });

  it('leaves out what was not asked for a denial that was certain', async () => {
    const { saving, ask } = open();
    const both = [limit('tenant', perTenant), limit('p', perClient)];
    for (let count = 0; count < 3; count += 1) await ask(both);
    const saved = saving.spend(both);
    expect(saved).toMatchObject({ result: { allowed: false, incomplete: true, answers: [null, { allowed: false }] } });
  });

  it('spends shadow limits on their own though the denial is certain: their totals stay true', async () => {
    const { store, ask } = open();
    const spend = [limit('p', perClient), limit('shadow', perTenant, { mode: 'shadow' })];
    const seen: (number | undefined)[] = [];
    for (let count = 0; count < 6; count += 1) seen.push(answersOf(await ask(spend))[1]?.remaining);
    expect(seen).toEqual([999, 998, 997, 996, 995, 994]);
    expect(store.calls).toBe(6);
    const saved = await ask(spend);
    expect(saved).toMatchObject({ result: { allowed: false, source: 'deny-cache' } });
  });

  it('stays with its denial when the store fails to answer for the shadow limits', async () => {
    let lost = false;
    const { ask } = open(() => ({ toMs: 0, backMs: 0, ...(lost ? { lost: 'request' as const } : {}) }));
    const spend = [limit('p', perClient), limit('shadow', perTenant, { mode: 'shadow' })];
    for (let count = 0; count < 3; count += 1) await ask(spend);
    lost = true;
    expect(await ask(spend)).toMatchObject({
      result: { allowed: false, source: 'deny-cache', answers: [{ allowed: false }, null] },
    });
  });

  it('asks again after a refund', async () => {
    const { saving, ask, clock } = open();
    for (let count = 0; count < 3; count += 1) await ask([limit('p', perClient)]);
    void saving.giveBack([
      { key: { policy: 'p', client }, terms: perClient, cost: 1, spentAtUs: clock.nowMs() * 1000 },
    ]);
    expect(await ask([limit('p', perClient)])).toMatchObject({ result: { allowed: true } });
  });

  it('does not mistake the second of two spends from one counter for a denial of the first', async () => {
    const { saving, ask } = open();
    const twice = [limit('p', perClient, { cost: 2 }), limit('p', perClient, { cost: 2 })];
    expect(await ask(twice)).toMatchObject({ result: { allowed: false } });
    const one = saving.spend([limit('p', perClient, { cost: 2 })]);
    expect(one).toBeInstanceOf(Promise);
  });

  it('stands aside for a store that answers at once', () => {
    const clock = new ManualClock();
    const guarded = new GuardedStore({ store: new MemoryLimitStore({ clock }), clock, random: () => 0 });
    const saving = savingStore({ guarded, clock, random: () => 0 });
    for (let count = 0; count < 5; count += 1) {
      const saved = saving.spend([limit('p', perClient)]) as SavedSpend;
      expect('result' in saved && saved.result.source).toBeUndefined();
    }
  });

  it('decides every spend as the store alone would, on any trace of limits, costs and times', async () => {
    const algorithm = fc.constantFrom('token-bucket', 'leaky-bucket', 'fixed-window', 'sliding-window', 'concurrency');
    const asked = fc.record({
      policy: fc.integer({ min: 0, max: 2 }),
      cost: fc.integer({ min: 0, max: 4 }),
      mode: fc.constantFrom('enforce', 'enforce', 'shadow', 'charge'),
    });
    const step = fc.record({
      forwardMs: fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 400 })),
      asks: fc.uniqueArray(asked, { minLength: 1, maxLength: 3, selector: ({ policy }) => policy }),
    });
    let spared = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(algorithm, { minLength: 4, maxLength: 4 }),
        fc.array(step, { maxLength: 60, size: 'max' }),
        async (names, steps) => {
          const { clock, denials, ask } = open();
          const twin = new ReferenceLimitStore(() => clock.nowMs() * 1000);
          let permits = 0;
          for (const { forwardMs, asks } of steps) {
            clock.advance(forwardMs);
            const spend = asks.map(({ policy, cost, mode }) => {
              const name = names[policy] ?? 'token-bucket';
              const terms = { algorithm: name, periodUs: name.endsWith('bucket') ? 200_000 : 700_000, capacity: 3 };
              const permit = name === 'concurrency' ? { permit: `permit-${permits++}` } : {};
              return limit(`p${policy}`, terms, { cost, mode, ...permit });
            });
            const [truth] = twin.spend([spend]);
            const saved = await ask(spend);
            expect('result' in saved && saved.result.allowed).toBe(truth?.allowed);
            for (const [index, answer] of answersOf(saved).entries()) {
              if (spend[index]?.mode !== 'enforce') expect(answer).toEqual(truth?.answers[index]);
            }
          }
          spared += denials.stats().hits;
        },
      ),
      { numRuns: 150 },
    );
    expect(spared, 'hardly anything came from the cache: it shows nothing').toBeGreaterThan(100);
  }, 30_000);
});
