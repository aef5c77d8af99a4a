import type { Block } from '../../blocklist/block.ts';
import { precisionOf } from '../../review/precision.ts';

/** What people said of the blocks of a rule. */
export interface Judged {
  readonly confirmed: number;
  readonly falsePositives: number;
  /** Lifted out of goodwill, which says nothing about the rule. */
  readonly goodwill: number;
  /** In force or over, and nobody has looked. */
  readonly unjudged: number;
}

const nothingJudged: Judged = { confirmed: 0, falsePositives: 0, goodwill: 0, unjudged: 0 };

/** How a lift for that reason begins what it leaves behind. */
const isFalsePositive = ({ reason }: Block): boolean => /^false-positive(?::|$)/.test(reason);

const judgementOf = (block: Block): keyof Judged | null => {
  if (block.state === 'confirmed') return 'confirmed';
  if (block.state === 'lifted') return isFalsePositive(block) ? 'falsePositives' : 'goodwill';
  return block.state === 'active' || block.state === 'expired' ? 'unjudged' : null;
};

/** By rule, of blocks that a detector made. */
export const judgedByRule = (blocks: readonly Block[]): ReadonlyMap<string, Judged> => {
  const all = new Map<string, Judged>();
  for (const block of blocks) {
    const judgement = judgementOf(block);
    if (block.origin !== 'detector' || judgement === null) continue;
    const known = all.get(block.rule) ?? nothingJudged;
    all.set(block.rule, { ...known, [judgement]: known[judgement] + 1 });
  }
  return all;
};

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** `92 % of 12 (65 % to 99 %)`. */
export const precisionText = (judged: Judged | undefined): string => {
  const precision = judged === undefined ? null : precisionOf(judged);
  if (precision === null) return 'nobody judged';
  return `${percent(precision.share)} of ${precision.judged} (${percent(precision.low)} to ${percent(precision.high)})`;
};
