import { parseRoutePattern, segmentsOf } from '../route-pattern.ts';

/** Whether a route is meant by a `METHOD /path` pattern. */
export type RouteTest = (route: string) => boolean;

/** A test from a pattern, which means here what it means in a policy. Null when the text is no pattern. */
export const parseRouteTest = (text: string): RouteTest | null => {
  const pattern = parseRoutePattern(text);
  if (typeof pattern === 'string') return null;
  const { method, open } = pattern;
  // Policies do not tell `/Login` from `/login` either.
  const fixed = pattern.segments.map((segment) => segment.toLowerCase());
  return (route) => {
    const space = route.indexOf(' ');
    if (method !== '*' && route.slice(0, space) !== method) return false;
    const given = segmentsOf(route.slice(space + 1).toLowerCase());
    if (open ? given.length < fixed.length : given.length !== fixed.length) return false;
    return fixed.every((segment, index) => segment === '*' || segment === given[index]);
  };
};
