import type { Verdict } from '../blocklist/block.ts';
import { parseRouteTest } from './route-test.ts';
import { type Grouping, groupings, type Rule, type RuleMatch } from './rule.ts';
import { type Concluded, SharedTally } from './shared-tally.ts';
import { subjectKeyBy } from './subject.ts';
import type { TrackedEvent } from './tally.ts';

export const passDefaults = {
  /** See {@link PassBounds}. */
  maxSuspects: 10_000,
  maxQuiet: 10_000,
  maxCells: 1_000_000,
  latenessMs: 60_000,
} as const;

/** Rules that agree in grouping, match and window length share a tally; each tally is bounded. */
export interface PassBounds {
  /** Subjects with denials that a tally remembers. Default 10,000. */
  readonly maxSuspects?: number;
  /** Subjects without, of which only the share is known once they are denied. Default 10,000. */
  readonly maxQuiet?: number;
  /**
   * Windows and routes of subjects with denials, in all tallies together: each has an even part. A unit is a route or a
   * member of a network in a window, or an eighth of the window itself, about 60 bytes. Default 1,000,000.
   */
  readonly maxCells?: number;
}

export interface PassOptions extends PassBounds {
  readonly rules: readonly Rule[];
  readonly partition: number;
  /** Incidents of the rule that began earlier were judged by whoever owned the partition then. */
  readonly sinceMs: (rule: Rule) => number;
  /** How far behind the newest event evidence may lie; the caller leaves out what is older. Default 60 s. */
  readonly latenessMs?: number;
}

export interface PassStats {
  /** Subjects that are remembered. */
  readonly clients: number;
  /** Subjects with denials that were forgotten for lack of room. */
  readonly evicted: number;
  /** Units of {@link PassBounds.maxCells} in use. */
  readonly cells: number;
  /** Tallies that rules share. */
  readonly tallies: number;
}

/** Routes whose match is remembered; a hostile client makes new ones all the time. */
const maxKnownRoutes = 4096;

type RouteTest = (route: string) => boolean;

const routeTestOf = (patterns: readonly string[]): RouteTest => {
  const tests = patterns.flatMap((pattern) => parseRouteTest(pattern) ?? []);
  const known = new Map<string, boolean>();
  return (route) => {
    const before = known.get(route);
    if (before !== undefined) return before;
    if (known.size >= maxKnownRoutes) known.clear();
    const matches = tests.some((test) => test(route));
    known.set(route, matches);
    return matches;
  };
};

/** Whether rules of this match look at the event. */
const eventTestOf = ({ clientKinds, tenants, policies, routes }: RuleMatch): ((event: TrackedEvent) => boolean) => {
  const test = routes ? routeTestOf(routes) : null;
  return ({ client, tenant, denied, policy, route }) => {
    if (clientKinds && !clientKinds.includes(client.kind)) return false;
    if (tenants && !tenants.includes(tenant)) return false;
    // What was allowed counts whichever policy had the least left: it is the other side of the route's share.
    if (denied && policies && !policies.includes(policy)) return false;
    return test === null || (route !== null && test(route));
  };
};

interface Part {
  readonly by: Grouping;
  readonly matches: (event: TrackedEvent) => boolean;
  readonly tally: SharedTally;
}

const gather = (rules: readonly Rule[]): Rule[][] => {
  const alike = new Map<string, Rule[]>();
  for (const rule of rules) {
    const key = JSON.stringify([rule.by, rule.windows.lengthMs, rule.match]);
    const group = alike.get(key) ?? [];
    alike.set(key, group);
    group.push(rule);
  }
  return [...alike.values()];
};

/**
 * All rules over the evidence of one partition. Pure: the same events in the same order, the same verdicts. While
 * nothing is evicted, no rule's verdicts depend on what other rules there are.
 */
export class RulePass {
  readonly #parts: readonly Part[];
  /** The same, by whom they group: a key is made once. */
  readonly #groups: readonly (readonly Part[])[];
  readonly #order: ReadonlyMap<Rule, number>;

  constructor({ rules, partition, sinceMs, ...bounds }: PassOptions) {
    const groups = gather(rules);
    const { maxSuspects, maxQuiet, maxCells, latenessMs } = { ...passDefaults, ...bounds };
    this.#order = new Map(rules.map((rule, index) => [rule, index]));
    this.#parts = groups.map((group) => ({
      by: group[0]?.by ?? 'client',
      matches: eventTestOf(group[0]?.match ?? {}),
      tally: new SharedTally({
        rules: group,
        partition,
        sinceMs,
        maxSuspects,
        maxQuiet,
        latenessMs,
        maxCells: Math.floor(maxCells / groups.length),
      }),
    }));
    this.#groups = groupings.map((by) => this.#parts.filter((part) => part.by === by));
  }

  /** Takes in what is evidence; the caller judges what is. Keeps nothing of the event but its texts. */
  observe(event: TrackedEvent): void {
    for (const parts of this.#groups) {
      let key: string | null = null;
      for (const { by, matches, tally } of parts) {
        if (!matches(event)) continue;
        key ??= subjectKeyBy(by, event.client, event.tenant);
        if (key === null) break;
        tally.observe(event, key);
      }
    }
  }

  /** Rows of this instant came too late to be evidence. */
  missed(atMs: number): void {
    for (const { tally } of this.#parts) tally.missed(atMs);
  }

  /** Verdicts on the subjects that were denied something since the last call, in the order of the rules. */
  conclude(): Verdict[] {
    const concluded = this.#parts.flatMap(({ tally }) => tally.conclude());
    if (concluded.length === 0) return [];
    const place = ({ rule }: Concluded): number => this.#order.get(rule) ?? 0;
    return concluded.sort((left, right) => place(left) - place(right)).map(({ verdict }) => verdict);
  }

  /** Forgets subjects whose newest window is out of sight. */
  forgetBefore(atMs: number): void {
    for (const { tally } of this.#parts) tally.forgetBefore(atMs);
  }

  stats(): PassStats {
    const sum = (field: 'clients' | 'evicted' | 'cells'): number =>
      this.#parts.reduce((total, { tally }) => total + tally[field], 0);
    return { clients: sum('clients'), evicted: sum('evicted'), cells: sum('cells'), tallies: this.#parts.length };
  }
}
