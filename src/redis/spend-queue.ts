import { TidegateError } from '../errors.ts';
import type { LimitRequest, SpendResult } from '../limiter/limit-store.ts';

export interface QueuedSpend {
  readonly requests: readonly LimitRequest[];
  readonly resolve: (result: SpendResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Spends that travel together: long enough to share the cost of a call, short enough not to hold up the server. */
const maxSpendsPerCall = 128;
/** Spends that wait for an answer. A server that hangs must not be owed more than this. */
const maxWaiting = 16_384;

/**
 * Gathers the spends of one turn of the event loop. They leave when its callbacks have run, so that requests that arrived
 * together share a call and one that came alone waits for nobody.
 */
export class SpendQueue {
  readonly #send: (spends: readonly QueuedSpend[]) => Promise<readonly SpendResult[]>;
  #gathered: QueuedSpend[] = [];
  #waiting = 0;

  /** `send` answers the spends in their order, or rejects for all of them. */
  constructor(send: (spends: readonly QueuedSpend[]) => Promise<readonly SpendResult[]>) {
    this.#send = send;
  }

  add(requests: readonly LimitRequest[]): Promise<SpendResult> {
    if (this.#waiting >= maxWaiting) {
      const message = `${maxWaiting} decisions already wait for Redis`;
      return Promise.reject(new TidegateError('STORE_FAILED', message, { retryable: true }));
    }
    this.#waiting += 1;
    return new Promise((resolve, reject) => {
      if (this.#gathered.length === 0) setImmediate(() => this.#leave());
      this.#gathered.push({ requests, resolve, reject });
    });
  }

  #leave(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    for (let from = 0; from < gathered.length; from += maxSpendsPerCall) {
      void this.#answer(gathered.slice(from, from + maxSpendsPerCall));
    }
  }

  async #answer(spends: readonly QueuedSpend[]): Promise<void> {
    try {
      const results = await this.#send(spends);
      for (const [index, { resolve, reject }] of spends.entries()) {
        const result = results[index];
        if (result) resolve(result);
        else reject(new TidegateError('STORE_FAILED', 'Redis left a spend without an answer'));
      }
    } catch (error) {
      for (const { reject } of spends) reject(error);
    } finally {
      this.#waiting -= spends.length;
    }
  }
}
