import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { TidegateError } from '../../../src/errors.ts';
import { Breaker } from '../../../src/limiter/breaker.ts';
import { GuardedStore } from '../../../src/limiter/guarded-store.ts';
import type { LimitReturn, LimitStore, SpendResult } from '../../../src/limiter/limit-store.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const allowed: SpendResult = { allowed: true, answers: [], nowUs: 0 };

interface Call {
  readonly spends: number;
  resolve(results: readonly SpendResult[]): void;
  reject(error: unknown): void;
}

const setUp = () => {
  const clock = new ManualClock();
  const calls: Call[] = [];
  const returned: LimitReturn[] = [];
  const store: LimitStore = {
    immediate: false,
    spend: (spends) => new Promise((resolve, reject) => calls.push({ spends: spends.length, resolve, reject })),
    giveBack: (returns) => void returned.push(...returns),
    close: () => Promise.resolve(),
  };
  const guarded = new GuardedStore({ store, clock, random: () => 0.5, deadlineMs: 20 });
  /** Calls that are given up at their deadline. */
  const timeOut = async (times: number): Promise<void> => {
    for (let n = 0; n < times; n += 1) {
      const spend = guarded.spend([]);
      await turn();
      clock.advance(20);
      await spend;
    }
  };
  return { clock, calls, returned, guarded, timeOut };
};

describe('a guarded store', () => {
  it('sends the spends of one turn together, in their order, and each gets its own answer', async () => {
    const { guarded, calls } = setUp();
    const spends = Array.from({ length: 300 }, () => guarded.spend([]));
    await turn();
    expect(calls.map(({ spends: count }) => count)).toEqual([300]);
    calls[0]?.resolve(spends.map((_, nowUs) => ({ ...allowed, nowUs })));
    expect(await Promise.all(spends)).toEqual(spends.map((_, nowUs) => ({ result: { ...allowed, nowUs } })));
  });

  it('lets a spend that comes alone wait for nobody', async () => {
    const { guarded, calls } = setUp();
    for (let n = 0; n < 3; n += 1) {
      void guarded.spend([]);
      await turn();
    }
    expect(calls.map(({ spends }) => spends)).toEqual([1, 1, 1]);
  });

  it('takes an answer that came in time and is read late: this process was busy, not the store away', async () => {
    const { guarded, calls, clock } = setUp();
    const spends = [];
    for (let call = 0; call < 5; call += 1) {
      spends.push(guarded.spend([]));
      await turn();
    }
    // A pause longer than the deadline: the timers of all calls are due, and all answers wait to be read.
    clock.advance(60);
    for (const { resolve } of calls) resolve([allowed]);
    expect(await Promise.all(spends)).toEqual(Array(5).fill({ result: allowed }));
    expect(guarded.isOpen).toBe(false);
  });

  it('answers at the deadline at the latest, and says why there is no result', async () => {
    const { guarded, clock } = setUp();
    const spend = guarded.spend([]);
    clock.advance(20);
    expect(await spend).toEqual({ degraded: 'timeout' });
  });

  it('tells a timeout of the store from a failure, and a store that takes no writes from both', async () => {
    for (const [error, degraded] of [
      [new TidegateError('STORE_TIMEOUT', 'slow'), 'timeout'],
      [new TidegateError('STORE_READ_ONLY', 'replica'), 'read-only'],
      [new Error('gone'), 'error'],
    ] as const) {
      const { guarded, calls } = setUp();
      const spends = [guarded.spend([]), guarded.spend([])];
      await turn();
      calls[0]?.reject(error);
      expect(await Promise.all(spends)).toEqual([{ degraded }, { degraded }]);
    }
  });

  it('treats an answer that is too short as a failure', async () => {
    const { guarded, calls } = setUp();
    const spends = [guarded.spend([]), guarded.spend([])];
    await turn();
    calls[0]?.resolve([allowed]);
    expect(await Promise.all(spends)).toEqual([{ degraded: 'error' }, { degraded: 'error' }]);
  });

  it('owes a store that hangs a bounded number of answers', async () => {
    const { guarded } = setUp();
    for (let n = 0; n < 16_384; n += 1) void guarded.spend([]);
    expect(guarded.spend([])).toEqual({ degraded: 'error' });
  });

  it('is left alone after three calls that failed, and an answer that comes too late changes nothing', async () => {
    const { guarded, calls, timeOut } = setUp();
    await timeOut(3);
    for (const { resolve } of calls) resolve([allowed]);
    await turn();
    expect(guarded.isOpen).toBe(true);
    expect(guarded.spend([])).toEqual({ degraded: 'breaker-open' });
    expect(calls).toHaveLength(3);
  });

  it('gives back the places and leases of an answer that comes too late: nobody holds them', async () => {
    const { guarded, calls, clock, returned } = setUp();
    const terms = { algorithm: 'concurrency', periodUs: 1_000_000, capacity: 3 } as const;
    const place = { key: { policy: 'p' }, terms, cost: 1, mode: 'enforce', permit: 'a' } as const;
    const bucket = {
      key: { policy: 'q' },
      terms: { ...terms, algorithm: 'token-bucket' },
      cost: 1,
      mode: 'enforce',
    } as const;
    const spend = guarded.spend([place, bucket]);
    await turn();
    clock.advance(20);
    await spend;
    const answer = { allowed: true, remaining: 1, resetAfterUs: 0, retryAfterUs: 0, delayUs: 0 };
    const lease = { id: 7, units: 5, expiresAfterUs: 1_000_000 };
    calls[0]?.resolve([{ allowed: true, answers: [answer, { ...answer, lease }], nowUs: 5 }]);
    await turn();
    expect(returned).toEqual([
      { key: place.key, terms, cost: 1, spentAtUs: 5, permit: 'a' },
      { key: bucket.key, terms: bucket.terms, cost: 5, spentAtUs: 5, lease: 7 },
    ]);
  });

  it('gives places that were released while the store was left alone back once it answers; units are counted as lost', async () => {
    const { guarded, calls, clock, returned, timeOut } = setUp();
    const places = { algorithm: 'concurrency', periodUs: 600_000_000, capacity: 300 } as const;
    const released = Array.from(
      { length: 300 },
      (_, number): LimitReturn => ({
        key: { policy: 'p' },
        terms: places,
        cost: 1,
        spentAtUs: 5,
        permit: `held-${number}`,
      }),
    );
    const units = {
      key: { policy: 'q' },
      terms: { ...places, algorithm: 'token-bucket' },
      cost: 1,
      spentAtUs: 5,
    } as const;
    await timeOut(3);
    await guarded.giveBack([...released, units]);
    expect(returned).toEqual([]);
    expect(guarded.lostReturns).toBe(1);
    clock.advance(1000);
    for (let answer = 0; answer < 3; answer += 1) {
      const spend = guarded.spend([]);
      await turn();
      calls.at(-1)?.resolve([allowed]);
      await spend;
      await turn();
    }
    expect(returned).toEqual(released);
  });

  it('is asked by one request at a time while it may be back, and by all once it answers', async () => {
    const { guarded, calls, clock, timeOut } = setUp();
    await timeOut(3);
    clock.advance(750);
    const probe = guarded.spend([]);
    expect(Array.from({ length: 50 }, () => guarded.spend([]))).toEqual(Array(50).fill({ degraded: 'breaker-open' }));
    await turn();
    expect(calls).toHaveLength(4);
    calls[3]?.resolve([allowed]);
    expect(await probe).toEqual({ result: allowed });
    expect(guarded.isOpen).toBe(false);
    void guarded.spend([]);
    await turn();
    expect(calls).toHaveLength(5);
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
