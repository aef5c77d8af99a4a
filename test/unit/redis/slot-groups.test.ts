import { describe, expect, it } from 'vitest';
import { TidegateError } from '../../../src/errors.ts';
import type { LimitKey, LimitRequest, LimitReturn, Spend, SpendResult } from '../../../src/limiter/limit-store.ts';
import { tagOf } from '../../../src/redis/keys.ts';
import { giveBackBySlot, type SlotCalls, spendBySlot } from '../../../src/redis/slot-groups.ts';

const ask = (scope: Omit<LimitKey, 'policy'>, change: Partial<LimitRequest> = {}): LimitRequest => ({
  key: { policy: 'p', ...scope },
  terms: { algorithm: 'token-bucket', periodUs: 1000, capacity: 10 },
  cost: 1,
  mode: 'enforce',
  ...change,
});

/** Two clients and a tenant with three hash tags. */
const ada = { client: 'key:ada' };
const ben = { client: 'key:ben' };
const acme = { tenant: 'acme' };

const failure = (message: string) =>
  new TidegateError('STORE_FAILED', `Redis: ${message}`, { cause: new Error(message), retryable: true });

/** Slots that answer as they are told, and remember what they were asked. */
const setUp = (behaviour: (request: LimitRequest) => boolean | Error = () => true) => {
  const asked: Spend[][] = [];
  const returned: LimitReturn[] = [];
  const lost: LimitReturn[] = [];
  const answer = (spend: Spend): SpendResult => {
    const outcomes = spend.map(behaviour);
    for (const outcome of outcomes) if (outcome instanceof Error) throw outcome;
    const answers = outcomes.map((outcome, at) => ({
      allowed: outcome === true,
      remaining: spend[at]?.cost === 0 ? 8 : 7,
      resetAfterUs: 1000,
      retryAfterUs: outcome === true ? 0 : 5,
      delayUs: 0,
      ...(spend[at]?.leaseUnits ? { lease: { id: 77, units: 2, expiresAfterUs: 9 } } : {}),
    }));
    const allowed = answers.every((one, at) => one.allowed || spend[at]?.mode !== 'enforce');
    return { allowed, answers, nowUs: 1_000_000 + tagOf(spend[0]?.key ?? { policy: '' }) };
  };
  const calls: SlotCalls = {
    spend: async (spends) => {
      asked.push([...spends]);
      const error = spends
        .flat()
        .map(behaviour)
        .find((outcome) => outcome instanceof Error);
      if (error) throw error;
      return spends.map(answer);
    },
    giveBack: (returns) => {
      returned.push(...returns);
      return Promise.resolve();
    },
    lost: (returns) => void lost.push(...returns),
  };
  return { calls, asked, returned, lost };
};

const isOf = (scope: Omit<LimitKey, 'policy'>, { key }: LimitRequest): boolean =>
  tagOf(key) === tagOf({ policy: 'p', ...scope });

