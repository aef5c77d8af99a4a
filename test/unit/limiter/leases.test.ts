import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { LeaseBook } from '../../../src/limiter/lease-book.ts';
import { LeaseCounter } from '../../../src/limiter/lease-counter.ts';
import type { LimitRequest, LimitTerms } from '../../../src/limiter/limit-store.ts';
import type { SavedSpend } from '../../../src/limiter/saving-store.ts';
import type { Journey } from '../../support/distant-store.ts';
import { LeasePlay, worstExcess } from '../../support/lease-play.ts';

const bucket = (capacity: number, periodUs: number): LimitTerms => ({ algorithm: 'token-bucket', capacity, periodUs });
const swift: Journey = { toMs: 0, backMs: 1 };
const wide = bucket(1000, 1000);

const open = (terms = wide, gates = 1, journey = (): Journey => swift): LeasePlay =>
  new LeasePlay({ gates, terms, journey });

const isAllowed = (saved: SavedSpend): boolean => 'result' in saved && saved.result.allowed;

/** A request every 2 ms until the counter is leased, and a little longer. */
const heat = async (play: LeasePlay, gate = 0): Promise<void> => {
  for (let turn = 0; turn < 100; turn += 1) {
    void play.ask(gate, play.request(1));
    await play.advance(2);
  }
  expect(play.gate(gate).leases.stats().units).toBeGreaterThan(0);
};

/** As many as it takes until one is denied. */
const admittedAtOnce = async (play: LeasePlay, gate: number): Promise<number> => {
  let admitted = 0;
  for (let denied = false; !denied; ) {
    const asked = Array.from({ length: 10 }, () => play.ask(gate, play.request(1)));
    await play.advance(3);
    const allowed = (await Promise.all(asked)).filter(isAllowed).length;
    admitted += allowed;
    denied = allowed < asked.length;
  }
  return admitted;
};

