import { type ErrorCode, messageOf, TidegateError } from '../errors.ts';
import type { LimitReturn, LimitStore, Spend, SpendResult, StoreCost } from '../limiter/limit-store.ts';
import { costOfCalls } from './call-cost.ts';
import { checkConnection, inOneWrite, isCluster, type RedisConnection } from './client.ts';
import { keyPrefix } from './keys.ts';
import { giveBackCall, type LimitCall, readReply, spendCall } from './limit-script.ts';
import { loadScript, runScript, type ScriptCall } from './scripts.ts';
import { giveBackBySlot, inCalls, inSlots, type SlotCalls, spendBySlot } from './slot-groups.ts';

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

const codeOf = (message: string): ErrorCode => {
  if (message.includes('timed out')) return 'STORE_TIMEOUT';
  // Older servers name it within the error of the script.
  return message.includes('READONLY') ? 'STORE_READ_ONLY' : 'STORE_FAILED';
};

const storeError = (cause: unknown): TidegateError => {
  const message = messageOf(cause);
  return new TidegateError(codeOf(message), `Redis: ${message}`, { cause, retryable: true });
};

/**
 * Counters in Redis, shared by every gate, on the server's own clock. One round trip for all spends of a call; in a
 * cluster one call for each hash tag at the same time, and each spend has an answer of its own.
 */
export class RedisLimitStore implements LimitStore {
  readonly immediate = false;
  readonly #redis: RedisConnection;
  readonly #prefix: string;
  readonly #nowUs: (() => number) | undefined;
  readonly #script = loadScript('limits', 'limits-any');
  readonly spendEach: LimitStore['spendEach'];
  #lostReturns = 0;

  /** Throws CONFIG_INVALID. */
  constructor(options: RedisLimitStoreOptions) {
    checkConnection('new RedisLimitStore()', options);
    const { redis, namespace = 'default', nowUs } = options;
    this.#redis = redis;
    this.#prefix = keyPrefix(namespace);
    this.#nowUs = nowUs;
    this.spendEach = isCluster(redis)
      ? (spends) => inOneWrite(redis, () => spendBySlot(spends, this.#slotCalls))
      : undefined;
  }

  /** Units that one slot of a cluster did not take back after another one had denied: they come back with time. */
  get lostReturns(): number {
    return this.#lostReturns;
  }

  async spend(spends: readonly Spend[]): Promise<readonly SpendResult[]> {
    if (this.spendEach) return await Promise.all(this.spendEach(spends));
    const calls = inCalls(spends, ({ length }) => length);
    if (calls.length === 1) return await this.#answer(spends);
    return (await Promise.all(calls.map((call) => this.#answer(call)))).flat();
  }

  costOf(spend: Spend): StoreCost {
    return costOfCalls(this.spendEach ? inSlots(spend) : [spend], this.#call());
  }

  async giveBack(returns: readonly LimitReturn[]): Promise<void> {
    if (this.spendEach) await giveBackBySlot(returns, this.#slotCalls);
    else await this.#giveBack(returns);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  readonly #slotCalls: SlotCalls = {
    spend: (spends) => this.#answer(spends),
    giveBack: (returns) => this.#giveBack(returns),
    lost: (returns) => {
      this.#lostReturns += returns.length;
    },
  };

  async #giveBack(returns: readonly LimitReturn[]): Promise<void> {
    const calls = inCalls(returns, () => 1);
    await Promise.all(calls.map((call) => this.#run(giveBackCall(call, this.#call()))));
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
