import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Counter } from '../../../src/limiter/algorithms/counter.ts';
import { DenyCache } from '../../../src/limiter/deny-cache.ts';
import type { LimitAnswer, LimitRequest, LimitTerms } from '../../../src/limiter/limit-store.ts';
import { spendAll } from '../../../src/limiter/spend.ts';

const terms: LimitTerms = { algorithm: 'token-bucket', periodUs: 100_000, capacity: 5 };

const ask = (change: Partial<LimitRequest> = {}): LimitRequest => ({
  key: { policy: 'p', client: 'ip:198.51.100.7' },
  terms,
  cost: 1,
  mode: 'enforce',
  ...change,
});

const denied = (retryAfterUs: number | null): LimitAnswer => ({
  allowed: false,
  remaining: 0,
  resetAfterUs: 500_000,
  retryAfterUs,
  delayUs: 0,
});

const at = (us: number) => ({ sentUs: us, answeredUs: us });

describe('deny cache', () => {
  it('denies again until the counter could have room, and tells how long is left', () => {
    const cache = new DenyCache();
    cache.remember(ask(), denied(300_000), { sentUs: 1_000_000, answeredUs: 1_010_000 });
    expect(cache.find(ask(), 1_110_000)).toEqual({
      allowed: false,
      remaining: 0,
      resetAfterUs: 400_000,
      retryAfterUs: 200_000,
      delayUs: 0,
    });
    expect(cache.find(ask(), 1_299_999)).not.toBeNull();
    expect(cache.find(ask(), 1_300_000)).toBeNull();
    expect(cache.stats()).toEqual({ size: 0, hits: 2, dropped: 0 });
  });

  it('remembers nothing for longer than a second, a cost that can never fit included', () => {
    const cache = new DenyCache();
    cache.remember(ask({ cost: 9 }), denied(null), at(0));
    expect(cache.find(ask({ cost: 9 }), 999_999)?.retryAfterUs).toBeNull();
    expect(cache.find(ask({ cost: 9 }), 1_000_000)).toBeNull();
    cache.remember(ask(), denied(60_000_000), at(0));
    expect(cache.find(ask(), 999_999)?.retryAfterUs).toBe(59_000_001);
    expect(cache.find(ask(), 1_000_000)).toBeNull();
  });

  it('denies a greater cost too, which waits longer; a smaller one and a peek are asked', () => {
    const cache = new DenyCache();
    cache.remember(ask({ cost: 2 }), denied(300_000), at(0));
    expect(cache.find(ask({ cost: 3 }), 0)?.retryAfterUs).toBe(400_000);
    expect(cache.find(ask({ cost: 6 }), 0)?.retryAfterUs).toBeNull();
    expect(cache.find(ask({ cost: 1 }), 0)).toBeNull();
    expect(cache.find(ask({ cost: 0 }), 0)).toBeNull();
  });

  it('asks again after the policy has changed, and says the same for terms that only look new', () => {
    const cache = new DenyCache();
    cache.remember(ask(), denied(300_000), at(0));
    expect(cache.find(ask({ terms: { ...terms } }), 0)).not.toBeNull();
    expect(cache.find(ask({ terms: { ...terms, capacity: 6 } }), 0)).toBeNull();
    expect(cache.find(ask({ terms: { ...terms, periodUs: 99_999 } }), 0)).toBeNull();
    expect(cache.find(ask({ terms: { ...terms, algorithm: 'leaky-bucket' } }), 0)).toBeNull();
  });

  it('tells counters apart by every part of their keys', () => {
    const cache = new DenyCache();
    const parts = ['tenant', 'plan', 'service', 'route', 'address', 'network'] as const;
    cache.remember(ask(), denied(300_000), at(0));
    for (const part of parts) {
      const key = { policy: 'p', client: 'ip:198.51.100.7', [part]: 'x' };
      expect(cache.find(ask({ key }), 0), part).toBeNull();
    }
    expect(cache.find(ask({ key: { policy: 'q', client: 'ip:198.51.100.7' } }), 0)).toBeNull();
    expect(cache.find(ask({ key: { policy: 'p', tenant: 'ip:198.51.100.7' } }), 0)).toBeNull();
  });

  it('remembers no allowance, no shadow limit, no place in flight and no shared overflow counter', () => {
    const cache = new DenyCache();
    const places: LimitTerms = { algorithm: 'concurrency', periodUs: 1_000_000, capacity: 5 };
    cache.remember(ask(), { ...denied(0), allowed: true }, at(0));
    cache.remember(ask({ mode: 'shadow' }), denied(300_000), at(0));
    cache.remember(ask({ terms: places }), denied(300_000), at(0));
    cache.remember(ask(), { ...denied(300_000), overflow: true }, at(0));
    expect(cache.stats().size).toBe(0);
  });

  it('never denies a shadow limit or a charge', () => {
    const cache = new DenyCache();
    cache.remember(ask(), denied(300_000), at(0));
    expect(cache.find(ask({ mode: 'shadow' }), 0)).toBeNull();
    expect(cache.find(ask({ mode: 'charge' }), 0)).toBeNull();
  });

  it('forgets a counter that got units back', () => {
    const cache = new DenyCache();
    cache.remember(ask(), denied(300_000), at(0));
    cache.forget(ask().key);
    expect(cache.find(ask(), 0)).toBeNull();
  });

  it('holds no more than its bound under a flood of ids, the oldest going first, and counts what it drops', () => {
    const cache = new DenyCache({ maxDenials: 100 });
    const keyOf = (index: number) => ({ policy: 'p', client: `key:${index}` });
    for (let index = 0; index < 1000; index += 1) cache.remember(ask({ key: keyOf(index) }), denied(900_000), at(0));
    expect(cache.stats()).toEqual({ size: 100, hits: 0, dropped: 900 });
    expect(cache.find(ask({ key: keyOf(899) }), 0)).toBeNull();
    expect(cache.find(ask({ key: keyOf(900) }), 0)).not.toBeNull();
  });

  it('holds no long list of one client, whatever else the limits are keyed by', () => {
    const cache = new DenyCache();
    for (let index = 0; index < 5000; index += 1) {
      cache.remember(
        ask({ key: { policy: 'p', client: 'key:one', address: `10.0.0.${index}` } }),
        denied(900_000),
        at(0),
      );
    }
    const { size, dropped } = cache.stats();
    expect(size).toBeLessThanOrEqual(32);
    expect(size + dropped).toBe(5000);
  });

  it('never denies what the store would have admitted, for any algorithm, costs and times', () => {
    const algorithm = fc.constantFrom('token-bucket', 'leaky-bucket', 'fixed-window', 'sliding-window');
    const step = fc.record({
      forwardUs: fc.integer({ min: 0, max: 200_000 }),
      answerUs: fc.integer({ min: 0, max: 30_000 }),
      cost: fc.integer({ min: 0, max: 6 }),
    });
    fc.assert(
      fc.property(algorithm, fc.array(step, { maxLength: 60 }), (name, steps) => {
        const periodUs = name.endsWith('window') ? 500_000 : 100_000;
        const limit: LimitTerms = { algorithm: name, periodUs, capacity: 5 };
        const counter: Counter = { cells: new Float64Array(3), at: 0, places: null, grants: null };
        const cache = new DenyCache();
        let nowUs = 1_750_000_000_000_000;
        for (const { forwardUs, answerUs, cost } of steps) {
          nowUs += forwardUs;
          const request = ask({ terms: limit, cost });
          const cached = cache.find(request, nowUs);
          const probe: Counter = { ...counter, cells: counter.cells.slice() };
          const truth = spendAll([request], [cached ? probe : counter], nowUs);
          if (cached) {
            expect(truth.allowed).toBe(false);
            continue;
          }
          const sentUs = nowUs;
          nowUs += answerUs;
          const [answer] = truth.answers;
          if (answer) cache.remember(request, answer, { sentUs, answeredUs: nowUs });
        }
      }),
      { numRuns: 300 },
    );
  });
});