describe('spends on a cluster', () => {
  it('has three hash tags to test with', () => {
    expect(new Set([ada, ben, acme].map((scope) => tagOf({ policy: 'p', ...scope })))).toHaveProperty('size', 3);
  });

  it('travel with those of their hash tag, in their order', async () => {
    const { calls, asked } = setUp();
    const spends = [[ask(ada)], [ask(ben)], [ask(ada, { cost: 2 })], [ask(ada), ask({ ...ada, route: 'GET /' })]];
    await Promise.all(spendBySlot(spends, calls));
    expect(asked).toEqual([[spends[0], spends[2], spends[3]], [spends[1]]]);
  });

  it('travel at most 128 in one call', async () => {
    const { calls, asked } = setUp();
    await Promise.all(
      spendBySlot(
        Array.from({ length: 300 }, () => [ask(ada)]),
        calls,
      ),
    );
    expect(asked.map((spends) => spends.length)).toEqual([128, 128, 44]);
  });

  it('fail alone: what other slots answer is there', async () => {
    const { calls } = setUp((request) => (isOf(ben, request) ? failure('gone') : true));
    const [first, second] = await Promise.allSettled(spendBySlot([[ask(ada)], [ask(ben)]], calls));
    expect(first).toMatchObject({ status: 'fulfilled', value: { allowed: true } });
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'STORE_FAILED' } });
  });

  it('are asked in all slots at once, and answered in the order of their limits, by the clock that is behind', async () => {
    const { calls, asked } = setUp((request) => request.cost < 3);
    const spend = [ask(acme), ask(ada, { cost: 3, mode: 'shadow' }), ask(ben)];
    const [result] = await Promise.all(spendBySlot([spend], calls));
    expect(asked).toHaveLength(3);
    expect(result).toMatchObject({
      allowed: true,
      answers: [{ allowed: true }, { allowed: false }, { allowed: true }],
    });
    expect(result?.nowUs).toBe(1_000_000 + Math.min(...spend.map(({ key }) => tagOf(key))));
    expect(result).not.toHaveProperty('compensated');
  });

  it('give back what was taken where another slot denies, places and leases too, and say how things stand then', async () => {
    const { calls, returned } = setUp((request) => !isOf(ben, request) || request.cost === 0);
    const place = ask(acme, { terms: { algorithm: 'concurrency', periodUs: 1000, capacity: 10 }, permit: 'x' });
    const spend = [ask(ada, { leaseUnits: 4, cost: 2 }), ask(ben), place, ask(acme, { mode: 'shadow' })];
    const [result] = await Promise.all(spendBySlot([spend], calls));
    expect(result).toMatchObject({ allowed: false, compensated: true });
    expect(result?.answers.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 8],
      [false, 7],
      [true, 8],
      [true, 7],
    ]);
    expect(result?.answers[0]).not.toHaveProperty('lease');
    expect(returned).toMatchObject([
      { key: { client: 'key:ada' }, cost: 2 },
      { key: { client: 'key:ada' }, cost: 2, lease: 77 },
      { key: { tenant: 'acme' }, cost: 1, permit: 'x' },
    ]);
    expect(returned[0]).not.toHaveProperty('lease');
  });

  it('say nothing of a compensation where nothing had been taken', async () => {
    const { calls, returned } = setUp(() => false);
    const [result] = await Promise.all(spendBySlot([[ask(ada), ask(ben)]], calls));
    expect(result).toMatchObject({ allowed: false });
    expect(result).not.toHaveProperty('compensated');
    expect(returned).toEqual([]);
  });

  it('give back what was taken where another slot fails, and fail', async () => {
    const { calls, returned } = setUp((request) => (isOf(ben, request) ? failure('gone') : true));
    const [result] = await Promise.allSettled(spendBySlot([[ask(ada, { cost: 3 }), ask(ben)]], calls));
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'STORE_FAILED' } });
    expect(returned).toMatchObject([{ key: { client: 'key:ada' }, cost: 3 }]);
  });

  it('count what a slot did not take back, and are still denied', async () => {
    const { calls, lost } = setUp((request) => !isOf(ben, request));
    const broken = { ...calls, giveBack: () => Promise.reject(failure('gone')) };
    const [result] = await Promise.all(spendBySlot([[ask(ada), ask(ben)]], broken));
    expect(result).toMatchObject({ allowed: false, compensated: true });
    expect(lost).toHaveLength(1);
  });

  it.each(['TRYAGAIN Multiple keys request during rehashing of slot', 'Too many Cluster redirections. Last error: …'])(
    'go one by one while their slot is being moved: %s',
    async (message) => {
      const { calls, asked } = setUp();
      const moving = {
        ...calls,
        spend: (spends: readonly Spend[]) =>
          spends.flat().length > 1 ? Promise.reject(failure(message)) : calls.spend(spends),
      };
      const spends = [[ask(ada)], [ask({ ...ada, route: 'GET /' })], [ask(ada), ask({ ...ada, route: 'GET /' })]];
      const results = await Promise.allSettled(spendBySlot(spends, moving));
      expect(asked).toHaveLength(2);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    },
  );

  it('are not asked twice after any other failure: they may have counted', async () => {
    const { calls, asked } = setUp(() => failure('Command timed out'));
    await Promise.allSettled(spendBySlot([[ask(ada)], [ask(ada)]], calls));
    expect(asked).toHaveLength(1);
  });
});

describe('returns on a cluster', () => {
  it('travel by hash tag, and all are tried even where one fails', async () => {
    const given = (scope: Omit<LimitKey, 'policy'>): LimitReturn => ({ ...ask(scope), spentAtUs: 0 });
    const groups: number[] = [];
    const calls: SlotCalls = {
      ...setUp().calls,
      giveBack: (returns) => {
        groups.push(returns.length);
        return groups.length === 1 ? Promise.reject(failure('gone')) : Promise.resolve();
      },
    };
    const all = giveBackBySlot([given(ada), given(ben), given(ada), given(acme)], calls);
    await expect(all).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(groups).toEqual([2, 1, 1]);
  });
});
