import type { Redis } from 'ioredis';
import { messageOf, TidegateError } from '../errors.ts';
import type { LimitAnswer, LimitRequest, LimitStore, SpendResult } from '../limiter/limit-store.ts';
import { keyPrefix, limitKey } from './keys.ts';
import { loadScript, runScript } from './scripts.ts';
import { type QueuedSpend, SpendQueue } from './spend-queue.ts';

export interface RedisLimitStoreOptions {
  /** From openRedis, or the host's own connection. Its owner closes it. */
  readonly redis: Redis;
  /** Keeps installations apart that share a Redis. Default `default`. */
  readonly namespace?: string;
  /** Replaces the server's clock, for replay and tests only, and must not move while a spend waits for its answer. */
  readonly nowUs?: () => number;
}

const fieldsPerBucket = 4;
/** Log time may run slower than wall time: a counter must not be gone before log time has passed its end. */
const replayKeyTtlMs = 3_600_000;

/** Takes the flat list of the script apart, spend by spend. Throws STORE_FAILED when it is not of its contract. */
const readReply = (reply: unknown, spends: readonly QueuedSpend[]): SpendResult[] => {
  const length = spends.reduce((sum, { requests }) => sum + 1 + requests.length * fieldsPerBucket, 0);
  if (!Array.isArray(reply) || reply.length !== length || !reply.every(Number.isSafeInteger)) {
    throw new TidegateError('STORE_FAILED', 'Redis answered the limit script with something else than its contract');
  }
  const numbers = (reply as number[]).values();
  const next = (): number => numbers.next().value ?? 0;
  return spends.map(({ requests }) => ({
    allowed: next() === 1,
    answers: requests.map((): LimitAnswer => {
      const [allowed, remaining, resetAfterUs, retryAfterUs] = [next(), next(), next(), next()];
      return { allowed: allowed === 1, remaining, resetAfterUs, retryAfterUs: retryAfterUs < 0 ? null : retryAfterUs };
    }),
  }));
};

/**
 * Counters in Redis, shared by every gate, on the server's own clock. Spends of one turn of the event loop travel in one
 * script call.
 */
export class RedisLimitStore implements LimitStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #nowUs: (() => number) | undefined;
  readonly #script = loadScript('token-bucket');
  readonly #queue = new SpendQueue((spends) => this.#send(spends));

  constructor({ redis, namespace = 'default', nowUs }: RedisLimitStoreOptions) {
    this.#redis = redis;
    this.#prefix = keyPrefix(namespace);
    this.#nowUs = nowUs;
  }

  spend(requests: readonly LimitRequest[]): Promise<SpendResult> {
    return this.#queue.add(requests);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #send(spends: readonly QueuedSpend[]): Promise<SpendResult[]> {
    const args = this.#nowUs ? [this.#nowUs(), replayKeyTtlMs] : [0, 0];
    args.push(spends.length, ...spends.map(({ requests }) => requests.length));
    const keys: string[] = [];
    for (const { requests } of spends) {
      for (const { key, emissionIntervalUs, burst, cost, shadow } of requests) {
        keys.push(limitKey(this.#prefix, key));
        args.push(emissionIntervalUs, burst, cost, shadow ? 1 : 0);
      }
    }
    return readReply(await this.#run(keys, args), spends);
  }

  async #run(keys: readonly string[], args: readonly number[]): Promise<unknown> {
    try {
      return await runScript(this.#redis, this.#script, { keys, args });
    } catch (cause) {
      const timedOut = messageOf(cause).includes('timed out');
      throw new TidegateError(timedOut ? 'STORE_TIMEOUT' : 'STORE_FAILED', `Redis: ${messageOf(cause)}`, {
        cause,
        retryable: true,
      });
    }
  }
}
