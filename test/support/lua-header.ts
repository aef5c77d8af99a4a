/**
 * Checks the contract of a script's header: a leading comment that names every KEYS and ARGV slot the body reads, none
 * that it does not, and has a `Returns` line. A slot with a computed index (`ARGV[i + 1]`, `#KEYS`) is named by a range:
 * `KEYS[1..n]`.
 */
export const headerProblems = (path: string, text: string): string[] => {
  const header = /^\s*(--\[\[[\s\S]*?\]\]|(?:--[^\n]*\n)+)/.exec(text)?.[1];
  if (header === undefined) return [`${path} has no header comment`];
  const body = withoutComments(text.slice(text.indexOf(header) + header.length));
  const declared = slotsIn(header);
  const read = slotsIn(body);
  const missing = [...read].filter((slot) => !declared.has(slot) && !declared.has(anySlot(slot)));
  const unread = [...declared].filter((slot) => !read.has(slot) && !read.has(anySlot(slot)));
  return [
    ...missing.map((slot) => `${path}: the body reads ${slot}, the header does not name it`),
    ...unread.map((slot) => `${path}: the header names ${slot}, the body does not read it`),
    ...(/^[\s-]*Returns\b/m.test(header) ? [] : [`${path}: the header has no line that begins with Returns`]),
  ];
};

const withoutComments = (lua: string): string => lua.replace(/--\[\[[\s\S]*?\]\]|--[^\n]*/g, '');

const anySlot = (slot: string): string => slot.replace(/\[.*/, '[…]');

/** `KEYS[2]` by its number; every other use of KEYS or ARGV as `KEYS[…]`. */
const slotsIn = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/\b(KEYS|ARGV)\b(?:\[\s*(\d+)\s*\])?/g)].map(([, name, index]) => `${name}[${index ?? '…'}]`),
  );
