import { parseRoutePattern, type RoutePattern } from '../route-pattern.ts';
import type { Policy } from './policy.ts';
import { type Entry, entryOf, isEnforced } from './rank.ts';
import { folded } from './route-index.ts';

/** One pattern of one policy, taken apart once. */
export interface Pattern {
  readonly entry: Entry;
  readonly pattern: RoutePattern;
}

/** A policy's patterns, with the rank that each gives it. */
export const patternsOf = (policy: Policy, order: number, seat = order): Pattern[] =>
  (policy.match.routes ?? ['* **']).flatMap((text) => {
    const pattern = parseRoutePattern(text);
    return typeof pattern === 'string' ? [] : [{ entry: entryOf(policy, pattern, { order, seat }), pattern }];
  });

const unnamed: readonly string[] = [''];

/** One text for each combination of what two policies must share to meet in one request, but for the path. */
const meetingPoints = ({ entry, pattern }: Pattern): string[] => {
  const { tenants = unnamed, plans = unnamed, services = unnamed, clientKinds = unnamed } = entry.policy.match;
  // What is for a GET is for a HEAD as well.
  const methods = pattern.method === 'GET' ? ['GET', 'HEAD'] : [pattern.method];
  let texts = methods.map((method) => `${entry.rank}\n${method}`);
  for (const names of [tenants, plans, services, clientKinds]) {
    texts = texts.flatMap((text) => [...new Set<string>(names)].map((name) => `${text}\n${name}`));
  }
  return texts;
};

/** Where a pattern has a `*`: `.*.`. */
const maskOf = ({ segments }: RoutePattern): string => segments.map((part) => (part === '*' ? '*' : '.')).join('');

/** The literal segments of a pattern at the places where another mask has one too. */
const projection = ({ segments }: RoutePattern, mask: string): string =>
  segments.map((part, index) => (part === '*' || mask[index] === '*' ? '*' : folded(part))).join('/');

/** Patterns of one rank have equally many segments of each sort. Rarely do they have them in more than a few orders. */
const maxMasks = 16;

const byMask = (patterns: readonly Pattern[]): Map<string, Pattern[]> => {
  const groups = new Map<string, Pattern[]>();
  for (const one of patterns) {
    const mask = maskOf(one.pattern);
    const group = groups.get(mask) ?? [];
    groups.set(mask, group);
    group.push(one);
  }
  return groups;
};

export interface Tie {
  readonly later: Entry;
  readonly earlier: Entry;
}

/** Pairs that a path can bring together: their literal segments agree wherever both have one. */
const tiesIn = (patterns: readonly Pattern[], report: (tie: Tie) => void): void => {
  const masks = [...byMask(patterns)].slice(0, maxMasks);
  for (const [at, [mask, group]] of masks.entries()) {
    for (const [otherMask, others] of masks.slice(at)) {
      const known = new Map<string, Pattern>();
      for (const one of group) {
        const text = projection(one.pattern, otherMask);
        const first = known.get(text);
        if (!first || one.entry.order < first.entry.order) known.set(text, one);
      }
      for (const one of others) {
        const { entry } = known.get(projection(one.pattern, mask)) ?? one;
        if (entry.policy === one.entry.policy) continue;
        report(
          entry.order < one.entry.order ? { earlier: entry, later: one.entry } : { earlier: one.entry, later: entry },
        );
      }
    }
  }
};

/**
 * Enforced policies of one group that the order of the file decides between: equal rank, and a request that both match.
 * One tie for each policy that comes later. The work grows with what the policies list, not with their pairs.
 */
export const tiesOf = (patterns: readonly Pattern[]): Tie[] => {
  const meetings = new Map<string, Pattern[]>();
  for (const one of patterns) {
    if (!isEnforced(one.entry)) continue;
    for (const point of meetingPoints(one)) {
      const met = meetings.get(point) ?? [];
      meetings.set(point, met);
      met.push(one);
    }
  }
  const ties = new Map<Policy, Tie>();
  for (const met of meetings.values()) {
    if (met.length < 2) continue;
    tiesIn(met, (tie) => {
      if (!ties.has(tie.later.policy)) ties.set(tie.later.policy, tie);
    });
  }
  return [...ties.values()];
};