describe('leases', () => {
  it('answer at once, say what is left in all, and call the store a few times a second', async () => {
    const play = open();
    await heat(play);
    const before = play.calls;
    for (let turn = 0; turn < 500; turn += 1) {
      const saved = play.gate(0).saving.spend([play.request(1)]);
      expect(saved).not.toBeInstanceOf(Promise);
      expect(saved).toMatchObject({ result: { allowed: true, source: 'lease', answers: [{ retryAfterUs: 0 }] } });
      await play.advance(2);
    }
    // 500 a second fit easily: about ten leases a second are fetched, and their ends told.
    expect(play.calls - before).toBeLessThan(40);
    const saved = await play.ask(0, play.request(1));
    const remaining = 'result' in saved ? (saved.result.answers[0]?.remaining ?? 0) : 0;
    expect(remaining).toBeGreaterThan(900);
    expect(remaining).toBeLessThanOrEqual(1000);
  });

  it('are not asked for by counters that are cold, small, of another algorithm, or only charged', async () => {
    const asks: [string, Partial<LimitRequest>][] = [
      ['small', { terms: bucket(19, 1000) }],
      ['window', { terms: { algorithm: 'fixed-window', periodUs: 60_000_000, capacity: 1000 } }],
      ['queue', { terms: { algorithm: 'leaky-bucket', periodUs: 100, capacity: 1000 } }],
      ['charged', { mode: 'charge' }],
      ['peeked', { cost: 0 }],
    ];
    for (const [policy, change] of asks) {
      const play = open();
      for (let turn = 0; turn < 200; turn += 1) {
        void play.ask(0, { ...play.request(1, { policy, client: 'key:hot' }), ...change });
        await play.advance(2);
      }
      expect(play.gate(0).leases.stats(), policy).toMatchObject({ counters: 0, granted: 0 });
    }
    const cold = open(wide, 1);
    for (let turn = 0; turn < 20; turn += 1) {
      void cold.ask(0, cold.request(1, { policy: 'cold', client: `key:${turn}` }));
      await cold.advance(50);
    }
    expect(cold.gate(0).leases.stats().counters).toBe(0);
  });

  it('occupy the burst: an idle lease and a bucket that is full again are together no more than the burst', async () => {
    const terms = bucket(100, 1000);
    const play = open(terms, 2);
    await heat(play, 0);
    const { units } = play.gate(0).leases.stats();
    // Long enough for the bucket to fill, too short for the lease to go back.
    await play.advance(150);
    expect(play.gate(0).leases.stats().units).toBe(units);
    const from = play.trace.length;
    const other = await admittedAtOnce(play, 1);
    const own = await admittedAtOnce(play, 0);
    expect(own).toBeGreaterThanOrEqual(units);
    expect(other + own).toBeGreaterThan(90);
    expect(worstExcess(play.trace.slice(from), terms)).toBeLessThanOrEqual(0);
  });

  it('go back after half a second without a request, and at close', async () => {
    const play = open();
    await heat(play);
    await play.advance(700);
    const { counters, units, returned } = play.gate(0).leases.stats();
    expect({ counters, units }).toEqual({ counters: 0, units: 0 });
    expect(returned).toBeGreaterThan(0);
    expect(await admittedAtOnce(play, 0)).toBeGreaterThanOrEqual(1000);

    const closing = open(bucket(100, 1_000_000));
    for (let turn = 0; turn < 5; turn += 1) {
      for (let count = 0; count < 5; count += 1) void closing.ask(0, closing.request(1));
      await closing.advance(3);
    }
    expect(closing.gate(0).leases.stats().units).toBeGreaterThan(0);
    const closed = closing.gate(0).saving.close();
    await closing.advance(5);
    await closed;
    closing.start(0);
    expect(closing.trace.length + (await admittedAtOnce(closing, 0))).toBe(100);
  });

  it('cost a crash their units, which come back as the bucket refills', async () => {
    const terms = bucket(100, 10_000);
    const play = open(terms);
    for (let turn = 0; turn < 10; turn += 1) {
      for (let count = 0; count < 3; count += 1) void play.ask(0, play.request(1));
      await play.advance(4);
    }
    const { units } = play.gate(0).leases.stats();
    expect(units).toBeGreaterThan(3);
    play.start(0);
    const left = await admittedAtOnce(play, 0);
    // 30 were asked for, a few refilled: the lost lease is missing and no more than that.
    expect(30 + left + units).toBeGreaterThanOrEqual(100);
    expect(30 + left + units).toBeLessThan(112);
    await play.advance(1000 + 100 * 10);
    expect(await admittedAtOnce(play, 0)).toBeGreaterThanOrEqual(100);
  });

  it('never deny: a lone gate gets its whole burst once nothing has been asked for long enough, in any costs', async () => {
    for (const cost of [1, 7, 100]) {
      const terms = bucket(100, 5000);
      const play = open(terms);
      for (let round = 0; round < 3; round += 1) {
        await heat(play);
        await play.advance(600 + 500);
        const asked = Array.from({ length: Math.floor(100 / cost) }, () => play.ask(0, play.request(cost)));
        await play.advance(20);
        expect((await Promise.all(asked)).every(isAllowed), `cost ${cost}, round ${round}`).toBe(true);
        await play.advance(1500);
      }
    }
  });

  it('serve traffic below the limit without a denial, whatever the rhythm', async () => {
    for (const rhythm of [
      [1, 2],
      [5, 10],
      [50, 100],
      [90, 180],
    ] as const) {
      const [requests, everyMs] = rhythm;
      const play = open(bucket(200, 1000));
      const asked: Promise<SavedSpend>[] = [];
      for (let passedMs = 0; passedMs < 3000; passedMs += everyMs) {
        for (let count = 0; count < requests; count += 1) asked.push(play.ask(0, play.request(1)));
        await play.advance(everyMs);
      }
      const denied = (await Promise.all(asked)).filter((saved) => !isAllowed(saved)).length;
      expect(denied, `${requests} every ${everyMs} ms`).toBe(0);
    }
  });

  it('are put back when another limit denies, and the store keeps what it had', async () => {
    const play = open();
    await heat(play);
    const full: LimitRequest = {
      ...play.request(5, { policy: 'other', client: 'key:hot' }),
      terms: bucket(4, 1_000_000),
    };
    const { units } = play.gate(0).leases.stats();
    const pending = play.gate(0).saving.spend([play.request(1), full]);
    expect(play.gate(0).leases.stats().units).toBe(units - 1);
    await play.advance(2);
    const saved = await pending;
    expect(saved).toMatchObject({ result: { allowed: false, answers: [{ allowed: true }, { allowed: false }] } });
    expect(play.gate(0).leases.stats().units).toBe(units);
  });

  it('take part in a spend of several limits: all are taken when the store has room for the rest', async () => {
    const play = open();
    await heat(play);
    const { units } = play.gate(0).leases.stats();
    const other: LimitRequest = {
      ...play.request(1, { policy: 'other', client: 'key:hot' }),
      terms: bucket(10, 1_000_000),
    };
    const pending = play.gate(0).saving.spend([play.request(1), other]);
    await play.advance(2);
    expect(await pending).toMatchObject({ result: { allowed: true, answers: [{ allowed: true }, { remaining: 9 }] } });
    expect(play.gate(0).leases.stats().units).toBe(units - 1);
  });

  it('serve shadow limits as well', async () => {
    const play = open();
    const shadow = { ...play.request(1), mode: 'shadow' as const };
    for (let turn = 0; turn < 100; turn += 1) {
      void play.ask(0, shadow);
      await play.advance(2);
    }
    expect(play.gate(0).saving.spend([shadow])).toMatchObject({ result: { allowed: true, source: 'lease' } });
  });

  it('go back when the policy has changed', async () => {
    const play = open();
    await heat(play);
    const changed = { ...play.request(1), terms: bucket(2000, 500) };
    const saved = play.gate(0).saving.spend([changed]);
    expect(saved).toBeInstanceOf(Promise);
    await play.advance(2);
    expect(play.gate(0).leases.stats().returned).toBeGreaterThan(0);
    expect(await saved).toMatchObject({ result: { allowed: true } });
  });

  it('are asked for once a second at most while answers are lost: each may have granted one', async () => {
    const clock = new ManualClock();
    const asked: LimitRequest[] = [];
    const office = { spend: () => ({ degraded: 'timeout' as const }), giveBack: () => undefined };
    const book = new LeaseBook({ office, clock, random: () => 0.5, hotPerSecond: 5, sampleEvery: 1 });
    for (let turn = 0; turn < 1500; turn += 1) {
      const nowUs = clock.monotonicUs();
      const request = book.prepare({ key: { policy: 'p' }, terms: wide, cost: 1, mode: 'enforce' }, nowUs);
      if (request.leaseUnits) asked.push(request);
      book.settle(request, { answer: null, sentUs: nowUs, storeUs: 0 });
      clock.advance(2);
    }
    expect(asked).toHaveLength(3);
  });

  it('hold no more counters than their bound', async () => {
    const play = open();
    const rush = async (): Promise<void> => {
      for (let key = 0; key < 300; key += 1) void play.ask(0, play.request(1, { policy: 'p', client: `key:${key}` }));
      await play.advance(2);
    };
    for (let turn = 0; turn < 60; turn += 1) await rush();
    expect(play.gate(0).leases.stats().counters).toBeLessThanOrEqual(256);
  });
});

