const maxLength = 64;

/** Letters to change, add or leave out to make one text of the other. */
const distanceOf = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let at = 1; at <= left.length; at += 1) {
    const next = [at];
    for (let to = 1; to <= right.length; to += 1) {
      const same = left[at - 1] === right[to - 1] ? 0 : 1;
      next.push(Math.min((row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1, (row[to - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[right.length] ?? 0;
};

const bare = (name: string): string => name.toLowerCase().replaceAll(/[-_ ]/g, '');

/** The name that was probably meant: spelled alike but for case and hyphens, or a third of its letters. Null: none. */
export const nearName = (given: string, names: readonly string[]): string | null => {
  if (given.length > maxLength) return null;
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const distance = distanceOf(bare(given), bare(name));
    if (distance >= least || distance > Math.max(1, Math.floor(name.length / 3))) continue;
    best = name;
    least = distance;
  }
  return best;
};
