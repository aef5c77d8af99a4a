import type { Block } from '../../blocklist/block.ts';

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

export interface Precision {
  /** Share of the judged blocks that were right. */
  readonly share: number;
  /** Where the true share lies, 95 times of 100. */
  readonly low: number;
  readonly high: number;
  readonly judged: number;
}

const z = 1.96;

/** Wilson's interval: it holds for few blocks, too, and never leaves 0 to 1. Null: nothing was judged. */
export const precisionOf = ({ confirmed, falsePositives }: Judged): Precision | null => {
  const judged = confirmed + falsePositives;
  if (judged === 0) return null;
  const share = confirmed / judged;
  const scale = 1 + z ** 2 / judged;
  const middle = (share + z ** 2 / (2 * judged)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / judged + z ** 2 / (4 * judged ** 2));
  return { share, low: Math.max(0, middle - half), high: Math.min(1, middle + half), judged };
};

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** `92 % of 12 (65 % to 99 %)`. */
export const precisionText = (judged: Judged | undefined): string => {
  const precision = judged === undefined ? null : precisionOf(judged);
  if (precision === null) return 'nobody judged';
  return `${percent(precision.share)} of ${precision.judged} (${percent(precision.low)} to ${percent(precision.high)})`;
};
