import type { EvidenceQuery, EvidenceQuestion } from '../analytics/verify-rows.ts';
import type { Client } from '../client.ts';
import type { Pseudonyms } from '../ingest/pseudonyms.ts';
import type { QueryParams } from './engine.ts';
import { routeCondition } from './verify-patterns.ts';

export interface EvidenceStatement {
  readonly sql: string;
  readonly params: QueryParams;
}

/** Who decided with full knowledge of the client's own counter: nothing else is evidence. */
const trusted = "r.source IN ('store', 'lease', 'deny-cache') AND r.degraded = ''";

const folded = "(r.route = '~other' OR endsWith(r.route, ' ~other'))";

/** The limit that denied was keyed by the client, and by no route that stands for several. */
const ownLimit = `(r.outcome = 'allowed' OR (
    (has(splitByChar('+', r.scope), 'client') OR (r.client_kind = 'ip' AND has(splitByChar('+', r.scope), 'address')))
    AND NOT (has(splitByChar('+', r.scope), 'route') AND ${folded})))`;

const windowStart = 'intDiv(toUnixTimestamp64Milli(r.time), {windowMs:Int64}) * {windowMs:Int64}';

const plainNetwork = /^(\d{1,3}\.\d{1,3}\.\d{1,3})\.0\/24$/;

/** Clients that stand in a network. An IPv6 client is one itself. */
const membersOf = (network: string): readonly Client[] => {
  const prefix = plainNetwork.exec(network)?.[1];
  const ids = prefix === undefined ? [network] : Array.from({ length: 256 }, (_, last) => `${prefix}.${last}`);
  return ids.map((id) => ({ kind: 'ip', id }));
};

/** Under which ids they are stored, pseudonyms included. */
const idsOf = (clients: readonly Client[], pseudonyms: Pseudonyms | null): readonly string[] => [
  ...new Set(clients.flatMap((client) => pseudonyms?.all(client) ?? [client.id])),
];

const matchConditions = ({ match, tenant }: EvidenceQuestion): EvidenceStatement => {
  const { tenants, policies, clientKinds, routes } = match;
  const route = routes ? routeCondition(routes) : null;
  const conditions = [
    ...(tenant === undefined ? [] : ['r.tenant = {tenant:String}']),
    ...(tenants ? ['r.tenant IN {tenants:Array(String)}'] : []),
    ...(clientKinds ? ['r.client_kind IN {kinds:Array(String)}'] : []),
    ...(policies ? ["(r.outcome = 'allowed' OR r.policy IN {policies:Array(String)})"] : []),
    ...(routes ? [`NOT ${folded}`] : []),
    ...(route ? [route.sql] : []),
  ];
  return {
    sql: conditions.map((condition) => `\n  AND ${condition}`).join(''),
    params: {
      ...(tenant === undefined ? {} : { tenant }),
      ...(tenants && { tenants: [...tenants] }),
      ...(clientKinds && { kinds: [...clientKinds] }),
      ...(policies && { policies: [...policies] }),
      ...route?.params,
    },
  };
};

/** The rows of the time and of the emitters up to their marks, whoever they are of. */
const markedRows = `r.\`partition\` = {partition:UInt32}
  AND r.time >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND r.time < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
  AND r.emitter IN {emitters:Array(String)}
  AND r.seq <= transform(toString(r.emitter), {emitters:Array(String)}, {seqs:Array(UInt64)}, toUInt64(0))`;

const markParams = ({ partition, fromMs, toMs, marks }: EvidenceQuestion): QueryParams => ({
  partition,
  fromMs,
  toMs,
  emitters: marks.map(({ emitter }) => emitter),
  seqs: marks.map(({ seq }) => seq),
});

/** One statement that gives the counts of a verdict's evidence again, by window and route. */
export const evidenceStatement = (question: EvidenceQuestion, pseudonyms: Pseudonyms | null): EvidenceStatement => {
  const { of, windowMs } = question;
  const isNetwork = 'network' in of;
  const clients = isNetwork ? membersOf(of.network) : [of.client];
  const matched = matchConditions(question);
  const groups = isNetwork
    ? 'GROUPING SETS ((window_start_ms, decided, decided_route), (window_start_ms, member))'
    : 'window_start_ms, decided, decided_route';
  const member = isNetwork ? 'r.client' : "''";
  return {
    sql: `SELECT
  ${windowStart} AS window_start_ms,
  toString(r.outcome) AS decided,
  if(${folded}, '~other', toString(r.route)) AS decided_route,
  ${member} AS member,
  sum(r.count) AS decisions,
  sumIf(r.count, r.outcome = 'denied') AS denied,
  sumIf(r.count, isNotNull(r.early)) AS judged,
  sum(ifNull(r.early, 0)) AS came_early,
  toUnixTimestamp64Milli(min(r.time)) AS first_at_ms,
  toUnixTimestamp64Milli(max(r.time)) AS last_at_ms,
  arraySort(groupUniqArray(11)(toString(r.policy))) AS policies
FROM decisions_raw AS r
WHERE ${markedRows}
  AND r.client_kind = {kind:String} AND r.client IN {ids:Array(String)}
  AND r.outcome IN ('allowed', 'denied') AND ${trusted}
  AND ${ownLimit}${matched.sql}
GROUP BY ${groups}
ORDER BY window_start_ms, decided, decided_route, member`,
    params: {
      windowMs,
      ...markParams(question),
      kind: isNetwork ? 'ip' : of.client.kind,
      ids: idsOf(clients, pseudonyms),
      ...matched.params,
    },
  };
};

/** Rows of the time and emitters that nobody owns any more. */
export const erasedStatement = (question: EvidenceQuestion): EvidenceStatement => ({
  sql: `SELECT count() AS held FROM decisions_raw AS r WHERE ${markedRows} AND r.client = {erased:String}`,
  params: markParams(question),
});

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** As `clickhouse-client --param_<name>=` takes it: texts escaped as in tab-separated values, lists as literals. */
const paramText = (value: unknown): string => {
  if (Array.isArray(value))
    return `[${value.map((one) => (typeof one === 'number' ? one : quoted(String(one)))).join(',')}]`;
  return typeof value === 'number' ? String(value) : String(value).replaceAll('\\', '\\\\');
};

export const queryText = ({ sql, params }: EvidenceStatement): EvidenceQuery => ({
  sql,
  params: Object.fromEntries(Object.entries(params).map(([name, value]) => [name, paramText(value)])),
});
