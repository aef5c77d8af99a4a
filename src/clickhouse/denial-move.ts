import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import { erasedClientId } from '../ingest/pseudonyms.ts';
import type { ClientMatch } from './client-match.ts';
import { type ClickHouseEngine, execute, selectRows } from './engine.ts';
import { withMigrationLock } from './migration-lock.ts';

const dayMs = 86_400_000;
const monthMs = 31 * dayMs;
/** Twice as many rows are inserted at once, and fit one block: it is there as a whole or not at all. */
const maxSliceRows = 100_000;
const maxAttempts = 5;

const table = 'denials_by_client_per_minute';
const keys = 'minute, client_kind, client, tenant, route, policy, `partition`';
const columns = `${keys}, denied, blocked, early, last_time`;
const inserting = `INSERT INTO ${table} (${columns})
SETTINGS insert_deduplicate = 0, async_insert = 0, max_insert_threads = 1, log_queries = 0`;
const unlogged = 'SETTINGS log_queries = 0';

const bounds = (column: string): string =>
  `${column} >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`;

/** What the client's denials, and those under `~erased`, lack or have too much compared with the decisions. */
const difference = (
  owned: (row: string) => string,
): string => `SELECT minute, client_kind, client, tenant, route, policy,
  \`partition\`, sum(d.denied) AS denied, sum(d.blocked) AS blocked, sum(d.early) AS early, max(d.last_time) AS last_time
FROM (
  SELECT toStartOfMinute(f.time) AS minute, f.client_kind AS client_kind, f.client AS client, f.tenant AS tenant,
    f.route AS route, f.policy AS policy, f.\`partition\` AS \`partition\`,
    if(f.outcome = 'denied', toInt64(f.count), 0::Int64) AS denied,
    if(f.outcome = 'blocked', toInt64(f.count), 0::Int64) AS blocked, toInt64(ifNull(f.early, 0)) AS early,
    f.time AS last_time
  FROM decisions_raw AS f WHERE f.outcome != 'allowed' AND ${owned('f')} AND ${bounds('f.time')}
  UNION ALL
  SELECT o.minute, o.client_kind, o.client, o.tenant, o.route, o.policy, o.\`partition\`, -o.denied, -o.blocked, -o.early,
    o.last_time
  FROM ${table} AS o WHERE ${owned('o')} AND ${bounds('o.minute')}
) AS d
GROUP BY ${keys}
HAVING denied != 0 OR blocked != 0 OR early != 0`;

/** Of a table's name: its own rows and the erased ones of its kind. */
const ownedOrErased = (row: string): string =>
  `${row}.client_kind = {kind:String} AND (${row}.client IN {ids:Array(String)} OR ${row}.client = '${erasedClientId}')`;

/** Each sum once under its client, taken away, and once under `~erased`. */
const transfer = (
  owned: string,
): string => `SELECT minute, client_kind, if(sign = 1, '${erasedClientId}', s.client) AS client,
  tenant, route, policy, \`partition\`, sign * s.denied AS denied, sign * s.blocked AS blocked, sign * s.early AS early,
  s.last_time AS last_time
FROM (
  SELECT ${keys}, sum(o.denied) AS denied, sum(o.blocked) AS blocked, sum(o.early) AS early, max(o.last_time) AS last_time
  FROM ${table} AS o WHERE ${owned} AND ${bounds('o.minute')}
  GROUP BY ${keys} HAVING denied != 0 OR blocked != 0 OR early != 0
) AS s ARRAY JOIN [1, -1] AS sign`;

export interface DenialMoveOptions {
  readonly engine: ClickHouseEngine;
  readonly clock: Clock;
  readonly match: ClientMatch;
  /** Deletes these rows of the table. */
  readonly remove: (where: string) => Promise<void>;
}

interface Slice {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Brings a client's denials by minute under `~erased`. The client is in the table's key, which cannot be changed: rows are
 * added under the new name and taken away under the old one. Where the decisions are still there, the difference to them
 * says which; where they are not, one insert does both, so that it may be repeated and nothing is lost in between.
 */
export class DenialMove {
  readonly #options: DenialMoveOptions;
  #keptFromMs: number | null = null;

  constructor(options: DenialMoveOptions) {
    this.#options = options;
  }

