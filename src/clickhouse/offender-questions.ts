import type { Spike, SpikesQuery } from '../analytics/decision-questions.ts';
import type { DeniedClient, DeniedClientsQuery } from '../analytics/decision-reader.ts';
import type { ClientKind } from '../client.ts';
import { TidegateError } from '../errors.ts';
import type { Asking } from './decision-questions.ts';
import type { Count } from './outcome-sums.ts';
import { bounded } from './question-rows.ts';

const minuteMs = 60_000;
const maxSpikesRangeMs = 24 * 60 * minuteMs;

export const askOffenders = async (
  { reach, questions }: Asking,
  query: DeniedClientsQuery,
): Promise<readonly DeniedClient[]> => {
  const limit = bounded('limit', query.limit ?? 20, 1000);
  const range = { fromMs: Math.floor(query.fromMs / minuteMs) * minuteMs, toMs: query.toMs };
  const { from, params } = reach.of('denials_by_client_per_minute', { range });
  type Counted = Record<'all_denied' | 'all_blocked' | 'all_early' | 'route_count' | 'last', Count>;
  const rows = await questions.select<Counted & { client_kind: ClientKind; client: string; routes: string[] }>(
    `SELECT client_kind, client, sum(r.denied) AS all_denied, sum(r.blocked) AS all_blocked, sum(r.early) AS all_early,
       groupUniqArrayIf(20)(route, r.denied > 0) AS routes, uniqExactIf(route, r.denied > 0) AS route_count,
       toUnixTimestamp64Milli(maxIf(r.last_time, r.denied > 0)) AS last
     FROM ${from} AND (client_kind, client) IN (
       SELECT client_kind, client FROM ${from} GROUP BY client_kind, client HAVING sum(r.denied) > 0
       ORDER BY sum(r.denied) DESC, client_kind, client LIMIT {limit:UInt32})
     GROUP BY client_kind, client ORDER BY all_denied DESC, client_kind, client`,
    { ...params, limit },
  );
  return rows.map((row) => ({
    clientKind: row.client_kind,
    client: row.client,
    denied: Number(row.all_denied),
    blocked: Number(row.all_blocked),
    early: Number(row.all_early),
    routes: row.routes,
    routeCount: Number(row.route_count),
    lastDeniedAtMs: Number(row.last),
  }));
};

interface SpikeRow extends Record<'minute_at' | 'allowed' | 'denied' | 'clients', Count> {
  readonly dimension: Spike['dimension'];
  readonly value: string;
  readonly throttle_rate: number;
  readonly baseline_rate: number;
  readonly baseline_minutes: number;
  readonly spread: number;
  readonly z: number;
  readonly top_client_share: number;
  readonly early_share: number;
  readonly degraded_share: number;
  readonly new_policy_versions: number;
  readonly cause: string;
}

const spikeOf = (row: SpikeRow): Spike => ({
  minuteMs: Number(row.minute_at) * 1000,
  dimension: row.dimension,
  value: row.value,
  allowed: Number(row.allowed),
  denied: Number(row.denied),
  throttleRate: row.throttle_rate,
  baselineRate: row.baseline_rate,
  baselineMinutes: row.baseline_minutes,
  spread: row.spread,
  z: row.z,
  clients: Number(row.clients),
  topClientShare: row.top_client_share,
  earlyShare: row.early_share,
  degradedShare: row.degraded_share,
  newPolicyVersions: row.new_policy_versions,
  cause: row.cause,
});

export const askSpikes = async ({ reach, questions }: Asking, query: SpikesQuery): Promise<readonly Spike[]> => {
  const limit = bounded('limit', query.limit ?? 200, 1000);
  if (query.toMs - query.fromMs > maxSpikesRangeMs) {
    throw new TidegateError('INPUT_INVALID', 'Spikes are looked for in 24 hours at most');
  }
  const { from, params } = reach.ofSpikes(query);
  const rows = await questions.select<SpikeRow>(
    `SELECT *, toUnixTimestamp(minute) AS minute_at FROM ${from}
     ORDER BY minute DESC, dimension, value LIMIT {limit:UInt32}`,
    { ...params, limit },
  );
  return rows.map(spikeOf);
};
