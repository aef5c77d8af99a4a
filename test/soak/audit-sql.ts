/**
 * The auditor's own SQL: it asks the tables themselves and shares nothing with the code that fills, repairs or reconciles
 * them.
 */

export const rollups = [
  { table: 'decisions_per_minute', column: 'minute', start: 'toStartOfMinute(time)' },
  { table: 'decisions_per_hour', column: 'hour', start: 'toStartOfHour(time)' },
  { table: 'decisions_per_day', column: 'day', start: 'toStartOfDay(time)' },
] as const;

const dimensions = 'tenant, route, region, policy, outcome, `partition`';

export const rawSums = `SELECT \`partition\` AS number, count() AS events, sum(count) AS decisions,
  sumIf(count, outcome = 'denied') AS denied, sumIf(count, outcome = 'blocked') AS blocked, sum(cost * count) AS cost,
  sum(ifNull(early, 0)) AS early, uniqExact(emitter, seq) AS distinct_events
FROM decisions_raw GROUP BY number ORDER BY number`;

export const rollupSums = (table: string): string => `SELECT \`partition\` AS number, sum(t.events) AS events,
  sum(t.decisions) AS decisions, sumIf(t.decisions, outcome = 'denied') AS denied,
  sumIf(t.decisions, outcome = 'blocked') AS blocked, sum(t.cost) AS cost, sum(t.early) AS early
FROM ${table} AS t GROUP BY number ORDER BY number`;

/** Cells of a rollup in which any measure, latencies included, is another than the rows give. */
export const wrongCells = ({
  table,
  column,
  start,
}: (typeof rollups)[number]): string => `SELECT count() AS wrong FROM (
  SELECT at, ${dimensions}, sum(a) AS sa, sum(b) AS sb, sum(c) AS sc, sum(d) AS sd, sum(e) AS se, sum(f) AS sf, sumMap(g) AS sg
  FROM (
    SELECT toDateTime(${start}, 'UTC') AS at, tenant, route, region, policy, outcome, \`partition\`, toInt64(count) AS a,
      toInt64(1) AS b, toInt64(ifNull(early, 0)) AS c, toInt64(if(degraded = '', 0, count)) AS d,
      toInt64(if(empty(shadow_denied), 0, count)) AS e, toInt64(cost * count) AS f, map(latency_us, toInt64(count)) AS g
    FROM decisions_raw
    UNION ALL
    SELECT toDateTime(${column}, 'UTC') AS at, tenant, route, region, policy, outcome, \`partition\`, -decisions, -events, -early,
      -degraded, -shadow_denied, -cost,
      mapFromArrays(tupleElement(latency_us, 1), arrayMap(n -> -n, tupleElement(latency_us, 2)))
    FROM ${table}
  ) GROUP BY at, ${dimensions}
) WHERE sa != 0 OR sb != 0 OR sc != 0 OR sd != 0 OR se != 0 OR sf != 0 OR arrayExists(n -> n != 0, mapValues(sg))`;

export const dimensionsTable = 'decisions_per_hour_by_dimension';
/** Each alone holds every decision once. */
export const namedDimensions = ['tenant', 'route', 'region', 'policy'] as const;

export const dimensionSums = (name: (typeof namedDimensions)[number]): string => `SELECT \`partition\` AS number,
  sum(t.events) AS events, sum(t.decisions) AS decisions, sumIf(t.decisions, outcome = 'denied') AS denied,
  sumIf(t.decisions, outcome = 'blocked') AS blocked, sum(t.cost) AS cost, sum(t.early) AS early
FROM ${dimensionsTable} AS t WHERE dimension = '${name}' GROUP BY number ORDER BY number`;

