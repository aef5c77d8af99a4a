import { type ClickHouseEngine, selectRows } from '../../src/clickhouse/engine.ts';

const fromDecisions = `
  SELECT toStartOfMinute(r.time) AS at, r.client AS name, toInt64(sumIf(r.count, r.outcome = 'denied')) AS d,
    toInt64(sumIf(r.count, r.outcome = 'blocked')) AS b, toInt64(sum(ifNull(r.early, 0))) AS e
  FROM decisions_raw AS r WHERE r.outcome != 'allowed' GROUP BY at, name`;

/** Minutes and clients for which the denials say something else than the decisions, of what the decisions still hold. */
export const disagreements = (engine: ClickHouseEngine): Promise<object[]> =>
  selectRows(
    engine.reader,
    `SELECT at, name, sum(d) AS denied, sum(b) AS blocked, sum(e) AS early FROM (
       ${fromDecisions}
       UNION ALL
       SELECT o.minute, o.client, -o.denied, -o.blocked, -o.early FROM denials_by_client_per_minute AS o
       WHERE o.minute >= (SELECT toStartOfMinute(min(time)) FROM decisions_raw)
     ) GROUP BY at, name HAVING denied != 0 OR blocked != 0 OR early != 0`,
  );