describe('a leased counter', () => {
  const counterWith = (units: number): LeaseCounter => {
    const counter = new LeaseCounter({ policy: 'p' }, wide, { ratePerSecond: 1000, nowUs: 0 });
    counter.add({ id: 1, units, expiresAfterUs: 1_000_000 }, { sentUs: 50_000, grantedAtUs: 0 });
    return counter;
  };

  it('ends its lease before the store does, counted from the moment of asking', () => {
    const counter = counterWith(10);
    expect(counter.left(1_029_999)).toBe(10);
    expect(counter.left(1_030_000)).toBe(0);
    expect(counter.putBack(1, 1_030_000)).toBe(false);
  });

  it('spends the earlier lease first and tells of its end at once', () => {
    const counter = counterWith(10);
    counter.add({ id: 2, units: 20, expiresAfterUs: 1_000_000 }, { sentUs: 60_000, grantedAtUs: 0 });
    expect(counter.take(9, 70_000)).toBeNull();
    expect(counter.take(3, 70_000)).toMatchObject([{ lease: 1, cost: 0 }]);
    expect(counter.left(70_000)).toBe(18);
    expect(counter.release(Number.POSITIVE_INFINITY)).toMatchObject([{ lease: 2, cost: 18 }]);
    expect(counter.holdsNothing).toBe(true);
  });

  it('takes nothing back beyond what was granted', () => {
    const counter = counterWith(10);
    expect(counter.putBack(1, 60_000)).toBe(false);
    counter.take(2, 60_000);
    expect(counter.putBack(3, 60_000)).toBe(false);
    expect(counter.putBack(2, 60_000)).toBe(true);
    expect(counter.left(60_000)).toBe(10);
  });

  it('wants what a tenth of a second takes, and never more than a quarter of the bucket', () => {
    const counter = counterWith(10);
    expect(counter.wanted(0)).toBe(100);
    for (let turn = 0; turn < 30; turn += 1) counter.noteSpent(1, 20_000);
    expect(counter.wanted(20_000)).toBe(150);
    for (let turn = 0; turn < 1000; turn += 1) counter.noteSpent(1, 40_000);
    expect(counter.wanted(40_000)).toBe(250);
  });
});
