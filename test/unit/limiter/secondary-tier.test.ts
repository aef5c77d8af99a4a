import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { TidegateError } from '../../../src/errors.ts';
import type { LimitRequest, LimitStore, LimitTerms, Spend } from '../../../src/limiter/limit-store.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { type LocalShare, SecondaryTier } from '../../../src/limiter/secondary-tier.ts';

const wholeTerms: LimitTerms = { algorithm: 'token-bucket', periodUs: 60_000_000, capacity: 100 };
const shareTerms: LimitTerms = { ...wholeTerms, capacity: 10 };

const requestOf = (client: string, terms: LimitTerms, cost = 1): LimitRequest => ({
  key: { policy: 'p', client },
  terms,
  cost,
  mode: 'enforce',
});
const shareFor = (client: string, terms = wholeTerms, share = shareTerms): LocalShare => ({
  whole: requestOf(client, terms),
  share: requestOf(client, share),
});

const peeked = (spend: Spend): Spend => spend.map((request) => ({ ...request, cost: 0 }));

type Mood = 'writable' | 'read-only' | 'gone' | 'silent to readers';

/** A replica in this process: what it counts is set by hand, and it answers in its own time. */
const replicaOf = (clock: ManualClock) => {
  const state: { mood: Mood; reads: number; writes: number } = { mood: 'read-only', reads: 0, writes: 0 };
  const counters = new MemoryLimitStore({ clock });
  const refusal = (code: 'STORE_READ_ONLY' | 'STORE_FAILED') => new TidegateError(code, code, { retryable: true });
  const store: LimitStore = {
    immediate: false,
    spend: async (spends) => {
      // Nothing is written for a spend that is denied.
      const isDenied = counters.spend(spends.map(peeked)).every(({ answers }) => answers[0]?.remaining === 0);
      const writes = spends.flat().some(({ cost }) => cost > 0) && !isDenied;
      state[writes ? 'writes' : 'reads'] += 1;
      await Promise.resolve();
      if (state.mood === 'silent to readers' && !writes) return new Promise(() => undefined);
      if (state.mood === 'gone') throw refusal('STORE_FAILED');
      if (state.mood !== 'writable' && writes) throw refusal('STORE_READ_ONLY');
      return counters.spend(spends);
    },
    giveBack: () => undefined,
    close: () => Promise.resolve(),
  };
  const spent = (client: string, cost: number, terms = wholeTerms) =>
    counters.spend([[requestOf(client, terms, cost)]]);
  return { state, store, spent };
};

const setUp = (maxSeeds?: number) => {
  const clock = new ManualClock();
  const local = new MemoryLimitStore({ clock });
  const replica = replicaOf(clock);
  const bound = maxSeeds === undefined ? {} : { maxSeeds };
  const tier = new SecondaryTier({ store: replica.store, local, clock, random: () => 0, ...bound });
  const ask = async (...shares: LocalShare[]) => {
    const spend: Spend = shares.map(({ whole }) => whole);
    return await tier.ask({ spend, shares });
  };
  const leftOf = (client: string, terms = shareTerms) =>
    local.spend([[requestOf(client, terms, 0)]])[0]?.answers[0]?.remaining;
  return { clock, local, tier, ask, leftOf, ...replica };
};

describe('a secondary that can be written', () => {
  it('decides, and takes no lease', async () => {
    const { ask, state, tier } = setUp();
    state.mood = 'writable';
    const leasing = shareFor('ann');
    const answer = await ask({ ...leasing, whole: { ...leasing.whole, leaseUnits: 50 } });
    expect(answer).toMatchObject({ result: { allowed: true, answers: [{ remaining: 99 }] } });
    expect(tier.isReadOnly).toBe(false);
  });

  it('is of no use when it fails, too, and is left alone then', async () => {
    const { ask, state } = setUp();
    state.mood = 'gone';
    for (let time = 0; time < 10; time += 1) expect(await ask(shareFor('ann'))).toBeNull();
    expect(state).toMatchObject({ writes: 3, reads: 0 });
  });
});

