/** Keys, one after the other: `j`, or `t q`. */
interface Sequence {
  readonly keys: string;
}

/** The shortcut that these keys complete, and whether they begin a longer one. */
export const foundIn = <Shortcut extends Sequence>(
  all: readonly Shortcut[],
  typed: readonly string[],
): { readonly hit: Shortcut | null; readonly isPrefix: boolean } => {
  const text = typed.join(' ');
  const hit = all.findLast(({ keys }) => keys === text) ?? null;
  return { hit, isPrefix: all.some(({ keys }) => keys.startsWith(`${text} `)) };
};
