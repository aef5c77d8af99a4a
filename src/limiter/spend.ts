import type { LimitAnswer, LimitRequest, SpendResult } from './limit-store.ts';
import { type BucketDraw, drawFromBucket, remainingUnits } from './token-bucket.ts';

/** Where a spend reads and writes TATs, by counter. */
export interface TatCells<Counter = string> {
  /** 0 when there is none. */
  read(counter: Counter): number;
  write(counter: Counter, tatUs: number): void;
}

export interface CountedRequest<Counter = string> {
  /** The same value (`===`) for the same counter. */
  readonly counter: Counter;
  readonly request: LimitRequest;
}

/** The same counter may be asked twice in one call: what the first one takes must be seen by the second. */
const pendingTatUs = <Counter>(
  requests: readonly CountedRequest<Counter>[],
  draws: readonly BucketDraw[],
  counter: Counter,
): number | undefined => {
  for (let index = draws.length - 1; index >= 0; index -= 1) {
    const draw = draws[index];
    if (draw?.fits && requests[index]?.counter === counter) return draw.spentTatUs;
  }
  return undefined;
};

const answerTo = (request: LimitRequest, draw: BucketDraw, { tatUs, nowUs }: { tatUs: number; nowUs: number }) => ({
  allowed: draw.fits,
  remaining: remainingUnits(request, tatUs, nowUs),
  resetAfterUs: tatUs - nowUs,
  retryAfterUs: draw.retryAfterUs,
});

/**
 * Check all, then commit all or none of the enforced limits; shadow ones are spent on their own. The same steps as
 * `lua/token-bucket.lua`, over any cells.
 */
export const spendAll = <Counter>(
  requests: readonly CountedRequest<Counter>[],
  cells: TatCells<Counter>,
  nowUs: number,
): SpendResult => {
  const draws: BucketDraw[] = [];
  let allowed = true;
  for (const { counter, request } of requests) {
    const storedTatUs = pendingTatUs(requests, draws, counter) ?? cells.read(counter);
    const draw = drawFromBucket(request, storedTatUs, { nowUs, cost: request.cost });
    if (!draw.fits && !request.shadow) allowed = false;
    draws.push(draw);
  }
  const answers: LimitAnswer[] = [];
  for (const [index, { counter, request }] of requests.entries()) {
    const draw = draws[index] as BucketDraw;
    const commits = draw.fits && request.cost > 0 && (allowed || request.shadow);
    const tatUs = commits ? draw.spentTatUs : draw.tatUs;
    if (commits) cells.write(counter, tatUs);
    answers.push(answerTo(request, draw, { tatUs, nowUs }));
  }
  return { allowed, answers };
};
