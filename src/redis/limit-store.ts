import { type ErrorCode, messageOf, TidegateError } from '../errors.ts';
import type { LimitReturn, LimitStore, Spend, SpendResult } from '../limiter/limit-store.ts';
import type { RedisConnection } from './client.ts';
import { keyPrefix } from './keys.ts';
import { giveBackCall, type LimitCall, readReply, spendCall } from './limit-script.ts';
import { loadScript, runScript, type ScriptCall } from './scripts.ts';

export interface RedisLimitStoreOptions {
  /** From openRedis, or the host's own connection. Its owner closes it. */
  readonly redis: RedisConnection;
  /** Keeps installations apart that share a Redis. Default `default`. */
  readonly namespace?: string;
  /** Replaces the server's clock, for replay and tests only, and must not move while a spend waits for its answer. */
  readonly nowUs?: () => number;
}

/** Log time may run slower than wall time: a counter must not be gone before log time has passed its end. */
const replayKeyTtlMs = 3_600_000;
/** Spends of one script call: long enough to share its cost, short enough not to hold up the server. */
const maxSpendsPerCall = 128;

const codeOf = (message: string): ErrorCode => {
  if (message.includes('timed out')) return 'STORE_TIMEOUT';
  return message.startsWith('READONLY') ? 'STORE_READ_ONLY' : 'STORE_FAILED';
};

const storeError = (cause: unknown): TidegateError => {
  const message = messageOf(cause);
  return new TidegateError(codeOf(message), `Redis: ${message}`, { cause, retryable: true });
};

const inChunks = <T>(items: readonly T[]): (readonly T[])[] => {
  if (items.length <= maxSpendsPerCall) return [items];
  const chunks: T[][] = [];
  for (let from = 0; from < items.length; from += maxSpendsPerCall)
    chunks.push(items.slice(from, from + maxSpendsPerCall));
  return chunks;
};

/** Counters in Redis, shared by every gate, on the server's own clock. One round trip for all spends of a call. */
export class RedisLimitStore implements LimitStore {
  readonly immediate = false;
  readonly #redis: RedisConnection;
  readonly #prefix: string;
  readonly #nowUs: (() => number) | undefined;
  readonly #script = loadScript('limits');

  constructor({ redis, namespace = 'default', nowUs }: RedisLimitStoreOptions) {
    this.#redis = redis;
    this.#prefix = keyPrefix(namespace);
    this.#nowUs = nowUs;
  }

  async spend(spends: readonly Spend[]): Promise<readonly SpendResult[]> {
    if (spends.length <= maxSpendsPerCall) return await this.#answer(spends);
    return (await Promise.all(inChunks(spends).map((chunk) => this.#answer(chunk)))).flat();
  }

  async giveBack(returns: readonly LimitReturn[]): Promise<void> {
    await Promise.all(inChunks(returns).map((chunk) => this.#run(giveBackCall(chunk, this.#call()))));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #call(): LimitCall {
    const time = this.#nowUs ? { nowUs: this.#nowUs(), leastTtlMs: replayKeyTtlMs } : { nowUs: 0, leastTtlMs: 0 };
    return { prefix: this.#prefix, ...time };
  }

  async #answer(spends: readonly Spend[]): Promise<SpendResult[]> {
    return readReply(await this.#run(spendCall(spends, this.#call())), spends);
  }

  async #run(call: ScriptCall): Promise<unknown> {
    try {
      return await runScript(this.#redis, this.#script, call);
    } catch (cause) {
      throw storeError(cause);
    }
  }
}
