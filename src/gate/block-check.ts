import type { BlockEntry } from '../blocklist/block-feed.ts';
import type { Switched } from '../blocklist/block-switches.ts';
import type { Client } from '../client.ts';
import { messageOf } from '../errors.ts';
import { type Logger, warningLogger } from '../logger.ts';
import { type Counted, type EntryCounter, EntryLimits } from './entry-limits.ts';
import type { BlockLookup, Spared } from './ports.ts';

/** Who is asked about. */
export interface Suspects {
  /** Most specific first: one that is exempt protects those behind it. */
  readonly clients: readonly Client[];
  /** Less specific still: by what the request was known before it was identified. */
  readonly before?: readonly Client[];
  /** Whether its sender may turn out to be exempt: whatever that would protect is passed over. */
  readonly isUnidentified?: boolean;
  /** Keys of entries that have counted this very request already. */
  readonly counted?: readonly string[];
}

const suspectAt = ({ clients, before }: Suspects, index: number): Client | undefined =>
  index < clients.length ? clients[index] : before?.[index - clients.length];

/** An entry refuses the request. */
export interface Barred {
  readonly kind: 'barred';
  /** The identity that the entry hits. */
  readonly client: Client;
  readonly entry: BlockEntry;
  /** Until this entry lets a request through, milliseconds, >= 0. */
  readonly retryAfterMs: number;
}

export interface BlockCheckOptions {
  readonly lookup: BlockLookup;
  /** How many gates share the limits. */
  readonly liveGates: () => number;
  readonly logger?: Logger | undefined;
}

interface Hit {
  readonly client: Client;
  readonly entry: BlockEntry;
  /** Until it lets a request through, as far as it is not over before. */
  readonly waitMs: number;
  readonly nowMs: number;
}

/** Of two entries that refuse a request the one that does so longer; the first of equals. */
const longer = (known: Barred | null, { client, entry, waitMs, nowMs }: Hit): Barred => {
  const retryAfterMs = Math.min(waitMs, entry.expiresAtMs - nowMs);
  return known !== null && known.retryAfterMs >= retryAfterMs ? known : { kind: 'barred', client, entry, retryAfterMs };
};

export interface BlockCheckStats {
  /** Calls of the block list that threw: it was passed over for them. */
  readonly failures: number;
  /** Entries with a limit that are counted in this process now; those given up for lack of room. */
  readonly limited: number;
  readonly forgotten: number;
}

/**
 * Asks the block list about every identity of a request. Of several entries the strictest wins: one that refuses before
 * those that let some through, of these the one that takes longest. A request that passes counts at each of them. What hits
 * an identity behind one that is exempt is passed over: an allowed key from a blocked address, not a blocked key from an
 * allowed one.
 *
 * A block list that throws is passed over: better to let a blocked client in than to turn everybody away.
 */
export class BlockCheck {
  readonly #lookup: BlockLookup;
  readonly #liveGates: () => number;
  readonly #logger: Logger;
  readonly #limits = new EntryLimits();
  /** Of the request that is being asked about; kept, so that none has to be made. */
  readonly #met: EntryCounter[] = [];
  #failures = 0;

  constructor({ lookup, liveGates, logger = warningLogger }: BlockCheckOptions) {
    this.#lookup = lookup;
    this.#liveGates = liveGates;
    this.#logger = logger;
  }

  stats(): BlockCheckStats {
    return { failures: this.#failures, limited: this.#limits.size, forgotten: this.#limits.forgotten };
  }

  /** Whether whoever is found out to have sent a request may be exempt from the block of its address. */
  mayExemptSender(): boolean {
    if (this.#lookup.hasExemptSenders === undefined) return false;
    try {
      return this.#lookup.hasExemptSenders();
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  isOff(what: Switched, nowMs: number): boolean {
    if (this.#lookup.isOff === undefined) return false;
    try {
      return this.#lookup.isOff(what, nowMs);
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  refused(entry: BlockEntry, spared: Spared, nowMs: number): void {
    try {
      this.#lookup.refused?.(entry, spared, nowMs);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Null: no entry hits this request, or blocks are switched off. */
  ask(suspects: Suspects, tenant: string, nowMs: number): Barred | Counted | null {
    if (this.isOff('blocks', nowMs)) return null;
    const { clients, before, counted, isUnidentified } = suspects;
    const met = this.#met;
    // Nearly always empty, and to say so again takes longer than to look.
    if (met.length > 0) met.length = 0;
    let refused: Barred | null = null;
    let full: Barred | null = null;
    const count = clients.length + (before?.length ?? 0);
    // Whoever stands before it is known not to be exempt.
    let asked = 0;
    for (let index = 0; index < count; index += 1) {
      const client = suspectAt(suspects, index);
      if (client === undefined || (isUnidentified === true && client.kind !== 'key')) continue;
      const entry = this.#find(client, tenant, nowMs);
      if (entry === null) continue;
      while (asked < index && !this.#isExempt(suspectAt(suspects, asked), tenant, nowMs)) asked += 1;
      // Who is exempt protects all that follow.
      if (asked < index) break;
      // Of a lookup without types it may be missing: a block is a refusal then.
      if (entry.action?.kind !== 'limit') {
        refused = longer(refused, { client, entry, waitMs: Number.POSITIVE_INFINITY, nowMs });
        continue;
      }
      if (refused !== null || counted?.includes(entry.subjectKey)) continue;
      const counter = this.#limits.of(entry, entry.action);
      if (met.includes(counter)) continue;
      met.push(counter);
      const waitMs = counter.waitMs(Math.ceil(counter.limit / this.#liveGates()), nowMs);
      if (waitMs > 0) full = longer(full, { client, entry, waitMs, nowMs });
    }
    return refused ?? full ?? this.#count(met);
  }

  #isExempt(client: Client | undefined, tenant: string, nowMs: number): boolean {
    if (client === undefined || this.#lookup.isExempt === undefined) return false;
    try {
      return this.#lookup.isExempt(client, tenant, nowMs);
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  /** At all entries or at none, as limits are. */
  #count(met: readonly EntryCounter[]): Counted | null {
    const [first] = met;
    if (first === undefined) return null;
    for (const counter of met) this.#limits.count(counter);
    return met.length === 1 ? first : { kind: 'counted', subjectKeys: met.map(({ subjectKey }) => subjectKey) };
  }

  /** What it finds is not trusted to be in force. */
  #find(client: Client, tenant: string, nowMs: number): BlockEntry | null {
    try {
      const entry = this.#lookup.find(client, tenant, nowMs);
      return entry && entry.expiresAtMs > nowMs ? entry : null;
    } catch (error) {
      this.#failed(error);
      return null;
    }
  }

  /** Told once: it may fail with every request. */
  #failed(error: unknown): void {
    this.#failures += 1;
    if (this.#failures > 1) return;
    this.#logger.error({ err: messageOf(error) }, 'the block list failed: requests are decided on without it');
  }
}
