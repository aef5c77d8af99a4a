import { clientOf } from '../client.ts';
import { formatDurationMs, parseDurationMs } from '../duration.ts';
import type { Problem } from '../errors.ts';
import { parseRoutePattern } from '../route-pattern.ts';
import { limitTermsOf } from './limit-terms.ts';
import { emissionIntervalUs, type Policy, type PolicyMatch, scopeParts } from './policy.ts';
import { maxWindowMs, type PolicyInput } from './schema.ts';

/** Intervals round up to whole microseconds; more than 1 % off would be another limit than the one written down. */
const maxRoundingError = 0.01;
/** Longer than this no client waits for an answer. */
const maxHoldMs = 60_000;
/** Each place in flight is an entry in the store. */
const maxInFlight = 100_000;
const minPlaceMs = 1000;
/** The index has an entry for each combination of what a policy lists. */
const maxCombinations = 100_000;

const hasBucket = ({ algorithm }: Pick<Policy, 'algorithm'>): boolean =>
  algorithm === 'token-bucket' || algorithm === 'leaky-bucket';

/** In one order, whatever the file's: equal matches are equal texts. */
const matchFrom = (match: PolicyMatch = {}): PolicyMatch => {
  const { routes, tenants, plans, services, clientKinds } = match;
  return {
    ...(routes && { routes }),
    ...(tenants && { tenants }),
    ...(plans && { plans }),
    ...(services && { services }),
    ...(clientKinds && { clientKinds }),
  };
};

const policyFrom = (fields: PolicyInput, windowMs: number): Policy => {
  const algorithm = fields.algorithm ?? 'token-bucket';
  return {
    name: fields.name,
    match: matchFrom(fields.match),
    scope: scopeParts.filter((part) => (fields.scope ?? ['client']).includes(part)),
    algorithm,
    limit: fields.limit,
    windowMs,
    burst: hasBucket({ algorithm }) ? (fields.burst ?? fields.limit) : fields.limit,
    cost: fields.cost ?? 1,
    onStoreFailure: fields.onStoreFailure ?? 'local',
    mode: fields.mode ?? (fields.candidateFor === undefined ? 'enforce' : 'shadow'),
    consistency: fields.consistency ?? 'exact',
    group: fields.group ?? null,
    priority: fields.priority ?? 0,
    candidateFor: fields.candidateFor ?? null,
  };
};

/** What is wrong, without the policy's own path: `.limit`, `must …`. */
type Fault = readonly [field: string, message: string];

const intervalFaults = (policy: Policy): Fault[] => {
  const faults: Fault[] = [];
  const intervalUs = emissionIntervalUs(policy);
  const holdMs = Math.floor((policy.burst * intervalUs) / 1000);
  if (intervalUs > ((policy.windowMs * 1000) / policy.limit) * (1 + maxRoundingError)) {
    faults.push(['limit', 'is so high for its window that rounding would change it by over 1 %']);
  }
  if (!Number.isSafeInteger(policy.burst * intervalUs * 2)) {
    faults.push(['burst', 'takes too long to refill: lower burst or window']);
  } else if (policy.algorithm === 'leaky-bucket' && holdMs > maxHoldMs) {
    faults.push([
      'burst',
      `would hold a request for ${formatDurationMs(holdMs)}, at most ${formatDurationMs(maxHoldMs)}: lower burst (default: the limit)`,
    ]);
  }
  return faults;
};

const placeFaults = ({ limit, windowMs }: Policy): Fault[] => {
  const faults: Fault[] = [];
  if (limit > maxInFlight) faults.push(['limit', `must be at most ${maxInFlight} with concurrency`]);
  if (windowMs < minPlaceMs) {
    faults.push(['window', 'must be at least 1s with concurrency: so long is a place held that nobody releases']);
  }
  return faults;
};

