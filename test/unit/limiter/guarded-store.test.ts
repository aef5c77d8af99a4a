import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { TidegateError } from '../../../src/errors.ts';
import { Breaker } from '../../../src/limiter/breaker.ts';
import { GuardedStore } from '../../../src/limiter/guarded-store.ts';
import type { SpendResult } from '../../../src/limiter/limit-store.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const allowed: SpendResult = { allowed: true, answers: [] };

const setUp = () => {
  const clock = new ManualClock();
  const pending: { resolve(result: SpendResult): void; reject(error: unknown): void }[] = [];
  const store = {
    spend: () => new Promise<SpendResult>((resolve, reject) => pending.push({ resolve, reject })),
    close: () => Promise.resolve(),
  };
  const guarded = new GuardedStore({ store, clock, random: () => 0.5, deadlineMs: 20 });
  /** Spends that are given up at their deadline. */
  const timeOut = async (times: number): Promise<unknown[]> => {
    const spends = Array.from({ length: times }, () => guarded.spend([]));
    clock.advance(20);
    return Promise.all(spends);
  };
  return { clock, pending, guarded, timeOut };
};

describe('a guarded store', () => {
  it('answers at the deadline at the latest, and says why there is no result', async () => {
    const { guarded, clock } = setUp();
    const spend = guarded.spend([]);
    clock.advance(20);
    expect(await spend).toEqual({ degraded: 'timeout' });
  });

  it('tells a timeout of the store from a failure', async () => {
    const { guarded, pending } = setUp();
    const spends = [guarded.spend([]), guarded.spend([])];
    pending[0]?.reject(new TidegateError('STORE_TIMEOUT', 'slow'));
    pending[1]?.reject(new Error('gone'));
    expect(await Promise.all(spends)).toEqual([{ degraded: 'timeout' }, { degraded: 'error' }]);
  });

  it('is left alone after three failures, and an answer that comes too late changes nothing', async () => {
    const { guarded, pending, timeOut } = setUp();
    await timeOut(3);
    for (const { resolve } of pending) resolve(allowed);
    await turn();
    expect(guarded.isOpen).toBe(true);
    expect(guarded.spend([])).toEqual({ degraded: 'breaker-open' });
    expect(pending).toHaveLength(3);
  });

  it('is asked by one request at a time while it may be back, and by all once it answers', async () => {
    const { guarded, pending, clock, timeOut } = setUp();
    await timeOut(3);
    clock.advance(750);
    const probe = guarded.spend([]);
    expect(Array.from({ length: 50 }, () => guarded.spend([]))).toEqual(Array(50).fill({ degraded: 'breaker-open' }));
    expect(pending).toHaveLength(4);
    pending[3]?.resolve(allowed);
    expect(await probe).toEqual({ result: allowed });
    expect(guarded.isOpen).toBe(false);
    void guarded.spend([]);
    expect(pending).toHaveLength(5);
  });
});

describe('the breaker', () => {
  it('opens on failures in a row within a second, not on those that lie further apart', () => {
    const clock = new ManualClock();
    const breaker = new Breaker({ clock, random: () => 0 });
    for (let n = 0; n < 10; n += 1) {
      breaker.failed();
      clock.advance(700);
    }
    expect(breaker.isOpen).toBe(false);
    clock.advance(5000);
    for (let n = 0; n < 3; n += 1) breaker.failed();
    expect(breaker.isOpen).toBe(true);
  });

  it('starts anew with every success', () => {
    const breaker = new Breaker({ clock: new ManualClock(), random: () => 0 });
    for (let n = 0; n < 9; n += 1) {
      if (n % 3 === 2) breaker.succeeded();
      else breaker.failed();
    }
    expect(breaker.isOpen).toBe(false);
  });
});