export const wrongDimensions = `SELECT count() AS wrong FROM (
  SELECT hour, named, value, outcome, \`partition\`, sum(a) AS sa, sum(b) AS sb, sum(c) AS sc, sumMap(g) AS sg
  FROM (
    SELECT toStartOfHour(time) AS hour, pair.1 AS named, pair.2 AS value, toString(outcome) AS outcome, \`partition\`,
      toInt64(count) AS a, toInt64(1) AS b, toInt64(cost * count) AS c, map(latency_us, toInt64(count)) AS g
    FROM decisions_raw
    ARRAY JOIN [('tenant', toString(tenant)), ('route', toString(route)), ('region', toString(region)), ('policy', toString(policy))] AS pair
    UNION ALL
    SELECT hour, toString(dimension), toString(value), toString(outcome), \`partition\`, -decisions, -events, -cost,
      mapFromArrays(tupleElement(latency_us, 1), arrayMap(n -> -n, tupleElement(latency_us, 2)))
    FROM ${dimensionsTable}
  ) GROUP BY hour, named, value, outcome, \`partition\`
) WHERE sa != 0 OR sb != 0 OR sc != 0 OR arrayExists(n -> n != 0, mapValues(sg))`;

export const denialsTable = 'denials_by_client_per_minute';

export const denialSums = `SELECT \`partition\` AS number, sum(t.denied) AS denied, sum(t.blocked) AS blocked,
  sum(t.early) AS early
FROM ${denialsTable} AS t GROUP BY number ORDER BY number`;

export const wrongDenials = `SELECT count() AS wrong FROM (
  SELECT minute, client_kind, client, tenant, route, policy, \`partition\`, sum(a) AS sa, sum(b) AS sb
  FROM (
    SELECT toStartOfMinute(time) AS minute, client_kind, client, tenant, route, policy, \`partition\`,
      toInt64(if(outcome = 'denied', count, 0)) AS a, toInt64(if(outcome = 'blocked', count, 0)) AS b
    FROM decisions_raw WHERE outcome IN ('denied', 'blocked')
    UNION ALL
    SELECT minute, client_kind, client, tenant, route, policy, \`partition\`, -denied, -blocked FROM ${denialsTable}
  ) GROUP BY minute, client_kind, client, tenant, route, policy, \`partition\`
) WHERE sa != 0 OR sb != 0`;

export const emitterSums = `SELECT toString(emitter) AS name, \`partition\` AS number, count() AS events, sum(count) AS decisions,
  max(seq) AS last_seq FROM decisions_raw GROUP BY name, number ORDER BY name, number`;

export const wrongMarks = `SELECT count() AS wrong FROM (
  SELECT \`partition\`, toString(emitter) AS name, toInt64(max(seq)) AS raw, 0 AS mark FROM decisions_raw GROUP BY \`partition\`, name
  UNION ALL
  SELECT \`partition\`, emitter AS name, 0, toInt64(max(last_seq)) FROM emitter_marks GROUP BY \`partition\`, name
) AS u GROUP BY \`partition\`, name HAVING sum(raw) != sum(mark)`;

export const ledgerTable = 'ingest_blocks';

/** One line of the ledger for each start: the newest. */
export const ledgerLines = `SELECT topic, topic_id, \`partition\` AS number, start_offset, argMax(end_offset, stored_at) AS end_offset,
  argMax(rows, stored_at) AS rows, argMax(doubled_rows, stored_at) AS doubled_rows, argMax(dead_letters, stored_at) AS dead_letters,
  argMax(settled, stored_at) AS settled
FROM ${ledgerTable} GROUP BY topic, topic_id, number, start_offset ORDER BY topic, number, start_offset`;

/** What the ledger says of each emitter: how far it came, what it says it has sent, and whether it has said goodbye. */
export const ledgerEmitters = `SELECT s.emitter AS name, \`partition\` AS number, max(s.last_seq) AS last_seq, max(s.total) AS total,
  max(s.ended) AS ended, sum(s.missing_rows) AS missing_rows
FROM (
  SELECT topic, topic_id, \`partition\`, start_offset, argMax(emitters, stored_at) AS spans FROM ${ledgerTable}
  GROUP BY topic, topic_id, \`partition\`, start_offset
) ARRAY JOIN spans AS s GROUP BY name, number ORDER BY name, number`;

export const tableNames = 'SELECT name FROM system.tables WHERE database = currentDatabase()';
