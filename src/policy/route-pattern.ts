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

/** `http://host` in front of the path: a target may be sent so. */
export const absoluteForm = /^[a-z][a-z0-9+.-]{0,20}:\/\/[^/?#]*/i;
/** What makes servers differ about the path that a target names. */
const ambiguous = /[%;\\]|(?:^|\/)\.{1,2}(?:\/|$)/;

/** Nearly all targets: a path, and nothing in it that could be read in another way. */
const plain = /^\/[^?#%;\\.]*$/;

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Broken encoding is taken literally by those who take it at all.
    return segment;
  }
};

/** As a server reads it that decodes, drops `;parameters` and follows `.` and `..`. */
const resolvedSegmentsOf = (path: string): string[] => {
  const resolved: string[] = [];
  for (const segment of path.split(/[/\\]/).flatMap((part) => decoded(part.split(';', 1)[0] ?? '').split(/[/\\]/))) {
    if (segment === '..') resolved.pop();
    else if (segment !== '' && segment !== '.') resolved.push(segment);
  }
  return resolved;
};

/**
 * The segments of a request target, in each way that a server behind may read them: `/%6Cogin` is `/login` to most. One
 * reading for nearly all requests; two where the target is ambiguous, so that no spelling is a way around a limit.
 */
export const readingsOf = (target: string): string[][] => {
  if (plain.test(target)) return [segmentsOf(target)];
  const [path = ''] = target.replace(absoluteForm, '').split(/[?#]/, 1);
  const literal = segmentsOf(path);
  return ambiguous.test(path) ? [literal, resolvedSegmentsOf(path)] : [literal];
};
