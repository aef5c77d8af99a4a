import { describe, expect, it } from 'vitest';
import { RetryWatch } from '../../../src/gate/retry-watch.ts';

const atMs = 1_750_000_000_000;

describe('what clients were told', () => {
  it('is ignored by who comes back after the grace and before the time', () => {
    const watch = new RetryWatch();
    watch.denied('a', atMs, 60_000);
    const early = [0, 999, 1000, 59_999, 60_000].map((laterMs) => watch.isEarly('a', atMs + laterMs));
    expect(early).toEqual([false, false, true, true, false]);
    expect(watch.isEarly('b', atMs + 2000)).toBe(false);
  });

  it('is remembered for so many that a flood of ids makes it forget the oldest, not run out of memory', () => {
    const watch = new RetryWatch();
    for (let n = 0; n <= 10_000; n += 1) watch.denied(`client-${n}`, atMs, 60_000);
    expect(watch.isEarly('client-0', atMs + 2000)).toBe(false);
    expect(watch.isEarly('client-1', atMs + 2000)).toBe(true);
    expect(watch.isEarly('client-10000', atMs + 2000)).toBe(true);
  });
});
