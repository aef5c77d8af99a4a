import type { ClientData, ClientRow, ClientTable, EraseOptions, Erasure, TableRows } from '../analytics/client-data.ts';
import { clientTables } from '../analytics/client-data.ts';
import type { Client } from '../client.ts';
import type { Clock } from '../clock.ts';
import type { Pseudonyms } from '../ingest/pseudonyms.ts';
import { ClientEraser } from './client-erasure.ts';
import { type ClientMatch, clientIds, holding, matchOf } from './client-match.ts';
import { type ClickHouseEngine, type QueryParams, selectRows } from './engine.ts';

/** Rows in memory at once. */
const pageRows = 2_000;

/** How the rows of a table are read page by page: what they are, and what puts them in an order without ties. */
interface Reading {
  readonly table: ClientTable;
  /** Milliseconds since the epoch, first in the order. */
  readonly time: string;
  /** Behind the time. */
  readonly order: Readonly<Record<string, 'String' | 'UInt32' | 'UInt64'>>;
  /** The rows, with what stands for WHERE and for the condition of the page. */
  readonly rows: (where: string) => string;
}

const position = { emitter: 'String', '`partition`': 'UInt32', seq: 'UInt64' } as const;

const readings: readonly Reading[] = [
  {
    table: 'decisions_raw',
    time: 'toUnixTimestamp64Milli(time)',
    order: position,
    rows: (where) => `SELECT * FROM decisions_raw WHERE ${where}`,
  },
  {
    table: 'denials_by_client_per_minute',
    time: 'toUnixTimestamp(minute) * 1000',
    order: { client: 'String', tenant: 'String', route: 'String', policy: 'String', '`partition`': 'UInt32' },
    // The name of a sum that is the name of its column would be taken for the sum in the condition.
    rows: (where) => `SELECT minute, client_kind, client, tenant, route, policy, \`partition\`, sum(o.denied) AS denied,
      sum(o.blocked) AS blocked, sum(o.early) AS early, max(o.last_time) AS last_time
      FROM denials_by_client_per_minute AS o WHERE ${where}
      GROUP BY minute, client_kind, client, tenant, route, policy, \`partition\`
      HAVING denied != 0 OR blocked != 0 OR early != 0`,
  },
  {
    table: 'blocks',
    time: 'toUnixTimestamp64Milli(time)',
    order: position,
    rows: (where) => `SELECT * FROM blocks WHERE ${where}`,
  },
];

/** A server's record of statements would keep the client's id. */
const unlogged = 'SETTINGS log_queries = 0';
/** For the order, and for nobody to see. */
const orderTime = '__order_time';

type Row = Record<string, unknown>;

const conditionOf = ({ time, order }: Reading): string => {
  const names = Object.keys(order);
  const values = names.map((name, index) => `{o${index}:${order[name as keyof typeof order] ?? 'String'}}`);
  return `(${time}, ${names.join(', ')}) > ({t:Int64}, ${values.join(', ')})`;
};

const bare = (name: string): string => name.replaceAll('`', '');

const paramsAfter = ({ order }: Reading, row: Row): QueryParams => ({
  t: Number(row[orderTime]),
  ...Object.fromEntries(Object.keys(order).map((name, index) => [`o${index}`, row[bare(name)]])),
});

export interface ClientDataOptions {
  readonly engine: ClickHouseEngine;
  readonly clock: Clock;
  readonly pseudonyms: Pseudonyms | null;
}

/** See {@link ClientData}. */
export class ClickHouseClientData implements ClientData {
  readonly #engine: ClickHouseEngine;
  readonly #clock: Clock;
  readonly #pseudonyms: Pseudonyms | null;

  constructor({ engine, clock, pseudonyms }: ClientDataOptions) {
    this.#engine = engine;
    this.#clock = clock;
    this.#pseudonyms = pseudonyms;
  }

  idsOf(client: Client): readonly string[] {
    return clientIds(client, this.#pseudonyms);
  }

  find(client: Client): Promise<readonly TableRows[]> {
    return this.#find(matchOf(client, this.#pseudonyms));
  }

  async *rows(client: Client): AsyncGenerator<ClientRow> {
    const match = matchOf(client, this.#pseudonyms);
    for (const reading of readings) {
      for await (const row of this.#rowsOf(reading, match)) yield { table: reading.table, row };
    }
  }

  async erase(client: Client, options: EraseOptions): Promise<Erasure> {
    const match = matchOf(client, this.#pseudonyms);
    const eraser = new ClientEraser({
      engine: this.#engine,
      clock: this.#clock,
      match,
      kind: client.kind,
      find: () => this.#find(match),
      ...options,
    });
    return eraser.run();
  }

  async #find(match: ClientMatch): Promise<readonly TableRows[]> {
    return Promise.all(
      clientTables.map(async (table) => {
        const sql = `SELECT count() AS held FROM ${table} WHERE ${holding(table, match)} ${unlogged}`;
        const rows = await selectRows<{ held: string | number }>(this.#engine.writer, sql, match.params);
        return { table, rows: Number(rows[0]?.held ?? 0) };
      }),
    );
  }

  async *#rowsOf(reading: Reading, match: ClientMatch): AsyncGenerator<Row> {
    const names = Object.keys(reading.order).join(', ');
    let after: QueryParams | null = null;
    for (;;) {
      const where = `${holding(reading.table, match)}${after ? ` AND ${conditionOf(reading)}` : ''}`;
      // Rows in which the client is the address of another one do not say whose they are.
      const own = reading.table === 'decisions_raw' ? `, (${match.owned}) AS __own` : ', 1 AS __own';
      const rows: Row[] = await selectRows<Row>(
        this.#engine.writer,
        `SELECT *, ${reading.time} AS ${orderTime}${own} FROM (${reading.rows(where)})
         ORDER BY ${orderTime}, ${names} LIMIT ${pageRows} ${unlogged}`,
        { ...match.params, ...after },
      );
      for (const { [orderTime]: _time, __own, ...row } of rows) {
        if (Number(__own) === 1) yield row;
        else {
          const { client: _client, client_kind: _kind, ...others } = row;
          yield others;
        }
      }
      const last = rows.at(-1);
      if (rows.length < pageRows || !last) return;
      after = paramsAfter(reading, last);
    }
  }
}
