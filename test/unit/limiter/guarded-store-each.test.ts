import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { TidegateError } from '../../../src/errors.ts';
import { GuardedStore } from '../../../src/limiter/guarded-store.ts';
import type { LimitReturn, LimitStore, Spend, SpendResult } from '../../../src/limiter/limit-store.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const allowed: SpendResult = { allowed: true, answers: [], nowUs: 0 };
const gone = () => new TidegateError('STORE_FAILED', 'gone');
const spendOn = (server: string): Spend => [
  {
    key: { policy: server },
    terms: { algorithm: 'concurrency', periodUs: 1, capacity: 1 },
    cost: 1,
    mode: 'enforce',
    permit: 'x',
  },
];

/** A store of three servers, of which each answers, fails or hangs. */
const setUp = () => {
  const clock = new ManualClock();
  const state: Record<string, 'up' | 'down' | 'hangs'> = { a: 'up', b: 'up', c: 'up' };
  const late: ((result: SpendResult) => void)[] = [];
  const returned: LimitReturn[] = [];
  let calls = 0;
  const store: LimitStore = {
    immediate: false,
    spend: () => Promise.reject(new Error('it answers each by itself')),
    spendEach: (spends) => {
      calls += 1;
      return spends.map((spend) => {
        const server = spend[0]?.key.policy ?? '';
        if (state[server] === 'down') return Promise.reject(gone());
        return state[server] === 'up' ? Promise.resolve(allowed) : new Promise((resolve) => late.push(resolve));
      });
    },
    giveBack: (returns) => void returned.push(...returns),
    close: () => Promise.resolve(),
  };
  const guarded = new GuardedStore({ store, clock, random: () => 0.5, deadlineMs: 20 });
  return { clock, state, guarded, late, returned, calls: () => calls };
};

describe('a guarded store of several servers', () => {
  it('answers each spend with its own answer, and what fails alone fails alone', async () => {
    const { guarded, state } = setUp();
    state.b = 'down';
    const spends = ['a', 'b', 'c'].map((server) => guarded.spend(spendOn(server)));
    expect(await Promise.all(spends)).toEqual([{ result: allowed }, { degraded: 'error' }, { result: allowed }]);
  });

  it('waits with none for one that hangs, and gives that up at the deadline', async () => {
    const { guarded, state, clock } = setUp();
    state.b = 'hangs';
    const [quick, slow] = [guarded.spend(spendOn('a')), guarded.spend(spendOn('b'))];
    expect(await quick).toEqual({ result: allowed });
    clock.advance(20);
    expect(await slow).toEqual({ degraded: 'timeout' });
  });

  it('stays asked while any server answers, however long another one fails or hangs', async () => {
    const { guarded, state, clock } = setUp();
    state.b = 'down';
    state.c = 'hangs';
    for (let round = 0; round < 5; round += 1) {
      const spends = [];
      // Many calls under way at once: their deadlines pass in a row, without an answer in between.
      for (let call = 0; call < 20; call += 1) {
        spends.push(...['a', 'b', 'c'].map((server) => guarded.spend(spendOn(server))));
        await turn();
      }
      clock.advance(20);
      expect((await Promise.all(spends)).filter((answer) => 'result' in answer)).toHaveLength(20);
      expect(guarded.isOpen).toBe(false);
    }
  });

  it('is left alone when a dozen calls in a row got no answer at all', async () => {
    const { guarded, state, calls } = setUp();
    state.a = 'down';
    state.b = 'down';
    for (let n = 0; n < 12; n += 1) {
      expect(guarded.isOpen).toBe(false);
      await Promise.all([guarded.spend(spendOn('a')), guarded.spend(spendOn('b'))]);
      await turn();
    }
    expect(guarded.isOpen).toBe(true);
    expect(guarded.spend(spendOn('c'))).toEqual({ degraded: 'breaker-open' });
    expect(calls()).toBe(12);
  });

  it('gives back a place that it is granted after its deadline', async () => {
    const { guarded, state, clock, late, returned } = setUp();
    state.b = 'hangs';
    const spend = guarded.spend(spendOn('b'));
    await turn();
    clock.advance(20);
    await spend;
    late[0]?.({ ...allowed, answers: [{ allowed: true, remaining: 0, resetAfterUs: 1, retryAfterUs: 0, delayUs: 0 }] });
    await turn();
    expect(returned).toMatchObject([{ key: { policy: 'b' }, permit: 'x', cost: 1 }]);
  });
});
