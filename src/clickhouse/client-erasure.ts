import { randomBytes, randomUUID } from 'node:crypto';
import type { EraseOptions, Erasure, TableRows } from '../analytics/client-data.ts';
import type { ClientKind } from '../client.ts';
import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import { erasedClientId } from '../ingest/pseudonyms.ts';
import { type ClientMatch, holding } from './client-match.ts';
import { DenialMove } from './denial-move.ts';
import { type ClickHouseEngine, execute, type QueryParams, selectRows } from './engine.ts';

const hourMs = 3_600_000;
const maxPollMs = 1_000;
/** Rows that come in meanwhile are erased by the next round. */
const maxRounds = 3;
const unlogged = 'SETTINGS log_queries = 0, mutations_sync = 0';

export interface EraserOptions extends EraseOptions {
  readonly engine: ClickHouseEngine;
  readonly clock: Clock;
  readonly match: ClientMatch;
  readonly kind: ClientKind;
  readonly find: () => Promise<readonly TableRows[]>;
}

/** A number of 64 bits, for SQL. */
const randomKey = (): string => randomBytes(8).readBigUInt64LE().toString();

const none = (found: readonly TableRows[]): boolean => found.every(({ rows }) => rows === 0);

/**
 * One run of an erasure. Its steps are all repeatable, and each is derived from what the tables hold, so a run that died
 * anywhere is finished by the next: there is nothing that would have to be remembered in between.
 */
export class ClientEraser {
  readonly #options: EraserOptions;
  readonly #requestId = randomUUID();
  readonly #denials: DenialMove;

  constructor(options: EraserOptions) {
    this.#options = options;
    const { engine, clock, match } = options;
    const remove = (where: string): Promise<void> =>
      this.#mutate('denials_by_client_per_minute', `DELETE WHERE ${where}`);
    this.#denials = new DenialMove({ engine, clock, match, remove });
  }

  async run(): Promise<Erasure> {
    const { find } = this.#options;
    const found = await find();
    await this.#note('begun', found);
    let remaining = found;
    for (let round = 0; round < maxRounds; round += 1) {
      if (!none(remaining)) await this.#eraseRows(remaining);
      this.#tell('comparing the denials by client with the decisions');
      await this.#denials.settle();
      remaining = await find();
      if (none(remaining)) break;
    }
    const isForgotten = await this.#forgetStatements();
    await this.#note(none(remaining) ? 'done' : 'left', remaining);
    return { requestId: this.#requestId, found, remaining, isForgotten };
  }

  async #eraseRows(held: readonly TableRows[]): Promise<void> {
    const { match } = this.#options;
    const isIn = (table: string): boolean => held.some((one) => one.table === table && one.rows > 0);
    if (isIn('decisions_raw')) {
      this.#tell('anonymising decisions');
      await this.#mutate(
        'decisions_raw',
        `UPDATE client = if(${match.owned}, '${erasedClientId}', client), address = '' WHERE ${holding('decisions_raw', match)}`,
      );
    }
    if (isIn('blocks')) {
      this.#tell('anonymising the history of blocks');
      await this.#anonymiseBlocks();
    }
    this.#tell('moving denials by client');
    await this.#denials.move();
  }

  /**
   * A block's id is made from its client's, so that it could be tried out: it becomes another one, under a key that nobody
   * keeps, and the changes of one block still belong together. What somebody noted about the client goes, its code stays.
   */
  #anonymiseBlocks(): Promise<void> {
    const blockId = `concat('${erasedClientId}.', lower(hex(sipHash128Keyed((toUInt64('${randomKey()}'), toUInt64('${randomKey()}')), block_id))))`;
    return this.#mutate(
      'blocks',
      `UPDATE client = '${erasedClientId}', block_id = ${blockId}, verdict_id = '',
         reason = if(position(reason, ': ') > 0, substring(reason, 1, position(reason, ': ') - 1), reason)
       WHERE ${holding('blocks', this.#options.match)}`,
    );
  }

  /** Does not wait within the request: tables may be large, and requests end after seconds. */
  async #mutate(table: string, change: string): Promise<void> {
    const { engine, match } = this.#options;
    await execute(engine.writer, `ALTER TABLE ${table} ${change} ${unlogged}`, match.params);
    await this.#mutated(table);
  }

  /** Waits for all of the table's: one of a run that died is under way still, or is taken up again. */
  async #mutated(table: string): Promise<void> {
    const { engine, clock, waitMs = hourMs } = this.#options;
    const endUs = clock.monotonicUs() + waitMs * 1000;
    for (let pauseMs = 10; ; pauseMs = Math.min(maxPollMs, pauseMs * 2)) {
      const rows = await selectRows<{ parts: string | number; reason: string }>(
        engine.reader,
        `SELECT parts_to_do AS parts, latest_fail_reason AS reason FROM system.mutations
         WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done AND ${ours}`,
        { table },
      );
      const [first] = rows;
      if (!first) return;
      if (first.reason !== '') {
        // The database's reason may quote the statement, and with it the client.
        throw new TidegateError('TABLE_FAILED', `The database cannot change ${table}; system.mutations says why`);
      }
      if (clock.monotonicUs() > endUs) {
        throw new TidegateError('TABLE_FAILED', `${table} is still being changed; run the command again later`, {
          retryable: true,
        });
      }
      await clock.sleep(pauseMs);
    }
  }

  /**
   * The database keeps the text of its last hundred changes of each table, with the client's id in it. On replicated
   * tables other replicas may still need it.
   */
  async #forgetStatements(): Promise<boolean> {
    const { engine } = this.#options;
    const where = `database = currentDatabase() AND is_done AND ${ours}`;
    const [count] = await selectRows<{ replicated: string | number }>(
      engine.reader,
      "SELECT count() AS replicated FROM system.tables WHERE database = currentDatabase() AND name = 'decisions_raw' AND startsWith(engine, 'Replicated')",
    );
    if (Number(count?.replicated ?? 0) === 0) await execute(engine.writer, `KILL MUTATION WHERE ${where} SYNC`);
    const left = await selectRows(engine.reader, `SELECT 1 FROM system.mutations WHERE ${where}`);
    return left.length === 0;
  }

  async #note(state: 'begun' | 'done' | 'left', rows: readonly TableRows[]): Promise<void> {
    const { engine, actor, kind } = this.#options;
    const params: QueryParams = {
      request: this.#requestId,
      state,
      actor,
      kind,
      tables: rows.map(({ table }) => table),
      counts: rows.map((one) => one.rows),
    };
    await execute(
      engine.writer,
      `INSERT INTO erasures (request_id, state, actor, client_kind, rows) SETTINGS insert_deduplicate = 0, async_insert = 0
       SELECT {request:String}, {state:String}, {actor:String}, {kind:String},
         mapFromArrays({tables:Array(String)}, {counts:Array(UInt64)})`,
      params,
    );
  }

  #tell(step: string): void {
    this.#options.onStep?.(step);
  }
}

/** Changes that an erasure made: each names what it puts in a client's place, or leaves alone. */
const ours = `position(command, '${erasedClientId}') > 0`;
