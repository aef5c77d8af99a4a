import { parseRoutePattern, type RoutePattern } from '../route-pattern.ts';
import type { QueryParams } from './engine.ts';

/** More of it would not fit the address of a request. */
const maxText = 16_000;

const literal = (segment: string): string => segment.toLowerCase().replace(/[^a-z0-9_\u0080-\uffff]/g, '\\$&');

/** A path that the pattern means, in lower case: a regular expression that RE2 and this language read alike. */
export const pathExpression = ({ segments, open }: RoutePattern): string => {
  const fixed = segments.map((segment) => (segment === '*' ? '[^/]+' : literal(segment))).join('/+');
  if (fixed === '') return open ? '.*' : '/*';
  return `/*${fixed}${open ? '(?:/.*)?' : '/*'}`;
};

export interface Condition {
  readonly sql: string;
  readonly params: QueryParams;
}

const path = "lowerUTF8(substring(r.route, position(r.route, ' ') + 1))";

/** Rows whose route one of the patterns means; null: they are too many to be said in a statement. */
export const routeCondition = (patterns: readonly string[]): Condition | null => {
  const byMethod = new Map<string, string[]>();
  for (const text of patterns) {
    const pattern = parseRoutePattern(text);
    if (typeof pattern === 'string') continue;
    byMethod.set(pattern.method, [...(byMethod.get(pattern.method) ?? []), pathExpression(pattern)]);
  }
  const params: Record<string, string> = {};
  const parts = [...byMethod].map(([method, expressions], index) => {
    params[`paths${index}`] = `^(?:${expressions.join('|')})$`;
    const matches = `match(${path}, {paths${index}:String})`;
    if (method === '*') return matches;
    params[`method${index}`] = method;
    return `startsWith(r.route, concat({method${index}:String}, ' ')) AND ${matches}`;
  });
  if (Object.values(params).reduce((sum, { length }) => sum + length, 0) > maxText) return null;
  return { sql: parts.length === 0 ? '0' : `(${parts.map((part) => `(${part})`).join(' OR ')})`, params };
};