const algorithmFaults = (policy: Policy, fields: PolicyInput): Fault[] => {
  const { algorithm, consistency, cost } = policy;
  const faults: Fault[] = hasBucket(policy) ? intervalFaults(policy) : [];
  if (algorithm === 'concurrency') faults.push(...placeFaults(policy));
  if (fields.burst !== undefined && !hasBucket(policy)) {
    faults.push(['burst', `is for token-bucket and leaky-bucket; with ${algorithm} the limit is all that fits`]);
  }
  if (consistency === 'approximate' && (algorithm === 'leaky-bucket' || algorithm === 'concurrency')) {
    faults.push(['consistency', `must be exact with ${algorithm}`]);
  }
  const { capacity } = limitTermsOf(policy);
  if (cost > capacity) {
    const bound = hasBucket(policy) ? 'burst' : 'limit';
    faults.push(['cost', `is above the ${bound} of ${capacity}: no request could ever pass`]);
  }
  return faults;
};

const nameFault = (text: string): string | null => {
  if (text === '*') return 'must be a name; to match all, leave the list out';
  return clientOf('user', text).id === text ? null : 'holds control characters or starts with ~: no request has it';
};

const matchFaults = ({ match }: Policy): Fault[] => {
  const { routes = [], tenants = [], plans = [], services = [] } = match;
  const faults: Fault[] = [];
  for (const [index, pattern] of routes.entries()) {
    const fault = parseRoutePattern(pattern);
    if (typeof fault === 'string') faults.push([`match.routes[${index}]`, fault]);
  }
  for (const [list, names] of Object.entries({ tenants, plans, services })) {
    for (const [index, text] of names.entries()) {
      const fault = nameFault(text);
      if (fault !== null) faults.push([`match.${list}[${index}]`, fault]);
    }
  }
  const combinations = combinationsOf(match);
  if (combinations > maxCombinations) {
    faults.push(['match', `lists ${combinations} combinations, at most ${maxCombinations}: write several policies`]);
  }
  return faults;
};

/** Entries that the index needs for a match. */
export const combinationsOf = ({ routes, tenants, plans, services }: PolicyMatch): number =>
  [routes, tenants, plans, services].reduce((product, list) => product * (list?.length ?? 1), 1);

const groupFaults = (policy: Policy, fields: PolicyInput): Fault[] => {
  if (policy.candidateFor === null) {
    return fields.priority !== undefined && policy.group === null
      ? [['priority', 'is for the policies of a group: name the group, or leave it out']]
      : [];
  }
  const faults: Fault[] = [];
  if (policy.mode === 'enforce') faults.push(['mode', 'must be shadow: a candidate is never enforced']);
  if (policy.group !== null) {
    faults.push(['group', 'must be left out: a candidate stands in the group of the policy that it may replace']);
  }
  return faults;
};

const windowOf = (fields: object): number | null => {
  const { window } = fields as { window?: unknown };
  const windowMs = typeof window === 'string' ? parseDurationMs(window) : null;
  return windowMs !== null && windowMs >= 1 && windowMs <= maxWindowMs ? windowMs : null;
};

export interface Judged {
  /** As written; what it inherits from a live policy is still missing. */
  readonly policy?: Policy;
  readonly problems: readonly Problem[];
}

/** Judges one entry by itself. `refused` holds the fields that its schema refuses already; `''` is the entry itself. */
export const judgeEntry = (fields: unknown, path: string, refused: ReadonlySet<string>): Judged => {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return { problems: [] };
  const windowMs = windowOf(fields);
  if (windowMs === null && !refused.has('window')) {
    const message = 'must be a duration such as 500ms, 90s, 1m or 24h, from 1ms to 30d';
    return { problems: [{ path: `${path}.window`, message }] };
  }
  if (windowMs === null || refused.size > 0) return { problems: [] };
  const written = fields as PolicyInput;
  const policy = policyFrom(written, windowMs);
  const faults = [...algorithmFaults(policy, written), ...matchFaults(policy), ...groupFaults(policy, written)];
  return { policy, problems: faults.map(([field, message]) => ({ path: `${path}.${field}`, message })) };
};
