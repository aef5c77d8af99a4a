/** A share and where the true one lies, 95 times of 100. */
export interface Interval {
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

const z = 1.959964;

/** Wilson's interval: it holds for few cases, too, and never leaves 0 to 1. Null: there were no cases. */
export const wilson = (right: number, of: number): Interval | null => {
  if (of === 0) return null;
  const share = right / of;
  const scale = 1 + z ** 2 / of;
  const middle = (share + z ** 2 / (2 * of)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / of + z ** 2 / (4 * of ** 2));
  return { share, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
};
