import type { Arithmetic } from './counter.ts';
import { tokenBucket } from './token-bucket.ts';

/**
 * A leaky bucket as a queue: units leave it one per period, and `capacity` of them may be in it. Its integer is the instant
 * at which it has run empty, which moves as a token bucket's does; what differs is the answer: an admitted request is held
 * until the units before it have left (see `delayUs`). Source: J. Turner, New directions in communications, 1986.
 *
 * Bound: any interval of length t admits at most `capacity + t / periodUs` units, and lets out at most one request and
 * `t / periodUs` units.
 */
export const leakyBucket: Arithmetic = {
  ...tokenBucket,
  settle({ cells, at }, { capacity, periodUs }, nowUs) {
    const emptyUs = cells[at] ?? 0;
    const fullUs = nowUs + capacity * periodUs;
    cells[at] = Math.min(Math.max(emptyUs, nowUs), fullUs);
    return emptyUs > fullUs;
  },
};