describe('a secondary that may only be read', () => {
  it.each([
    { spent: 99, left: 0, what: 'nearly used up: to the nearest unit' },
    { spent: 40, left: 6, what: 'used in part' },
    { spent: 0, left: 10, what: 'never used' },
    { spent: 4, left: 10, what: 'hardly used: to the nearest unit' },
  ])('leaves the local share of a limit that was $what $left of 10 units', async ({ spent, left }) => {
    const { ask, spent: spend, leftOf } = setUp();
    spend('ann', spent);
    expect(await ask(shareFor('ann'))).toEqual({ degraded: 'read-only' });
    expect(leftOf('ann')).toBe(left);
  });

  it('denies by itself who has used up the limit: that needs no write', async () => {
    const { ask, spent, tier } = setUp();
    await ask(shareFor('bob'));
    spent('ann', 100);
    expect(await ask(shareFor('ann'))).toMatchObject({ result: { allowed: false } });
    expect(tier.isReadOnly).toBe(true);
    expect(await ask(shareFor('bob'))).toEqual({ degraded: 'read-only' });
  });

  it('is read once per counter, whoever asks at the same time', async () => {
    const { ask, spent, state, leftOf, local } = setUp();
    spent('ann', 50);
    await Promise.all(Array.from({ length: 20 }, () => ask(shareFor('ann'))));
    expect(state.reads).toBe(1);
    local.spend([[requestOf('ann', shareTerms, 2)]]);
    await ask(shareFor('ann'));
    expect(state.reads).toBe(1);
    expect(leftOf('ann')).toBe(3);
  });

  it('is tried with a write now and then only, and decides again when it was promoted', async () => {
    const { ask, state, clock } = setUp();
    for (let time = 0; time < 50; time += 1) await ask(shareFor('ann'));
    expect(state.writes).toBe(3);
    state.mood = 'writable';
    clock.advance(500);
    expect(await ask(shareFor('ann'))).toHaveProperty('result');
    expect(await ask(shareFor('ann'))).toHaveProperty('result');
  });

  it('never makes a local counter fuller, nor empties it twice', async () => {
    const { ask, spent, tier, leftOf, local } = setUp();
    spent('ann', 50);
    await ask(shareFor('ann'));
    expect(leftOf('ann')).toBe(5);
    tier.primaryAnswered();
    await ask(shareFor('ann'));
    expect(leftOf('ann')).toBe(5);
    local.spend([[requestOf('ann', shareTerms, 4)]]);
    tier.primaryAnswered();
    await ask(shareFor('ann'));
    expect(leftOf('ann')).toBe(1);
  });

  it('is read anew when the primary fails again', async () => {
    const { ask, spent, tier, leftOf } = setUp();
    await ask(shareFor('ann'));
    spent('ann', 80);
    await ask(shareFor('ann'));
    expect(leftOf('ann')).toBe(10);
    tier.primaryAnswered();
    await ask(shareFor('ann'));
    expect(leftOf('ann')).toBe(2);
  });

  it('carries windows over, and no places, which nobody would release', async () => {
    const { ask, spent, leftOf } = setUp();
    const window: LimitTerms = { algorithm: 'fixed-window', periodUs: 3_600_000_000, capacity: 100 };
    const places: LimitTerms = { algorithm: 'concurrency', periodUs: 60_000_000, capacity: 100 };
    spent('ann', 99, window);
    await ask(shareFor('ann', window, { ...window, capacity: 10 }));
    expect(leftOf('ann', { ...window, capacity: 10 })).toBe(0);
    await ask(shareFor('bob', places, { ...places, capacity: 10 }));
    expect(leftOf('bob', { ...places, capacity: 10 })).toBe(10);
  });

  it('costs no more than one deadline in all, though it has to be asked twice', async () => {
    const { clock, state, ask } = setUp();
    state.mood = 'silent to readers';
    let answer: unknown = 'none yet';
    void ask(shareFor('ann')).then((late) => {
      answer = late;
    });
    clock.advance(12);
    await expect.poll(() => state.reads).toBe(1);
    clock.advance(7);
    await new Promise(setImmediate);
    expect(answer).toBe('none yet');
    clock.advance(1);
    await new Promise(setImmediate);
    expect(answer).toEqual({ degraded: 'read-only' });
  });

  it('is remembered for a bounded number of counters', async () => {
    const { ask, tier, state } = setUp(3);
    for (let client = 0; client < 20; client += 1) await ask(shareFor(`client-${client}`));
    expect(tier.seeds).toBe(3);
    expect(state.reads).toBe(20);
  });
});