  /** Once the decisions are anonymised. Leaves no row of the client's. */
  async move(): Promise<void> {
    const { match, remove } = this.#options;
    if ((await this.#slices()).length > 0) await this.#transferAll();
    await this.settle();
    await remove(`${match.owned} AND client != '${erasedClientId}'`);
  }

  /**
   * Adds the difference to the decisions until there is none: an owner of a partition that repaired the same minute at the
   * same moment has added it, too, and rows may have come and been removed.
   */
  async settle(): Promise<void> {
    const { engine, match } = this.#options;
    for (const month of await this.#months()) {
      const params = { ...match.params, ...month };
      const sql = difference(ownedOrErased);
      for (let attempt = 0; (await this.#counts(sql, params)) > 0; attempt += 1) {
        if (attempt === maxAttempts) {
          throw new TidegateError('TABLE_FAILED', `${table} and the decisions do not come to agree; run it again`, {
            retryable: true,
          });
        }
        await execute(engine.writer, `${inserting}\n${sql}`, params);
      }
    }
  }

  /** One run at a time: two that read the same sums would both move them, and no decisions are left to say so. */
  async #transferAll(): Promise<void> {
    const { engine, clock, match } = this.#options;
    await withMigrationLock({ engine, clock }, async (stillMine) => {
      for (const slice of await this.#slices()) {
        await stillMine();
        await execute(engine.writer, `${inserting}\n${transfer(match.owned)}`, { ...match.params, ...slice });
      }
    });
  }

  async #counts(sql: string, params: object): Promise<number> {
    const { engine } = this.#options;
    const rows = await selectRows<{ n: string | number }>(
      engine.writer,
      `SELECT count() AS n FROM (${sql}) ${unlogged}`,
      { ...params },
    );
    return Number(rows[0]?.n ?? 0);
  }

  /** Minutes from before the decisions that are still kept as a whole, a bounded number of rows at a time. */
  async #slices(): Promise<Slice[]> {
    const { engine, match } = this.#options;
    const toMs = await this.#keptFrom();
    const hours = await selectRows<{ at: string | number; held: string | number }>(
      engine.writer,
      `SELECT toUnixTimestamp(toStartOfHour(minute)) * 1000 AS at, count() AS held FROM ${table}
       WHERE ${match.owned} AND minute < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC') GROUP BY at ORDER BY at ${unlogged}`,
      { ...match.params, toMs },
    );
    const slices: Slice[] = [];
    let rows = 0;
    for (const hour of hours) {
      const fromMs = Number(hour.at);
      const last = slices.at(-1);
      rows += Number(hour.held);
      const slice = { fromMs, toMs: Math.min(toMs, fromMs + 3_600_000) };
      if (last && rows <= maxSliceRows) slices[slices.length - 1] = { fromMs: last.fromMs, toMs: slice.toMs };
      else {
        slices.push(slice);
        rows = Number(hour.held);
      }
    }
    return slices;
  }

  /** What is to be compared with the decisions, month by month: of the client's and the erased rows, all there are. */
  async #months(): Promise<Slice[]> {
    const { engine, match } = this.#options;
    const fromMs = await this.#keptFrom();
    const since = `fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')`;
    const rows = await selectRows<{ at: string | number }>(
      engine.writer,
      `SELECT DISTINCT at FROM (
         SELECT toUnixTimestamp(toStartOfMonth(r.time)) AS at FROM decisions_raw AS r
         WHERE r.outcome != 'allowed' AND ${ownedOrErased('r')} AND r.time >= ${since}
         UNION ALL SELECT toUnixTimestamp(toStartOfMonth(o.minute)) FROM ${table} AS o
         WHERE ${ownedOrErased('o')} AND o.minute >= ${since}
       ) ORDER BY at ${unlogged}`,
      { ...match.params, fromMs },
    );
    const starts = rows.map(({ at }) => Number(at) * 1000);
    return starts.map((start, index) => ({
      fromMs: Math.max(start, fromMs),
      toMs: Math.min(start + monthMs, starts[index + 1] ?? Number.MAX_SAFE_INTEGER),
    }));
  }

  /** Decisions of this day and later are all still there. */
  async #keptFrom(): Promise<number> {
    this.#keptFromMs ??= await this.#readKeptFrom();
    return this.#keptFromMs;
  }

  async #readKeptFrom(): Promise<number> {
    const { engine, clock } = this.#options;
    const rows = await selectRows<{ engine_full: string }>(
      engine.reader,
      "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'decisions_raw'",
    );
    const days = Number(/TTL .*toIntervalDay\((\d+)\)/.exec(rows[0]?.engine_full ?? '')?.[1] ?? 0);
    return days === 0 ? 0 : (Math.floor(clock.nowMs() / dayMs) - days + 2) * dayMs;
  }
}
