import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LimitRequest, LimitStore, LimitTerms, SpendResult } from '../../src/limiter/limit-store.ts';
import { type Algorithm, algorithms } from '../../src/policy/policy.ts';
import { ReferenceLimitStore } from '../support/reference-limit-store.ts';
import { agreesWithTheReference } from './limit-store.traces.ts';

/** A store under test whose time the suite sets. */
export interface StoreUnderTest {
  readonly store: LimitStore;
  setNowUs(nowUs: number): void;
  close(): Promise<void>;
}

/** A whole number of every window used here. */
export const startUs = 1_750_000_020_000_000;
const secondUs = 1_000_000;

export const terms = (algorithm: Algorithm, change: Partial<LimitTerms> = {}): LimitTerms => ({
  algorithm,
  periodUs: secondUs,
  capacity: 3,
  ...change,
});

let serial = 0;
export const freshClient = (): string => `ip:198.51.100.${serial++}`;

/** What every LimitStore must do. `open` gives a store that shares counters with no other. */
export const limitStoreContract = (name: string, open: () => Promise<StoreUnderTest>): void => {
  describe(`limit store: ${name}`, () => {
    let subject: StoreUnderTest;
    let permits = 0;
    const asking = (client: string, change: Partial<LimitRequest> = {}): LimitRequest => ({
      key: { policy: 'p', client },
      terms: terms('token-bucket'),
      cost: 1,
      mode: 'enforce',
      permit: `permit-${permits++}`,
      ...change,
    });
    const spend = async (nowUs: number, ...requests: LimitRequest[]): Promise<SpendResult> => {
      subject.setNowUs(nowUs);
      const [result] = await subject.store.spend([requests]);
      if (!result) throw new Error('a spend without an answer');
      return result;
    };

    beforeAll(async () => {
      subject = await open();
    });
    afterAll(async () => {
      await subject.store.close();
      await subject.close();
    });

    it('admits the burst of a token bucket, then denies with the exact time until the cost fits', async () => {
      const request = asking(freshClient());
      for (const remaining of [2, 1, 0]) {
        const { allowed, answers } = await spend(startUs, request);
        expect(allowed).toBe(true);
        expect(answers[0]).toMatchObject({ allowed: true, remaining, retryAfterUs: 0, delayUs: 0 });
      }
      const denied = await spend(startUs + 250_000, request);
      expect(denied).toEqual({
        allowed: false,
        answers: [{ allowed: false, remaining: 0, resetAfterUs: 2_750_000, retryAfterUs: 750_000, delayUs: 0 }],
        nowUs: startUs + 250_000,
      });
      expect((await spend(startUs + secondUs - 1, request)).allowed).toBe(false);
      expect((await spend(startUs + secondUs, request)).allowed).toBe(true);
    });

    it('admits a fixed window its limit, and the next one again', async () => {
      const request = asking(freshClient(), { terms: terms('fixed-window') });
      for (const remaining of [2, 1, 0]) {
        expect((await spend(startUs + 900_000, request)).answers[0]).toMatchObject({ allowed: true, remaining });
      }
      const { answers } = await spend(startUs + 950_000, request);
      expect(answers[0]).toMatchObject({ allowed: false, retryAfterUs: 50_000, resetAfterUs: 50_000 });
      expect((await spend(startUs + secondUs, request)).answers[0]).toMatchObject({ allowed: true, remaining: 2 });
    });

    it('counts in a sliding window what lies less than a window ago', async () => {
      const request = asking(freshClient(), { terms: terms('sliding-window', { capacity: 4 }) });
      for (let taken = 0; taken < 4; taken += 1) expect((await spend(startUs + 900_000, request)).allowed).toBe(true);
      const { answers } = await spend(startUs + secondUs, request);
      // Three quarters of four units count as three: that leaves room for one, a quarter of a window later.
      expect(answers[0]).toMatchObject({ allowed: false, remaining: 0, retryAfterUs: 250_000 });
      expect((await spend(startUs + 1_249_999, request)).allowed).toBe(false);
      expect((await spend(startUs + 1_250_000, request)).allowed).toBe(true);
    });

    it('queues in a leaky bucket: each is held until those before it have left', async () => {
      const request = asking(freshClient(), { terms: terms('leaky-bucket') });
      for (const delayUs of [0, secondUs, 2 * secondUs]) {
        expect((await spend(startUs, request)).answers[0]).toMatchObject({ allowed: true, delayUs });
      }
      const { answers } = await spend(startUs, request);
      expect(answers[0]).toMatchObject({ allowed: false, retryAfterUs: secondUs, delayUs: 0 });
      expect((await spend(startUs + 1_500_000, request)).answers[0]).toMatchObject({ delayUs: 1_500_000 });
    });

    it('holds a place under a concurrency limit until it is released or its time is over', async () => {
      const client = freshClient();
      const enter = () => asking(client, { terms: terms('concurrency', { capacity: 2, periodUs: 10 * secondUs }) });
      const [first, second, third] = [enter(), enter(), enter()];
      expect((await spend(startUs, first)).answers[0]).toMatchObject({ allowed: true, remaining: 1 });
      expect((await spend(startUs + secondUs, second)).answers[0]).toMatchObject({ remaining: 0 });
      const full = await spend(startUs + 2 * secondUs, third);
      expect(full.answers[0]).toMatchObject({ allowed: false, retryAfterUs: secondUs, resetAfterUs: 9 * secondUs });
      const { key, terms: places, cost, permit = '' } = first;
      await subject.store.giveBack([{ key, terms: places, cost, spentAtUs: startUs, permit }]);
      await subject.store.giveBack([{ key, terms: places, cost, spentAtUs: startUs, permit }]);
      expect((await spend(startUs + 2 * secondUs, third)).allowed).toBe(true);
      expect((await spend(startUs + 2 * secondUs, enter())).allowed).toBe(false);
      expect((await spend(startUs + 11 * secondUs, enter())).allowed).toBe(true);
    });

    describe.each(algorithms)('of a %s', (algorithm) => {
      const of = (client: string, change: Partial<LimitTerms> = {}) =>
        asking(client, { terms: terms(algorithm, { periodUs: 10 * secondUs, ...change }) });

      it('spends nothing when it denies', async () => {
        const client = freshClient();
        for (let taken = 0; taken < 3; taken += 1) await spend(startUs, of(client));
        const { answers } = await spend(startUs, of(client));
        for (let attempt = 0; attempt < 20; attempt += 1) await spend(startUs, of(client));
        expect((await spend(startUs, of(client))).answers).toEqual(answers);
      });

      it('says that a cost above its capacity never fits, and spends nothing for it', async () => {
        const client = freshClient();
        const { allowed, answers } = await spend(startUs, { ...of(client), cost: 4 });
        expect(allowed).toBe(false);
        expect(answers[0]).toMatchObject({ allowed: false, retryAfterUs: null, remaining: 3 });
        expect((await spend(startUs, { ...of(client), cost: 3 })).answers[0]).toMatchObject({ remaining: 0 });
      });

      it('peeks with cost 0', async () => {
        const client = freshClient();
        for (let peek = 0; peek < 5; peek += 1) {
          expect((await spend(startUs, { ...of(client), cost: 0 })).answers[0]).toMatchObject({ remaining: 3 });
        }
      });

      it('takes back what was spent, and never more than that', async () => {
        const client = freshClient();
        const request = { ...of(client), cost: 2 };
        await spend(startUs, request);
        const { key, terms: own, cost, permit = '' } = request;
        await subject.store.giveBack([{ key, terms: own, cost, spentAtUs: startUs, permit }]);
        await subject.store.giveBack([{ key, terms: own, cost, spentAtUs: startUs, permit }]);
        expect((await spend(startUs, { ...of(client), cost: 0 })).answers[0]).toMatchObject({ remaining: 3 });
      });

      it('heals when the clock was ahead: what was stored counts for no more than a full counter', async () => {
        const client = freshClient();
        for (let taken = 0; taken < 3; taken += 1) await spend(startUs + 86_400 * secondUs, of(client));
        await spend(startUs, of(client));
        const later = startUs + 2 * 3 * 10 * secondUs;
        expect((await spend(later, { ...of(client), cost: 0 })).answers[0]).toMatchObject({ remaining: 3 });
      });

      it('obeys a changed limit at once, and keeps what was counted', async () => {
        const client = freshClient();
        await spend(startUs, { ...of(client), cost: 2 });
        expect((await spend(startUs, { ...of(client, { capacity: 5 }), cost: 0 })).answers[0]).toMatchObject({
          remaining: 3,
        });
        expect((await spend(startUs, of(client, { capacity: 2 }))).allowed).toBe(false);
      });
    });

    it('spends all limits of a call or none', async () => {
      const client = freshClient();
      const wide = asking(client, {
        key: { policy: 'wide', client },
        terms: terms('sliding-window', { capacity: 10 }),
      });
      const narrow = asking(client, {
        key: { policy: 'narrow', client },
        terms: terms('token-bucket', { capacity: 1 }),
      });
      expect((await spend(startUs, wide, narrow)).allowed).toBe(true);
      const denied = await spend(startUs, wide, narrow);
      expect(denied.allowed).toBe(false);
      expect(denied.answers.map(({ allowed }) => allowed)).toEqual([true, false]);
      expect((await spend(startUs, { ...wide, cost: 0 })).answers[0]?.remaining).toBe(9);
    });

    it('spends a shadow limit on its own and never denies for it', async () => {
      const client = freshClient();
      const live = asking(client, { key: { policy: 'live', client }, terms: terms('token-bucket', { capacity: 2 }) });
      const shadow = asking(client, {
        key: { policy: 'shadow', client },
        terms: terms('token-bucket', { capacity: 1 }),
        mode: 'shadow',
      });
      expect((await spend(startUs, live, shadow)).allowed).toBe(true);
      const second = await spend(startUs, live, shadow);
      expect(second.allowed).toBe(true);
      expect(second.answers[1]?.allowed).toBe(false);
    });

    it('charges what does not fit, down to nothing left', async () => {
      const client = freshClient();
      const charge = asking(client, { mode: 'charge', cost: 2 });
      expect((await spend(startUs, charge)).answers[0]).toMatchObject({ allowed: true, remaining: 1 });
      const over = await spend(startUs, charge);
      expect(over).toMatchObject({ allowed: true, answers: [{ allowed: false, remaining: 0 }] });
      expect((await spend(startUs + secondUs, asking(client))).allowed).toBe(true);
    });

    it('counts the same key twice in one spend twice', async () => {
      const request = asking(freshClient());
      expect((await spend(startUs, request, request)).allowed).toBe(true);
      expect((await spend(startUs, request, request)).allowed).toBe(false);
      expect((await spend(startUs, request)).allowed).toBe(true);
    });

    it('answers many spends of one call in their order, each as if it came alone', async () => {
      const request = asking(freshClient());
      subject.setNowUs(startUs);
      const results = await subject.store.spend(Array.from({ length: 300 }, () => [request]));
      expect(results.map(({ allowed }) => allowed)).toEqual(results.map((_, index) => index < 3));
    });

    it('keeps clients, tenants, routes, addresses and policies apart, whatever is in their names', async () => {
      const keys = [
        { policy: 'p', client: 'ip:a' },
        { policy: 'p', client: 'ip:b' },
        { policy: 'p', client: 'tenant=ip:a' },
        { policy: 'p', tenant: 'ip:a' },
        { policy: 'p', route: 'ip:a' },
        { policy: 'p', plan: 'ip:a' },
        { policy: 'p', service: 'ip:a' },
        { policy: 'p', address: 'ip:a' },
        { policy: 'p', network: 'ip:a' },
        { policy: 'q', client: 'ip:a' },
        { policy: 'p', client: 'key:}{x\u0000\r\n' },
        { policy: 'p', client: `key:${'y'.repeat(500)}` },
        { policy: 'p', client: `key:${'y'.repeat(501)}` },
        { policy: 'p' },
      ];
      for (const algorithm of algorithms) {
        for (const key of keys) {
          const run = { ...key, policy: `${key.policy}-${serial}` };
          const { answers } = await spend(startUs, asking('', { key: run, terms: terms(algorithm) }));
          expect(answers[0]?.remaining, JSON.stringify(key)).toBe(2);
        }
      }
      serial += 1;
    });

    it('forgets a bucket that is just full again, whatever travels along', async () => {
      const client = freshClient();
      const bucket = asking(client, { terms: terms('token-bucket', { periodUs: 1 }) });
      const window = asking(client, { key: { policy: 'w', client }, terms: terms('sliding-window'), cost: 0 });
      const spends = [
        [{ ...bucket, cost: 3 }, bucket, { ...bucket, mode: 'charge' as const }],
        [window, { ...bucket, cost: 0 }],
      ];
      const reference = new ReferenceLimitStore(() => nowUs);
      let nowUs = startUs;
      for (const asked of [spends, [[{ ...bucket, cost: 0 }]]]) {
        subject.setNowUs(nowUs);
        expect(await subject.store.spend(asked)).toEqual(reference.spend(asked));
        nowUs -= 1000;
      }
    });

    agreesWithTheReference(() => subject);
  });
};
