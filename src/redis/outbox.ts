import type { Notice } from '../alert/notice.ts';
import { type Delivery, type Outbox, type OutboxFigures, outboxBounds } from '../alert/outbox.ts';
import type { Cursor } from '../blocklist/block-feed.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { RedisConnection } from './client.ts';
import { keyPrefix } from './keys.ts';
import { loadScript, runScript } from './scripts.ts';

export interface RedisOutboxOptions {
  readonly redis: RedisConnection;
  /** Default `default`. */
  readonly namespace?: string;
  /** Replaces the clock of the server. For tests. */
  readonly nowMs?: () => number;
}

/** Of the stored form: another one lies under other keys. */
const storedForm = 1;
const monthMs = 30 * 86_400_000;

/** The outbox in Redis, in the slot of the block list. */
export class RedisOutbox implements Outbox {
  readonly #redis: RedisConnection;
  readonly #nowMs: () => number;
  readonly #prefix: string;
  readonly #script = loadScript('outbox');

  constructor({ redis, namespace = 'default', nowMs = () => 0 }: RedisOutboxOptions) {
    this.#redis = redis;
    this.#nowMs = nowMs;
    this.#prefix = `${keyPrefix(namespace)}{bl}:outbox${storedForm}:`;
  }

  async put(notices: readonly Notice[]): Promise<number> {
    if (notices.length === 0) return 0;
    const told = notices.map((notice) => ({ id: notice.id, text: JSON.stringify(notice) }));
    return Number((await this.#run('put', { notices: told, bounds: outboxBounds }))[0]);
  }

  async inbox(most: number): Promise<readonly Notice[]> {
    return (await this.#run('inbox', { most })).map((text) => JSON.parse(String(text)) as Notice);
  }

  async handOut(id: string, endpoints: readonly string[]): Promise<void> {
    await this.#run('handOut', { id, endpoints, bounds: outboxBounds });
  }

  async due(endpoint: string, most: number): Promise<readonly Delivery[]> {
    const flat = await this.#run('due', { endpoint, most });
    return Array.from({ length: flat.length / 2 }, (_, index) => ({
      notice: JSON.parse(String(flat[2 * index])) as Notice,
      failures: Number(flat[2 * index + 1]),
    }));
  }

  async remove(endpoint: string, id: string): Promise<void> {
    await this.#run('remove', { endpoint, id });
  }

  async postpone(endpoint: string, id: string, untilMs: number): Promise<void> {
    await this.#run('postpone', { endpoint, id, untilMs });
  }

  async disable(endpoint: string): Promise<void> {
    await this.#run('disable', { endpoint, keptMs: monthMs });
  }

  async enable(endpoint: string): Promise<boolean> {
    return (await this.#run('enable', { endpoint }))[0] === 1;
  }

  async disabled(): Promise<ReadonlySet<string>> {
    return new Set((await this.#run('disabled', {})).map(String));
  }

  async lead(holder: string, ttlMs: number): Promise<boolean> {
    return (await this.#run('lead', { holder, ttlMs }))[0] === 1;
  }

  async cursor(): Promise<Cursor | null> {
    const [epoch, sequence] = await this.#run('cursor', {});
    return epoch === undefined ? null : { epoch: String(epoch), sequence: Number(sequence) };
  }

  async markCursor({ epoch, sequence }: Cursor): Promise<void> {
    await this.#run('mark', { epoch, sequence, keptMs: monthMs });
  }

  async figures(): Promise<OutboxFigures> {
    const [waiting, dropped] = await this.#run('figures', {});
    return { waiting: Number(waiting), dropped: Number(dropped) };
  }

  async #run(kind: string, asked: object): Promise<readonly unknown[]> {
    try {
      const call = { keys: [this.#prefix], args: [this.#nowMs(), JSON.stringify({ kind, ...asked })] };
      const reply = await runScript(this.#redis, this.#script, call);
      return Array.isArray(reply) ? reply : [];
    } catch (cause) {
      throw new TidegateError('STORE_FAILED', `Redis: ${messageOf(cause)}`, { cause, retryable: true });
    }
  }
}
