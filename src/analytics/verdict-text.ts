import type { Block, BlockAction } from '../blocklist/block.ts';
import { formatDurationMs } from '../duration.ts';
import type { Policy, PolicySet } from '../policy/policy.ts';
import type { StoredDecision } from './decision-questions.ts';

/** `2026-03-01T09:30:00Z`: no fractions. */
export const instantText = (atMs: number): string => new Date(atMs).toISOString().replace(/\.\d{3}Z$/, 'Z');

/** What an entry does to requests, as the end of a sentence. */
export const actionPhrase = (action: BlockAction): string =>
  action.kind === 'refuse' ? 'is refused' : `is limited to ${action.limit} per ${formatDurationMs(action.windowMs)}`;

const labelWords = {
  confirmed: 'confirmed',
  'false-positive': 'as a false positive',
  goodwill: 'as goodwill',
} as const;

/** How a block came to its end, to follow its name; '' while it has not. */
export const endText = ({ state, expiresAtMs, actor, label }: Block): string => {
  if (state === 'expired') return `ended at ${instantText(expiresAtMs)}`;
  if (state === 'superseded') return 'was replaced by another one';
  if (state === 'lifted') return `was lifted by ${actor}${label === null ? '' : ` ${labelWords[label]}`}`;
  return '';
};

/** `block b-1 of rule breadth`; of a person `block b-1 made by anna`. */
export const blockText = (block: Block): string => {
  if (block.origin === 'list') return `block ${block.id} of the list ${block.rule}`;
  return block.origin === 'person' ? `block ${block.id} of ${block.owner}` : `block ${block.id} of rule ${block.rule}`;
};

const policyOf = (loaded: PolicySet | null, name: string): Policy | undefined =>
  loaded?.policies.find((policy) => policy.name === name);

/** `60 per 1m`; the window only where the policy is as it was then. */
const limitText = ({ limit, policy, policyVersion }: StoredDecision, loaded: PolicySet | null): string => {
  const known = policyOf(loaded, policy);
  const isSame = known !== undefined && known.limit === limit && loaded?.version === policyVersion;
  return isSame ? `${limit} per ${formatDurationMs(known.windowMs)}` : String(limit);
};

const keyedBy = (scope: string): string =>
  scope === '' ? 'counted for all clients together' : `counted by ${scope.replaceAll('+', ' and ')}`;

/** When one unit fits again at the latest, for as long as nothing else is spent. */
const retryText = ({ limit, policy, policyVersion }: StoredDecision, loaded: PolicySet | null): string => {
  const known = policyOf(loaded, policy);
  if (known === undefined || loaded?.version !== policyVersion || known.limit !== limit) return '';
  if (known.algorithm === 'concurrency') return '; one fits again when one in flight is done';
  const isDripping = known.algorithm === 'token-bucket' || known.algorithm === 'leaky-bucket';
  const withinMs = isDripping ? Math.ceil(known.windowMs / known.limit) : known.windowMs;
  return `; one more request fits within ${formatDurationMs(withinMs)}`;
};

const storeAway = (degraded: string): string =>
  `the counter store was away${degraded === '' ? '' : ` (${degraded.replaceAll('-', ' ')})`}`;

const times = (count: number): string => (count === 1 ? '' : ` ${count} times`);

/** How the limiter denied it. */
export const deniedText = (decision: StoredDecision, loaded: PolicySet | null): string => {
  const { atMs, route, policy, scope, remaining, source, degraded, count } = decision;
  const head = `was denied${times(count)} at ${instantText(atMs)} on ${route}`;
  if (source === 'fail-closed') return `${head}: ${storeAway(degraded)}, and its policy denies then`;
  const limit = `${limitText(decision, loaded)}, ${keyedBy(scope)}`;
  if (source === 'fallback') {
    return `${head} by policy ${policy}: ${storeAway(degraded)}, and this gate's own share of ${limit}, was used up`;
  }
  if (source === 'overflow') return `${head} by policy ${policy}: counted together with others for lack of room`;
  return `${head} by policy ${policy}: ${remaining} left of ${limit}${retryText(decision, loaded)}`;
};

/** How it was let through. */
export const allowedText = (decision: StoredDecision, loaded: PolicySet | null): string => {
  const { atMs, route, policy, scope, remaining, source, degraded } = decision;
  const head = `was let through at ${instantText(atMs)} on ${route}`;
  if (source === 'switched-off') return `${head}: the limits were switched off`;
  if (source === 'fail-open') return `${head}, not counted: ${storeAway(degraded)}, and its policy allows that`;
  if (policy === '') return `${head}: no policy matched`;
  const left = `${remaining} left of ${limitText(decision, loaded)}, ${keyedBy(scope)}`;
  if (source === 'fallback') return `${head} by policy ${policy}, by this gate alone: ${storeAway(degraded)}; ${left}`;
  return `${head} by policy ${policy}: ${left}`;
};
