import { messageOf, TidegateError } from '../errors.ts';
import type { KeptRecord, RecordPage, RecordStore, RecordWrite, ReviewRecords, Shelf } from '../review/records.ts';
import type { RedisConnection } from './client.ts';
import { keyPrefix } from './keys.ts';
import { loadScript, runScript } from './scripts.ts';

export interface RedisReviewRecordsOptions {
  readonly redis: RedisConnection;
  /** Default `default`. */
  readonly namespace?: string;
  /** Replaces the server's time in tests only. */
  readonly nowMs?: () => number;
}

/** Ids of records that are gone stay in the order until somebody reads past them: one page reads so many at most. */
const maxReads = 10;

/** Records of one kind in Redis: a hash each, and their order. All keys are in the slot of the block list. */
class RedisRecordStore implements RecordStore {
  readonly #options: RedisReviewRecordsOptions;
  readonly #shelf: Shelf;
  readonly #prefix: string;
  readonly #script = loadScript('review-record');

  constructor(options: RedisReviewRecordsOptions, shelf: Shelf) {
    this.#options = options;
    this.#shelf = shelf;
    this.#prefix = `${keyPrefix(options.namespace ?? 'default')}{bl}:review:${shelf.name}:`;
  }

  put(record: RecordWrite): Promise<boolean> {
    return this.#write(record, this.#shelf.keptForMs);
  }

  remove(id: string, ifRevision: number): Promise<boolean> {
    return this.#write({ id, text: '', ifRevision }, 0);
  }

  async get(id: string): Promise<KeptRecord | null> {
    return (await this.#read([id]))[0] ?? null;
  }

  async newest(limit: number, cursor = ''): Promise<RecordPage> {
    const found: KeptRecord[] = [];
    let below = /^\d{1,15}$/.test(cursor) ? `(${cursor}` : '+inf';
    for (let reads = 1; ; reads += 1) {
      const placed = await this.#placed(below, limit + 1);
      const records = await this.#read(placed.map(({ id }) => id));
      for (const [index, { place }] of placed.entries()) {
        const record = records[index];
        if (found.length === limit) return { records: found, nextCursor: below.slice(1) };
        if (record) found.push(record);
        below = `(${place}`;
      }
      if (placed.length <= limit) return { records: found, nextCursor: null };
      if (reads === maxReads) return { records: found, nextCursor: below.slice(1) };
    }
  }

  async #placed(below: string, most: number): Promise<{ id: string; place: string }[]> {
    const order = `${this.#prefix}order`;
    const { redis } = this.#options;
    const flat = await guard(redis.zrevrangebyscore(order, below, '-inf', 'WITHSCORES', 'LIMIT', 0, most));
    return Array.from({ length: flat.length / 2 }, (_, index) => ({
      id: flat[2 * index] ?? '',
      place: flat[2 * index + 1] ?? '',
    }));
  }

  /** In the order of the ids; null: gone. */
  async #read(ids: readonly string[]): Promise<(KeptRecord | null)[]> {
    if (ids.length === 0) return [];
    const { redis, nowMs } = this.#options;
    const pipeline = redis.pipeline();
    for (const id of ids) pipeline.hmget(this.#key(id), 'text', 'revision', 'ends');
    const replies = (await guard(pipeline.exec())) ?? [];
    return ids.map((id, index) => {
      const [error, values] = replies[index] ?? [null, []];
      if (error) throw failureOf(error);
      const [text, revision, ends] = values as (string | null | undefined)[];
      // Without a time of its own the server has taken away by itself what has ended.
      const isOver = nowMs !== undefined && Number(ends) <= nowMs();
      return typeof text === 'string' && !isOver ? { id, text, revision: Number(revision) } : null;
    });
  }

  async #write({ id, text, ifRevision }: RecordWrite, keptForMs: number): Promise<boolean> {
    const { redis, nowMs } = this.#options;
    const keys = [this.#key(id), `${this.#prefix}order`, `${this.#prefix}made`];
    const args = [this.#key(''), id, text, ifRevision, keptForMs, this.#shelf.most, nowMs?.() ?? 0];
    return (await guard(runScript(redis, this.#script, { keys, args }))) === 1;
  }

  #key(id: string): string {
    return `${this.#prefix}of:${id}`;
  }
}

const failureOf = (cause: unknown): TidegateError =>
  cause instanceof TidegateError
    ? cause
    : new TidegateError('STORE_FAILED', `Redis: ${messageOf(cause)}`, { cause, retryable: true });

const guard = async <T>(command: Promise<T>): Promise<T> => {
  try {
    return await command;
  } catch (cause) {
    throw failureOf(cause);
  }
};

/** In Redis, where every process that serves the API sees the same. */
export class RedisReviewRecords implements ReviewRecords {
  readonly #options: RedisReviewRecordsOptions;

  constructor(options: RedisReviewRecordsOptions) {
    this.#options = options;
  }

  shelf(shelf: Shelf): RecordStore {
    return new RedisRecordStore(this.#options, shelf);
  }
}
