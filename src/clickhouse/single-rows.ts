import type {
  DecisionsAroundQuery,
  NearLimit,
  NearLimitQuery,
  StoredDecision,
} from '../analytics/decision-questions.ts';
import type { ClientKind } from '../client.ts';
import { TidegateError } from '../errors.ts';
import type { Asking } from './decision-questions.ts';
import type { Count } from './outcome-sums.ts';
import { bounded } from './question-rows.ts';

const maxRangeMs = 6 * 3_600_000;
const defaultReachMs = 15 * 60_000;
const nearestOfEach = 50;

/** What the client's own limit said, in charge or on its behalf; what a fallback counted says nothing about it. */
const ownLimit =
  "r.limit > 0 AND has(splitByChar('+', r.scope), 'client') AND r.source IN ('store', 'lease', 'deny-cache')";

export const askNearLimit = async (
  { reach, questions }: Asking,
  query: NearLimitQuery,
): Promise<readonly NearLimit[]> => {
  const limit = bounded('limit', query.limit ?? 20, 1000);
  const { leastUsedShare = 0.8 } = query;
  if (query.toMs - query.fromMs > maxRangeMs) {
    throw new TidegateError('INPUT_INVALID', 'Who is near a limit is looked for in 6 hours at most');
  }
  if (!(leastUsedShare >= 0 && leastUsedShare <= 1)) {
    throw new TidegateError('INPUT_INVALID', 'leastUsedShare must be from 0 to 1');
  }
  const { from, params } = reach.of('decisions_raw', { range: query, where: [ownLimit, "r.outcome != 'blocked'"] });
  type Numbers = Record<'most' | 'least' | 'let_through' | 'refused' | 'last', Count>;
  const rows = await questions.select<
    Numbers & { client_kind: ClientKind; client: string; route: string; policy: string; used: number }
  >(
    `SELECT client_kind, client, route, policy,
       argMinIf(r.limit, (r.remaining / r.limit, -toUnixTimestamp64Milli(r.time)), r.outcome = 'allowed') AS most,
       argMinIf(r.remaining, (r.remaining / r.limit, -toUnixTimestamp64Milli(r.time)), r.outcome = 'allowed') AS least,
       1 - least / most AS used, sumIf(r.count, r.outcome = 'allowed') AS let_through,
       sumIf(r.count, r.outcome = 'denied') AS refused,
       toUnixTimestamp64Milli(maxIf(r.time, r.outcome = 'allowed')) AS last
     FROM ${from} GROUP BY client_kind, client, route, policy
     HAVING let_through > 0 AND used >= {share:Float64}
     ORDER BY last DESC, used DESC, client_kind, client, route, policy LIMIT {limit:UInt32}`,
    { ...params, share: leastUsedShare, limit },
  );
  return rows.map((row) => ({
    client: { kind: row.client_kind, id: row.client },
    route: row.route,
    policy: row.policy,
    limit: Number(row.most),
    leastRemaining: Number(row.least),
    usedShare: Number(row.used),
    allowed: Number(row.let_through),
    denied: Number(row.refused),
    lastAtMs: Number(row.last),
  }));
};

type DecisionRow = Record<'at' | 'limit' | 'remaining' | 'count', Count> &
  Omit<StoredDecision, 'atMs' | 'policyVersion' | 'limit' | 'remaining' | 'count' | 'isOwn'> & {
    readonly policy_version: string;
    readonly is_own: number;
  };

export const askDecisionsAround = async (
  { reach, questions }: Asking,
  query: DecisionsAroundQuery,
): Promise<readonly StoredDecision[]> => {
  const { client, tenant, route, atMs } = query;
  const reachMs = bounded('reachMs', query.reachMs ?? defaultReachMs, maxRangeMs);
  const range = { fromMs: Math.max(0, atMs - reachMs), toMs: atMs + reachMs };
  const filter = { ...(tenant === undefined ? {} : { tenant }), ...(route === undefined ? {} : { route }) };
  const { from, params } = reach.of('decisions_raw', { ...filter, client, range, holding: true });
  // Many allowed decisions must not hide the refused one that somebody asks about.
  const rows = await questions.select<DecisionRow>(
    `SELECT * FROM (
       SELECT toUnixTimestamp64Milli(r.time) AS at, r.route AS route, r.method AS method, r.tenant AS tenant,
         r.region AS region, r.outcome AS outcome, r.source AS source, r.policy AS policy,
         r.policy_version AS policy_version, r.scope AS scope, r.limit AS limit, r.remaining AS remaining,
         r.degraded AS degraded, r.count AS count, (client_kind = {kind:String} AND client IN {ids:Array(String)}) AS is_own
       FROM ${from}
       ORDER BY abs(toUnixTimestamp64Milli(r.time) - {atMs:Int64}), at DESC, seq DESC
       LIMIT {nearest:UInt32} BY outcome = 'allowed')
     ORDER BY at DESC`,
    { ...params, atMs, nearest: nearestOfEach },
  );
  return rows.map(({ at, policy_version: policyVersion, is_own: isOwn, ...row }) => ({
    ...row,
    atMs: Number(at),
    policyVersion,
    limit: Number(row.limit),
    remaining: Number(row.remaining),
    count: Number(row.count),
    isOwn: Number(isOwn) === 1,
  }));
};
