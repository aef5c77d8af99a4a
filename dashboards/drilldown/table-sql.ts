import { blocks, raw } from '../columns.ts';
import { isChosen } from '../variables.ts';
import { isClient, singleDecisions } from './client-rows.ts';

const d = raw.columns;
const limit = `\`${d.limit}\``;

/** Which policies decided, with which limits, and how much was left. */
export const policiesAndLimits = `SELECT ${d.policy}, ${d.policy_version}, ${d.scope}, ${limit} AS allowed_per_window, min(${d.remaining}) AS least_left,
  sum(${d.count}) AS decisions, sumIf(${d.count}, ${d.outcome} = 'denied') AS all_denied, max(${d.time}) AS last_seen
${singleDecisions} AND ${d.outcome} != 'blocked'
GROUP BY ${d.policy}, ${d.policy_version}, ${d.scope}, ${limit}
ORDER BY all_denied DESC, decisions DESC, ${d.policy}, ${d.policy_version}, ${d.scope}, allowed_per_window
LIMIT 100`;

const b = blocks.columns;

/** Blocks that held or changed in the time on screen, as they stand. */
export const blocksOfClient = `SELECT ${b.block_id}, concat(any(${b.client_kind}), ':', any(${b.client})) AS who, any(${b.tenant}) AS tenants,
  argMax(${b.state}, k.${b.version}) AS state_now, any(${b.rule}) AS rules, min(${b.blocked_at}) AS began, argMax(${b.expires_at}, k.${b.version}) AS ends,
  argMax(${b.strikes}, k.${b.version}) AS strikes_then, argMax(${b.actor}, k.${b.version}) AS changed_by, argMax(${b.reason}, k.${b.version}) AS why,
  max(k.${b.time}) AS changed_at
FROM ${blocks.name} AS k
WHERE k.${b.time} <= $__toTime AND k.${b.time} >= $__fromTime - 2592000 AND ${isChosen(b.tenant)} AND ${isClient}
GROUP BY ${b.block_id}
HAVING changed_at >= $__fromTime OR (ends >= $__fromTime AND state_now IN ('active', 'confirmed'))
ORDER BY changed_at DESC, ${b.block_id}
LIMIT 100`;

const shown = [
  d.time,
  d.outcome,
  d.tenant,
  d.client_kind,
  d.client,
  d.address,
  d.route,
  d.policy,
  d.policy_version,
  d.scope,
  d.remaining,
  d.source,
  d.degraded,
  d.early,
  d.region,
  d.emitter,
] as const;

/** How many single rows one panel shows. */
export const mostRows = 500;

/** Decisions as they are stored, newest first: one row may stand for many that agree. */
export const decisionsOneByOne = `SELECT ${shown.join(', ')}, ${limit} AS allowed_per_window, ${d.count} AS decisions, ${d.latency_us} AS latency
${singleDecisions}
ORDER BY ${d.time} DESC, ${d.emitter}, ${d.seq} DESC
LIMIT ${mostRows}`;
