import type { BlockPromoter, IdentityNote } from '../blocklist/block-promoter.ts';
import { type Client, clientKeyOf, otherClientId } from '../client.ts';

export const identityDefaults = {
  /** Pairs of address and client that are remembered as told, the ones not seen for longest forgotten first. */
  maxKnown: 50_000,
  /** Pairs that wait to be told. What does not fit is dropped and counted; it is seen again. */
  maxWaiting: 5_000,
  /** A pair is told again after this long: the list forgets it after a day. */
  againAfterMs: 6 * 3_600_000,
} as const;

/** Of the port. */
const maxBatch = 1000;

export interface IdentityBookOptions {
  readonly maxKnown?: number;
  readonly maxWaiting?: number;
  readonly againAfterMs?: number;
}

/** An allowed decision of a client that somebody vouches for, and the address that it came from. */
export interface Served {
  readonly client: Client;
  /** '': not known. */
  readonly address: string;
  readonly atMs: number;
}

/**
 * Which authenticated clients were served at which address lately: whom a block of that address would hit, too. Fed from
 * the log; what it tells is no part of any verdict.
 */
export class IdentityBook {
  readonly #maxKnown: number;
  readonly #maxWaiting: number;
  readonly #againAfterMs: number;
  /** Pair → when it was told, log time; the pair not seen for longest first. */
  readonly #known = new Map<string, number>();
  #waiting: IdentityNote[] = [];
  #dropped = 0;

  constructor(options: IdentityBookOptions = {}) {
    const { maxKnown, maxWaiting, againAfterMs } = { ...identityDefaults, ...options };
    this.#maxKnown = maxKnown;
    this.#maxWaiting = maxWaiting;
    this.#againAfterMs = againAfterMs;
  }

  get known(): number {
    return this.#known.size;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Pairs that were not told: for lack of room, or because telling failed. */
  get dropped(): number {
    return this.#dropped;
  }

  see({ client, address, atMs }: Served): void {
    if (client.kind === 'ip' || address === '' || client.id === otherClientId) return;
    const clientKey = clientKeyOf(client);
    const pair = `${address} ${clientKey}`;
    const toldAtMs = this.#known.get(pair);
    const isFresh = toldAtMs !== undefined && atMs - toldAtMs < this.#againAfterMs;
    if (toldAtMs !== undefined) this.#known.delete(pair);
    if (!isFresh && this.#waiting.length >= this.#maxWaiting) {
      this.#dropped += 1;
      return;
    }
    this.#known.set(pair, isFresh ? toldAtMs : atMs);
    if (!isFresh) this.#waiting.push({ address, clientKey });
    if (this.#known.size > this.#maxKnown) {
      const oldest = this.#known.keys().next();
      if (!oldest.done) this.#known.delete(oldest.value);
    }
  }

  /** Tells what waits. Never rejects: what cannot be told is dropped, counted, and told when it is seen again. */
  async tell(list: Pick<BlockPromoter, 'noteIdentities'>): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < waiting.length; from += maxBatch) {
      const batch = waiting.slice(from, from + maxBatch);
      try {
        await list.noteIdentities(batch);
      } catch {
        this.#dropped += batch.length;
        for (const { address, clientKey } of batch) this.#known.delete(`${address} ${clientKey}`);
      }
    }
  }
}
