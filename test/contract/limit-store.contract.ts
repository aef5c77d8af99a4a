import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LimitRequest, LimitStore, SpendResult } from '../../src/limiter/limit-store.ts';
import { spendAll } from '../../src/limiter/spend.ts';

/** A store under test whose time the suite sets. */
export interface StoreUnderTest {
  readonly store: LimitStore;
  setNowUs(nowUs: number): void;
  close(): Promise<void>;
}

const startUs = 1_750_000_000_000_000;
const secondUs = 1_000_000;

const bucket = (client: string, change: Partial<LimitRequest> = {}): LimitRequest => ({
  key: { policy: 'p', client },
  emissionIntervalUs: secondUs,
  burst: 3,
  cost: 1,
  shadow: false,
  ...change,
});

/** What every LimitStore must do. `open` gives a store that shares counters with no other. */
export const limitStoreContract = (name: string, open: () => Promise<StoreUnderTest>): void => {
  describe(`limit store: ${name}`, () => {
    let subject: StoreUnderTest;
    let serial = 0;
    const freshClient = (): string => `ip:198.51.100.${serial++}`;
    const spend = async (nowUs: number, ...requests: LimitRequest[]): Promise<SpendResult> => {
      subject.setNowUs(nowUs);
      return await subject.store.spend(requests);
    };

    beforeAll(async () => {
      subject = await open();
    });
    afterAll(async () => {
      await subject.store.close();
      await subject.close();
    });

    it('admits the burst, then denies with the exact time until the cost fits', async () => {
      const request = bucket(freshClient());
      for (const remaining of [2, 1, 0]) {
        const { allowed, answers } = await spend(startUs, request);
        expect(allowed).toBe(true);
        expect(answers[0]).toMatchObject({ allowed: true, remaining, retryAfterUs: 0 });
      }
      const denied = await spend(startUs + 250_000, request);
      expect(denied).toEqual({
        allowed: false,
        answers: [{ allowed: false, remaining: 0, resetAfterUs: 2_750_000, retryAfterUs: 750_000 }],
      });
      expect((await spend(startUs + secondUs - 1, request)).allowed).toBe(false);
      expect((await spend(startUs + secondUs, request)).allowed).toBe(true);
    });

    it('spends nothing when it denies', async () => {
      const request = bucket(freshClient(), { burst: 1 });
      await spend(startUs, request);
      for (let attempt = 0; attempt < 50; attempt += 1) await spend(startUs + 1000 * attempt, request);
      expect((await spend(startUs + secondUs, request)).allowed).toBe(true);
    });

    it('spends all limits of a call or none', async () => {
      const client = freshClient();
      const wide = bucket(client, { key: { policy: 'wide', client }, burst: 10 });
      const narrow = bucket(client, { key: { policy: 'narrow', client }, burst: 1 });
      expect((await spend(startUs, wide, narrow)).allowed).toBe(true);
      const denied = await spend(startUs, wide, narrow);
      expect(denied.allowed).toBe(false);
      expect(denied.answers.map(({ allowed }) => allowed)).toEqual([true, false]);
      expect((await spend(startUs, { ...wide, cost: 0 })).answers[0]?.remaining).toBe(9);
    });

    it('spends a shadow limit on its own and never denies for it', async () => {
      const client = freshClient();
      const live = bucket(client, { key: { policy: 'live', client }, burst: 2 });
      const shadow = bucket(client, { key: { policy: 'shadow', client }, burst: 1, shadow: true });
      expect((await spend(startUs, live, shadow)).allowed).toBe(true);
      const second = await spend(startUs, live, shadow);
      expect(second.allowed).toBe(true);
      expect(second.answers[1]?.allowed).toBe(false);
    });

    it('counts the same key twice in one call twice', async () => {
      const request = bucket(freshClient(), { burst: 3 });
      expect((await spend(startUs, request, request)).allowed).toBe(true);
      expect((await spend(startUs, request, request)).allowed).toBe(false);
      expect((await spend(startUs, request)).allowed).toBe(true);
    });

    it('says that a cost above the burst never fits, and spends nothing for it', async () => {
      const request = bucket(freshClient());
      const { allowed, answers } = await spend(startUs, { ...request, cost: 4 });
      expect(allowed).toBe(false);
      expect(answers[0]).toMatchObject({ retryAfterUs: null, remaining: 3 });
    });

    it('peeks with cost 0', async () => {
      const request = bucket(freshClient());
      for (let peek = 0; peek < 5; peek += 1) {
        expect((await spend(startUs, { ...request, cost: 0 })).answers[0]?.remaining).toBe(3);
      }
    });

    it('heals when the clock was ahead: a stored time counts for no more than the burst', async () => {
      const request = bucket(freshClient());
      await spend(startUs + 3_600 * secondUs, request);
      const { answers } = await spend(startUs, request);
      expect(answers[0]?.retryAfterUs).toBe(secondUs);
    });

    it('keeps clients, tenants, routes and policies apart, whatever is in their names', async () => {
      const keys = [
        { policy: 'p', client: 'ip:a' },
        { policy: 'p', client: 'ip:b' },
        { policy: 'p', tenant: 'ip:a' },
        { policy: 'p', route: 'ip:a' },
        { policy: 'q', client: 'ip:a' },
        { policy: 'p', client: 'key:}{x\u0000\r\n' },
        { policy: 'p', client: `key:${'y'.repeat(500)}` },
        { policy: 'p', client: `key:${'y'.repeat(501)}` },
        { policy: 'p' },
      ];
      for (const key of keys) {
        const run = { ...key, policy: `${key.policy}-${serial}` };
        const { answers } = await spend(startUs, bucket('', { key: run }));
        expect(answers[0]?.remaining, JSON.stringify(key)).toBe(2);
      }
      serial += 1;
    });

    it('agrees with the reference arithmetic on any trace of times, costs and keys', async () => {
      const step = fc.record({
        forwardUs: fc.integer({ min: -2_000_000, max: 5_000_000 }),
        asks: fc.array(
          fc.record({
            key: fc.integer({ min: 0, max: 2 }),
            cost: fc.integer({ min: 0, max: 6 }),
            shadow: fc.boolean(),
          }),
          { minLength: 1, maxLength: 4 },
        ),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 30 }),
          fc.integer({ min: 1, max: 900_001 }),
          async (steps, intervalUs) => {
            const run = freshClient();
            const cells = new Map<string, number>();
            let nowUs = startUs;
            for (const { forwardUs, asks } of steps) {
              nowUs += forwardUs;
              const requests = asks.map(({ key, cost, shadow }) =>
                bucket('', {
                  key: { policy: `k${key}`, client: run },
                  emissionIntervalUs: intervalUs,
                  burst: 4,
                  cost,
                  shadow,
                }),
              );
              const expected = spendAll(
                requests.map((request) => ({ counter: request.key.policy, request })),
                { read: (counter) => cells.get(counter) ?? 0, write: (counter, tatUs) => cells.set(counter, tatUs) },
                nowUs,
              );
              expect(await spend(nowUs, ...requests)).toEqual(expected);
            }
          },
        ),
        { numRuns: 60 },
      );
    });
  });
};
