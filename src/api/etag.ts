/** The entity tag of a version. */
export const etagOf = (version: number): string => `"${version}"`;

/** What an If-Match header asks for. */
export type Precondition =
  | { readonly kind: 'none' }
  /** `*`: any version will do. */
  | { readonly kind: 'any' }
  | { readonly kind: 'versions'; readonly versions: readonly number[] }
  | { readonly kind: 'malformed' };

const tags = /^(?:W\/)?"[^"]*"(?:\s*,\s*(?:W\/)?"[^"]*")*$/;

/** Reads If-Match. Weak tags and those that are no version of ours match nothing, as RFC 9110 wants. */
export const readIfMatch = (header: string | undefined): Precondition => {
  if (header === undefined) return { kind: 'none' };
  const text = header.trim();
  if (text === '*') return { kind: 'any' };
  if (text.length > 1024 || !tags.test(text)) return { kind: 'malformed' };
  const versions = text
    .split(',')
    .map((tag) => /^"(\d{1,15})"$/.exec(tag.trim())?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number);
  return { kind: 'versions', versions };
};
