import type { LimitRequest, SpendResult } from './limit-store.ts';
import { type BucketDraw, drawFromBucket, remainingUnits } from './token-bucket.ts';

/** Where a spend reads and writes TATs, by counter. */
export interface TatCells {
  /** 0 when there is none. */
  read(counter: string): number;
  write(counter: string, tatUs: number): void;
}

export interface CountedRequest {
  readonly counter: string;
  readonly request: LimitRequest;
}

/**
 * Check all, then commit all or none of the enforced limits; shadow ones are spent on their own. The same steps as
 * `lua/token-bucket.lua`, over any cells.
 */
export const spendAll = (requests: readonly CountedRequest[], cells: TatCells, nowUs: number): SpendResult => {
  const pending = new Map<string, number>();
  let allowed = true;
  const draws = requests.map(({ counter, request }): BucketDraw => {
    const draw = drawFromBucket(request, pending.get(counter) ?? cells.read(counter), { nowUs, cost: request.cost });
    if (draw.fits) pending.set(counter, draw.spentTatUs);
    else if (!request.shadow) allowed = false;
    return draw;
  });
  const answers = requests.map(({ counter, request }, index) => {
    const draw = draws[index] as BucketDraw;
    const commits = draw.fits && request.cost > 0 && (allowed || request.shadow);
    const tatUs = commits ? draw.spentTatUs : draw.tatUs;
    if (commits) cells.write(counter, tatUs);
    return {
      allowed: draw.fits,
      remaining: remainingUnits(request, tatUs, nowUs),
      resetAfterUs: tatUs - nowUs,
      retryAfterUs: draw.retryAfterUs,
    };
  });
  return { allowed, answers };
};
