import type { Block, Verdict } from '../blocklist/block.ts';
import type { BlockPromoter, PromotionResult, Suppression } from '../blocklist/block-promoter.ts';

/** A verdict that made no block, and why. */
export interface SuppressedVerdict {
  readonly verdict: Verdict;
  readonly reason: Suppression;
}

/** What promotions came to, as they were made: a block that expired before the end of the log is still one that would have started. */
export interface Promotions {
  /** What to hand to a detector. */
  readonly promoter: BlockPromoter;
  readonly activated: readonly Block[];
  readonly proposed: readonly Block[];
  readonly shadow: readonly Block[];
  readonly suppressed: readonly SuppressedVerdict[];
  /** More were made than are remembered. */
  readonly forgotten: () => number;
}

/** Of each kind. The blast-radius budget ends any real replay long before. */
const maxRemembered = 10_000;

/** Remembers what a block list answers to promotions. */
export const rememberPromotions = (inner: BlockPromoter): Promotions => {
  const made = { activated: [] as Block[], proposed: [] as Block[], shadow: [] as Block[] };
  const suppressed: SuppressedVerdict[] = [];
  let forgotten = 0;
  const keep = <T>(list: T[], item: T): void => {
    if (list.length < maxRemembered) list.push(item);
    else forgotten += 1;
  };
  const remember = (verdict: Verdict, result: PromotionResult): void => {
    if (result.kind === 'already') return;
    if (result.kind === 'suppressed') keep(suppressed, { verdict, reason: result.reason });
    else keep(made[result.kind], result.block);
  };
  const promoter: BlockPromoter = {
    promote: async (promotion) => {
      const result = await inner.promote(promotion);
      remember(promotion.verdict, result);
      return result;
    },
    noteTraffic: (notes) => inner.noteTraffic(notes),
    noteIdentities: (notes) => inner.noteIdentities(notes),
  };
  return { promoter, ...made, suppressed, forgotten: () => forgotten };
};
