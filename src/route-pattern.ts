/** `POST /login`, `GET /orders/*`, `* /admin/**`, taken apart. */
export interface RoutePattern {
  /** `*`: any. */
  readonly method: string;
  readonly segments: readonly string[];
  /** Ends in `**`: any rest, the empty one included. */
  readonly open: boolean;
}

const methodPattern = /^(\*|[A-Z][A-Z-]{0,31})$/;

/** A pattern, or what is wrong with the text. */
export const parseRoutePattern = (text: string): RoutePattern | string => {
  const space = text.indexOf(' ');
  const method = text.slice(0, space);
  const path = text.slice(space + 1);
  if (space < 0 || !methodPattern.test(method))
    return 'must start with a method in capitals or *, then a space, then a path';
  if (!path.startsWith('/') && path !== '**') return 'must have a path that starts with /';
  const segments = path === '**' ? ['**'] : segmentsOf(path);
  const open = segments.at(-1) === '**';
  const fixed = open ? segments.slice(0, -1) : segments;
  if (fixed.includes('**')) return '** may only stand at the end';
  return { method, segments: fixed, open };
};

/** `/orders/7/` → `orders`, `7`. */
export const segmentsOf = (path: string): string[] => {
  const segments: string[] = [];
  for (const segment of path.split('/')) if (segment !== '') segments.push(segment);
  return segments;
};
