/** `POST /login`, `GET /orders/*`, `* /admin/**`, taken apart. */
export interface RoutePattern {
  /** `*`: any. */
  readonly method: string;
  /** `*`: any one. A parameter, such as `:id`, is one too. */
  readonly segments: readonly string[];
  /** Ends in `**`: any rest, the empty one included. */
  readonly open: boolean;
}

const methodPattern = /^(\*|[A-Z][A-Z-]{0,31})$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsent = /[\u0000-\u0020\u007f-\u009f\u2028\u2029]/;
/** `?page=`: what a query begins with. A `?` alone may belong to a router's template, such as `/:id?`. */
const query = /\?[\w.[\]-]+=|#/;

/** No request's path is taken apart further than this: patterns and paths cost no more, however long they are. */
export const maxSegments = 32;

/** As routers write it. Where no template is known it has to fit the path, in which nothing is called `:id`. */
const parameter = /^:\w+$/;
/** `*rest`, `{*rest}`: as newer routers write it. As a literal it would fit no path at all. */
const namedRest = /^\{?\*\w+\}?$/;

/** A pattern, or what is wrong with the text. */
export const parseRoutePattern = (text: string): RoutePattern | string => {
  const space = text.indexOf(' ');
  const method = text.slice(0, space);
  const path = text.slice(space + 1);
  if (space < 0 || !methodPattern.test(method))
    return 'must start with a method in capitals or *, then a space, then a path';
  if (!path.startsWith('/') && path !== '**') return 'must have a path that starts with /';
  if (unsent.test(path)) return 'must hold no spaces or control characters: no request has them in its path';
  if (query.test(path)) return 'must end before the query: a path is all that is matched';
  const segments = path === '**' ? ['**'] : segmentsOf(path);
  if (segments.some((segment) => namedRest.test(segment))) return 'must say ** for any rest, without a name for it';
  const open = segments.at(-1) === '**';
  const fixed = open ? segments.slice(0, -1) : segments;
  if (fixed.includes('**')) return '** may only stand at the end';
  if (fixed.length > maxSegments) return `must have at most ${maxSegments} segments`;
  return { method, segments: fixed.map((segment) => (parameter.test(segment) ? '*' : segment)), open };
};

/** `/orders/7/` → `orders`, `7`. */
export const segmentsOf = (path: string): string[] => {
  const segments: string[] = [];
  for (const segment of path.split('/')) if (segment !== '') segments.push(segment);
  return segments;
};
