import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock, systemClock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { type ClickHouseEngine, engineCodeOf, execute, selectRows } from './engine.ts';
import { onCluster } from './sql-text.ts';

/** The table that is the lock: of all who create it, one succeeds. Its comment says whose it is. */
const lockTable = 'schema_lock';
const tableExists = 57;
const noTable = 60;

/** How long a run may take: whoever finds an older lock takes it over. */
const leaseMs = 120_000;
/** What one statement may take at most, before its connection gives up. */
const statementMs = 30_000;
const waitMs = leaseMs + 15_000;
const pollMs = 500;
/** Locks that were taken over are kept as long, so that nobody takes the same one over twice. */
const keptMs = 10 * leaseMs;

const thisProcess = `${hostname()}:${process.pid}:${randomUUID()}`;

interface Owner {
  readonly process: string;
  readonly run: string;
  /** By the database's clock. */
  readonly untilMs: number;
}

interface LockState {
  readonly nowMs: number;
  readonly owner: Owner | null;
}

export interface MigrationLockOptions {
  readonly engine: ClickHouseEngine;
  readonly cluster?: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** What the owner of the lock asks before each statement: rejects when the time left may not do for one. */
export type StillMine = () => Promise<void>;

const causeCode = (error: unknown): number | null => engineCodeOf(error instanceof TidegateError ? error.cause : error);

const commentOf = (owner: Owner): string => JSON.stringify(owner).replaceAll('\\', '\\\\').replaceAll("'", "\\'");

const ownerOf = (comment: string): Owner => {
  try {
    const { process: owner, run, untilMs } = JSON.parse(comment) as Partial<Owner>;
    return { process: String(owner), run: String(run), untilMs: Number(untilMs ?? 0) };
  } catch (cause) {
    const message = `The table ${lockTable} is not tidegate's; drop it if nobody migrates this database`;
    throw new TidegateError('ENGINE_UNFIT', message, { cause });
  }
};

const look = async ({ reader }: ClickHouseEngine): Promise<LockState> => {
  const rows = await selectRows<{ now: string | number; comments: string[] }>(
    reader,
    `SELECT toUnixTimestamp64Milli(now64(3)) AS now, groupArray(comment) AS comments FROM system.tables
     WHERE database = currentDatabase() AND name = '${lockTable}'`,
  );
  const comment = rows[0]?.comments[0];
  return { nowMs: Number(rows[0]?.now ?? 0), owner: comment === undefined ? null : ownerOf(comment) };
};

class MigrationLock {
  readonly #engine: ClickHouseEngine;
  readonly #cluster: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #run = randomUUID();

  constructor({ engine, cluster, clock = systemClock, logger = silentLogger }: MigrationLockOptions) {
    this.#engine = engine;
    this.#cluster = onCluster(cluster === undefined ? {} : { cluster });
    this.#clock = clock;
    this.#logger = logger;
  }

  async take(): Promise<void> {
    let waitedMs = 0;
    for (;;) {
      const { nowMs, owner } = await look(this.#engine);
      if (owner === null) {
        if (await this.#create(nowMs)) return;
      } else if (this.#isStale(owner, nowMs)) {
        await this.#setAside(owner, nowMs);
      } else if (waitedMs >= waitMs) {
        const message = `${owner.process} is migrating this database; try again when it is done`;
        throw new TidegateError('TABLE_FAILED', message, { retryable: true });
      } else {
        if (waitedMs === 0) this.#logger.info({ owner: owner.process }, 'waiting for another run of the migrations');
        await this.#clock.sleep(pollMs);
        waitedMs += pollMs;
      }
    }
  }

  /** Statements do nothing where what they make is there already, so one that outlives its lease does no harm. */
  async stillMine(): Promise<void> {
    const { nowMs, owner } = await look(this.#engine);
    if (owner?.run === this.#run && owner.untilMs - nowMs >= statementMs) return;
    const message = `Migrating took longer than ${leaseMs / 1000} s or was taken over; run it again to go on`;
    throw new TidegateError('TABLE_FAILED', message, { retryable: true });
  }

  async release(): Promise<void> {
    const { nowMs, owner } = await look(this.#engine);
    // With less left than a statement takes, another could own it by the time it is dropped.
    if (owner?.run === this.#run && owner.untilMs - nowMs >= statementMs) await this.#drop(lockTable);
    await this.#forget(nowMs);
  }

  /** Whether this one was first. */
  async #create(nowMs: number): Promise<boolean> {
    const owner: Owner = { process: thisProcess, run: this.#run, untilMs: nowMs + leaseMs };
    return this.#succeeds(
      `CREATE TABLE ${lockTable}${this.#cluster} (owner String COMMENT 'unused: the comment of the table says who')
       ENGINE = Memory COMMENT '${commentOf(owner)}'`,
      tableExists,
    );
  }

  /** A process that is alone with the data has outlived whoever else held the lock. */
  #isStale({ process: holder, untilMs }: Owner, nowMs: number): boolean {
    return untilMs < nowMs || (this.#engine.soleProcess === true && holder !== thisProcess);
  }

  /** Under a name of its own, so that of two who found it stale the slower one cannot remove the faster one's new lock. */
  async #setAside(owner: Owner, nowMs: number): Promise<void> {
    const name = `${lockTable}_${owner.run.replaceAll(/\W/g, '_')}`;
    const rename = `RENAME TABLE ${lockTable} TO ${name}${this.#cluster}`;
    if (!(await this.#succeeds(rename, tableExists, noTable))) return this.#clock.sleep(pollMs);
    const comment = commentOf({ ...owner, untilMs: nowMs });
    return execute(this.#engine.writer, `ALTER TABLE ${name}${this.#cluster} MODIFY COMMENT '${comment}'`);
  }

  /** Drops locks that were set aside long ago. */
  async #forget(nowMs: number): Promise<void> {
    const rows = await selectRows<{ name: string; comment: string }>(
      this.#engine.reader,
      `SELECT name, comment FROM system.tables
       WHERE database = currentDatabase() AND startsWith(name, '${lockTable}_') LIMIT 100`,
    );
    for (const { name, comment } of rows) {
      if (ownerOf(comment).untilMs + keptMs < nowMs) await this.#drop(name);
    }
  }

  #drop(table: string): Promise<void> {
    return execute(this.#engine.writer, `DROP TABLE IF EXISTS ${table}${this.#cluster}`);
  }

  async #succeeds(statement: string, ...expected: readonly number[]): Promise<boolean> {
    try {
      await execute(this.#engine.writer, statement);
      return true;
    } catch (error) {
      if (expected.includes(causeCode(error) ?? 0)) return false;
      throw error;
    }
  }
}

/**
 * Runs `work` while no other process migrates this database, without Keeper: creating a table is the test-and-set, a
 * lease of two minutes by the database's own clock tells a dead owner. Waits for another owner until its lease is over.
 *
 * @throws TidegateError TABLE_FAILED (retryable) when the lock cannot be had, ENGINE_UNFIT when its table is not ours.
 */
export const withMigrationLock = async <T>(
  options: MigrationLockOptions,
  work: (stillMine: StillMine) => Promise<T>,
): Promise<T> => {
  const lock = new MigrationLock(options);
  await lock.take();
  try {
    const result = await work(() => lock.stillMine());
    await lock.release();
    return result;
  } catch (error) {
    // What went wrong is what to tell; a lock that cannot be let go ends with its lease.
    await Promise.allSettled([lock.release()]);
    throw error;
  }
};
