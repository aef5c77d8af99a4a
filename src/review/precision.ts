export interface Precision {
  /** Share of the judged blocks that were right. */
  readonly share: number;
  /** Where the true share lies, 95 times of 100. */
  readonly low: number;
  readonly high: number;
  readonly judged: number;
}

/** What people said of blocks, as far as it says something about the rule. */
export interface RuleLabels {
  readonly confirmed: number;
  readonly falsePositives: number;
}

const z = 1.96;

/** Wilson's interval: it holds for few blocks, too, and never leaves 0 to 1. Null: nothing was judged. */
export const precisionOf = ({ confirmed, falsePositives }: RuleLabels): Precision | null => {
  const judged = confirmed + falsePositives;
  if (judged === 0) return null;
  const share = confirmed / judged;
  const scale = 1 + z ** 2 / judged;
  const middle = (share + z ** 2 / (2 * judged)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / judged + z ** 2 / (4 * judged ** 2));
  return { share, low: Math.max(0, middle - half), high: Math.min(1, middle + half), judged };
};
