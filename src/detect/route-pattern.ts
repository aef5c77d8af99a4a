/** Whether a route is meant by a `METHOD /path` pattern. */
export type RouteTest = (route: string) => boolean;

const segmentsOf = (path: string): string[] => path.split('/').filter((segment) => segment !== '');

/**
 * A test from a pattern: `*` stands for any method or one segment, a last `**` for any rest, the empty one included.
 * Null when the text is no pattern.
 */
export const parseRouteTest = (pattern: string): RouteTest | null => {
  const [, method, path = ''] = /^(\*|[A-Z][A-Z-]{0,31}) (\/\S*|\*\*)$/.exec(pattern) ?? [];
  if (method === undefined) return null;
  const segments = segmentsOf(path);
  const open = segments.at(-1) === '**';
  const fixed = open ? segments.slice(0, -1) : segments;
  if (fixed.includes('**')) return null;
  return (route) => {
    const space = route.indexOf(' ');
    if (method !== '*' && route.slice(0, space) !== method) return false;
    const given = segmentsOf(route.slice(space + 1));
    if (open ? given.length < fixed.length : given.length !== fixed.length) return false;
    return fixed.every((segment, index) => segment === '*' || segment === given[index]);
  };
};
