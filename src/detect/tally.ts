/** Routes told apart in one window of one client; the gate names as many. More count as `other`. */
const maxRoutes = 64;
const maxPolicies = 10;

export interface RouteTally {
  denied: number;
  allowed: number;
}

/** What one client did in one window, as far as one rule looks. */
export interface WindowTally {
  readonly startMs: number;
  readonly routes: Map<string, RouteTally>;
  readonly policies: Set<string>;
  denied: number;
  allowed: number;
  /** Denied on routes that were folded together: their number says nothing of how many routes there were. */
  other: number;
  /** Denied decisions of which it is known whether they came early, and how many did. */
  judged: number;
  early: number;
  firstDeniedAtMs: number;
  lastDeniedAtMs: number;
  /** Records of the log that hold denied decisions of this window, -1 when there is none. */
  fromOffset: number;
  toOffset: number;
}

/** The part of a decision event that rules look at. */
export interface Observed {
  readonly atMs: number;
  readonly offset: number;
  readonly denied: boolean;
  readonly count: number;
  readonly early: number | null;
  readonly policy: string;
  /** Null: folded together with others. */
  readonly route: string | null;
}

export const newTally = (startMs: number): WindowTally => ({
  startMs,
  routes: new Map(),
  policies: new Set(),
  denied: 0,
  allowed: 0,
  other: 0,
  judged: 0,
  early: 0,
  firstDeniedAtMs: Number.POSITIVE_INFINITY,
  lastDeniedAtMs: Number.NEGATIVE_INFINITY,
  fromOffset: -1,
  toOffset: -1,
});

const routeTallyOf = (tally: WindowTally, route: string | null): RouteTally | null => {
  if (route === null) return null;
  const known = tally.routes.get(route);
  if (known || tally.routes.size >= maxRoutes) return known ?? null;
  const made: RouteTally = { denied: 0, allowed: 0 };
  tally.routes.set(route, made);
  return made;
};

export const addTo = (tally: WindowTally, observed: Observed): void => {
  const { count } = observed;
  const onRoute = routeTallyOf(tally, observed.route);
  if (!observed.denied) {
    tally.allowed += count;
    if (onRoute) onRoute.allowed += count;
    return;
  }
  tally.denied += count;
  if (onRoute) onRoute.denied += count;
  else tally.other += count;
  if (observed.early !== null) {
    tally.judged += count;
    tally.early += observed.early;
  }
  if (tally.policies.size < maxPolicies) tally.policies.add(observed.policy);
  tally.firstDeniedAtMs = Math.min(tally.firstDeniedAtMs, observed.atMs);
  tally.lastDeniedAtMs = Math.max(tally.lastDeniedAtMs, observed.atMs);
  if (tally.fromOffset < 0) tally.fromOffset = observed.offset;
  tally.toOffset = observed.offset;
};

/** Distinct routes that were denied. */
export const deniedRoutes = (tally: WindowTally): number => {
  let distinct = 0;
  for (const { denied } of tally.routes.values()) if (denied > 0) distinct += 1;
  return distinct;
};
