import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { ApproximateBook } from '../../../src/limiter/approximate-book.ts';
import { GuardedStore } from '../../../src/limiter/guarded-store.ts';
import type { LimitRequest, LimitTerms } from '../../../src/limiter/limit-store.ts';
import { type SavedSpend, SavingStore } from '../../../src/limiter/saving-store.ts';
import { type ConsistencyJob, playConsistency } from '../../support/consistency-play.ts';
import { DistantStore, type Journey } from '../../support/distant-store.ts';
import { ReferenceLimitStore } from '../../support/reference-limit-store.ts';

const bucket: LimitTerms = { algorithm: 'token-bucket', periodUs: 10_000, capacity: 100, approximate: true };
const exact: LimitTerms = { algorithm: 'token-bucket', periodUs: 10_000, capacity: 5 };

const limit = (change: Partial<LimitRequest> = {}): LimitRequest => ({
  key: { policy: 'p', client: 'key:a' },
  terms: bucket,
  cost: 1,
  mode: 'enforce',
  ...change,
});

const open = ({
  journey = () => ({ toMs: 1, backMs: 1 }),
  maxCounters = 100,
}: {
  journey?: () => Journey;
  maxCounters?: number;
} = {}) => {
  const clock = new ManualClock();
  const truth = new ReferenceLimitStore(() => clock.nowMs() * 1000);
  const store = new DistantStore({ store: truth, clock, journey });
  const guarded = new GuardedStore({ store, clock, random: () => 0.5 });
  const approximate = new ApproximateBook({ office: guarded, clock, maxCounters });
  const saving = new SavingStore({ guarded, clock, approximate });
  const advance = async (byMs: number): Promise<void> => {
    await nextTurn();
    for (let passedMs = 0; passedMs < byMs; passedMs += 1) {
      clock.advance(1);
      await nextTurn();
    }
  };
  const ask = async (...spend: LimitRequest[]): Promise<SavedSpend> => {
    const pending = saving.spend(spend);
    await advance(3);
    return pending;
  };
  /** What the store itself knows. */
  const left = (): number => truth.spend([[limit({ cost: 0 })]])[0]?.answers[0]?.remaining ?? -1;
  return { clock, store, approximate, saving, advance, ask, left };
};

describe('approximate counting', () => {
  it('asks once, then answers at once and tells the store every so often', async () => {
    const { saving, store, ask, advance, left } = open();
    expect(await ask(limit())).toMatchObject({ result: { allowed: true } });
    const calls = store.calls;
    for (let count = 0; count < 5; count += 1) {
      expect(saving.spend([limit()])).toMatchObject({ result: { allowed: true, source: 'lease' } });
    }
    expect(store.calls).toBe(calls);
    await advance(120);
    expect(store.calls).toBeGreaterThan(calls);
    expect(left()).toBe(100);
    await ask(limit({ cost: 30 }));
    await advance(60);
    expect(left()).toBeLessThan(80);
  });

  it('tells the store at once when much of what is left was spent', async () => {
    const { saving, ask, advance, left } = open();
    await ask(limit());
    void saving.spend([limit({ cost: 40 })]);
    await advance(2);
    expect(left()).toBeLessThanOrEqual(60);
  });

  it('denies by itself what does not fit, with the time until it does', async () => {
    const { saving, ask } = open();
    await ask(limit({ cost: 100 }));
    const saved = saving.spend([limit()]);
    expect(saved).toMatchObject({
      result: { allowed: false, source: 'deny-cache', answers: [{ allowed: false, remaining: 0 }] },
    });
    const wait = 'result' in saved ? (saved.result.answers[0]?.retryAfterUs ?? -1) : -1;
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(10_000);
    expect(saving.spend([limit({ cost: 101 })])).toMatchObject({
      result: { allowed: false, answers: [{ retryAfterUs: null }] },
    });
  });

  it('gives back what another limit denied', async () => {
    const { saving, ask, advance, left } = open();
    const other = limit({ key: { policy: 'other', client: 'key:a' }, terms: exact, cost: 6 });
    await ask(limit());
    expect(await ask(limit({ cost: 10 }), other)).toMatchObject({ result: { allowed: false } });
    await advance(150);
    expect(left()).toBe(100);
    expect(saving.spend([limit({ cost: 95 })])).toMatchObject({ result: { allowed: true } });
  });

  it('counts a shadow limit on its own', async () => {
    const { saving, ask } = open();
    await ask(limit({ mode: 'shadow', cost: 100 }));
    expect(saving.spend([limit({ mode: 'shadow' })])).toMatchObject({
      result: { allowed: true, answers: [{ allowed: false }] },
    });
  });

  it('copies no more counters than its bound, gives idle ones up, and asks exactly for the rest', async () => {
    const { saving, ask, advance, approximate } = open({ maxCounters: 10 });
    const of = (client: number) => limit({ key: { policy: 'p', client: `key:${client}` } });
    for (let client = 0; client < 20; client += 1) await ask(of(client));
    expect(approximate.stats().counters).toBe(10);
    expect(saving.spend([of(15)])).toBeInstanceOf(Promise);
    await advance(1200);
    expect(approximate.stats().counters).toBe(0);
  });

  it('trusts no copy that the store has not confirmed for a second, and counts what it may have lost', async () => {
    let lost = false;
    const { saving, ask, advance, approximate } = open({
      journey: () => ({ toMs: 1, backMs: 1, ...(lost ? { lost: 'request' as const } : {}) }),
    });
    await ask(limit());
    lost = true;
    for (let turn = 0; turn < 12; turn += 1) {
      void saving.spend([limit()]);
      await advance(100);
    }
    expect(await ask(limit())).toMatchObject({ degraded: expect.any(String) });
    expect(approximate.stats().untoldUnits).toBeGreaterThan(0);
  });

  it('tells the rest at close, and starts anew when the policy has changed', async () => {
    const { saving, ask, advance, left } = open();
    await ask(limit());
    void saving.spend([limit({ cost: 10 })]);
    expect(saving.spend([limit({ terms: { ...bucket, capacity: 200 } })])).toBeInstanceOf(Promise);
    await advance(3);
    expect(left()).toBeLessThanOrEqual(91);

    const closing = open();
    await closing.ask(limit());
    void closing.saving.spend([limit({ cost: 10 })]);
    const closed = closing.saving.close();
    await closing.advance(3);
    await closed;
    expect(closing.left()).toBeLessThanOrEqual(91);
  });

  const jobs: readonly (Omit<ConsistencyJob, 'windows'> & { readonly error: number })[] = [
    { algorithm: 'token-bucket', gates: 1, load: 3, error: 0.01 },
    { algorithm: 'token-bucket', gates: 16, load: 10, error: 0.02 },
    { algorithm: 'sliding-window', gates: 4, load: 3, error: 0.02 },
    { algorithm: 'sliding-window', gates: 16, load: 10, error: 0.05 },
    { algorithm: 'fixed-window', gates: 4, load: 3, error: 0.05 },
    { algorithm: 'fixed-window', gates: 16, load: 10, error: 0.4 },
  ];
  it.each(jobs)(
    '$algorithm, $gates gates, $load times the limit: within $error of what is exact',
    async ({ error, ...job }) => {
      const { approximate, exact: admitted } = await playConsistency({ ...job, windows: 8 });
      expect(Math.abs(approximate / admitted - 1)).toBeLessThan(error);
    },
  );
});
