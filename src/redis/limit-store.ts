import type { Redis } from 'ioredis';
import { messageOf, TidegateError } from '../errors.ts';
import type { LimitAnswer, LimitRequest, LimitStore, SpendResult } from '../limiter/limit-store.ts';
import { keyPrefix, limitKey } from './keys.ts';
import { loadScript, runScript } from './scripts.ts';

export interface RedisLimitStoreOptions {
  /** From openRedis, or the host's own connection. Its owner closes it. */
  readonly redis: Redis;
  /** Keeps installations apart that share a Redis. Default `default`. */
  readonly namespace?: string;
  /** Replaces the server's clock, for replay and tests only: log time is not wall time. */
  readonly nowUs?: () => number;
}

const fieldsPerBucket = 4;
/** Log time may run slower than wall time: a counter must not be gone before log time has passed its end. */
const replayKeyTtlMs = 3_600_000;

const readReply = (reply: unknown, count: number): SpendResult => {
  if (!Array.isArray(reply) || reply.length !== 1 + count * fieldsPerBucket || !reply.every(Number.isSafeInteger)) {
    throw new TidegateError('STORE_FAILED', 'Redis answered the limit script with something else than its contract');
  }
  const numbers = reply as number[];
  const answers = Array.from({ length: count }, (_, index): LimitAnswer => {
    const [allowed = 0, remaining = 0, resetAfterUs = 0, retryAfterUs = 0] = numbers.slice(1 + index * fieldsPerBucket);
    return { allowed: allowed === 1, remaining, resetAfterUs, retryAfterUs: retryAfterUs < 0 ? null : retryAfterUs };
  });
  return { allowed: numbers[0] === 1, answers };
};

/** Counters in Redis, shared by every gate: one script call per spend, on the server's own clock. */
export class RedisLimitStore implements LimitStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #nowUs: (() => number) | undefined;
  readonly #script = loadScript('token-bucket');

  constructor({ redis, namespace = 'default', nowUs }: RedisLimitStoreOptions) {
    this.#redis = redis;
    this.#prefix = keyPrefix(namespace);
    this.#nowUs = nowUs;
  }

  async spend(requests: readonly LimitRequest[]): Promise<SpendResult> {
    const args: (string | number)[] = this.#nowUs ? [this.#nowUs(), replayKeyTtlMs] : [0, 0];
    for (const { emissionIntervalUs, burst, cost, shadow } of requests) {
      args.push(emissionIntervalUs, burst, cost, shadow ? 1 : 0);
    }
    const keys = requests.map(({ key }) => limitKey(this.#prefix, key));
    const reply = await this.#run(keys, args);
    return readReply(reply, requests.length);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #run(keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
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
