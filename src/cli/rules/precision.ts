import type { RuleJudgement } from '../../blocklist/block-review.ts';
import type { PrecisionFloor } from '../../blocklist/rule-book.ts';
import { precisionOf } from '../../review/precision.ts';

/** What people said of the blocks of a rule. */
export interface Judged {
  readonly confirmed: number;
  readonly falsePositives: number;
  /** Lifted out of goodwill, which says nothing about the rule. */
  readonly goodwill: number;
  /** Made or proposed, and nobody has looked. */
  readonly unjudged: number;
}

const sum = (judgements: readonly RuleJudgement[], of: (one: RuleJudgement) => number): number =>
  judgements.reduce((total, one) => total + of(one), 0);

/**
 * Of the content of a rule that has this hash: what was said of others says nothing of it. Null: of all that went by this
 * name. Undefined: it made no block.
 */
export const judgedOf = (
  judgements: readonly RuleJudgement[],
  name: string,
  hash: string | null,
): Judged | undefined => {
  const own = judgements.filter(({ rule, ruleHash }) => rule === name && (hash === null || ruleHash === hash));
  if (own.length === 0) return undefined;
  const [confirmed, falsePositives, goodwill] = [
    sum(own, (one) => one.confirmed),
    sum(own, (one) => one.falsePositives),
    sum(own, (one) => one.goodwill),
  ];
  const made = sum(own, (one) => one.made);
  return { confirmed, falsePositives, goodwill, unjudged: Math.max(0, made - confirmed - falsePositives - goodwill) };
};

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** `92 % of 12 (65 % to 99 %)`; below its floor it says so. */
export const precisionText = (judged: Judged | undefined, floor: PrecisionFloor | null = null): string => {
  const precision = judged === undefined ? null : precisionOf(judged);
  if (precision === null) return 'nobody judged';
  const isBelow = floor !== null && precision.judged >= floor.minLabels && precision.low < floor.floor;
  const said = `${percent(precision.share)} of ${precision.judged} (${percent(precision.low)} to ${percent(precision.high)})`;
  return isBelow ? `${said}, BELOW ${percent(floor.floor)}` : said;
};
