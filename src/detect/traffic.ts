import { type TrafficNote, trafficWindowMs } from '../blocklist/block-promoter.ts';
import { otherClientId } from '../client.ts';
import { stableHash } from '../stable-hash.ts';

/**
 * Linear counting: a bit for each client, by its hash. 8 KiB tell up to 300,000 clients of a partition and minute apart
 * with a standard error under 1 %, and end at about 727,000. An id sets one bit at most, so nobody makes many clients of
 * few ids beyond eleven times, whatever ids they choose.
 */
const bits = 65_536;

class DistinctClients {
  readonly #set = new Uint32Array(bits / 32);
  #unset = bits;

  add(id: string): void {
    const hash = mixed(stableHash(id)) & (bits - 1);
    const word = hash >>> 5;
    const before = this.#set[word] ?? 0;
    const after = before | (1 << (hash & 31));
    if (after === (before | 0)) return;
    this.#set[word] = after;
    this.#unset -= 1;
  }

  count(): number {
    return Math.round(bits * Math.log(bits / Math.max(1, this.#unset)));
  }
}

/** Neighbouring ids have neighbouring hashes: their low bits must differ like any. */
const mixed = (hash: number): number => {
  const half = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (half ^ (half >>> 13)) >>> 0;
};

interface Minute {
  readonly windowStartMs: number;
  readonly clients: DistinctClients;
  allowed: number;
  /** Not told since it was last added to. */
  isNew: boolean;
}

/** Minutes that are still added to: the newest and what is late. */
const maxOpen = 3;
/** Minutes that wait to be told: an hour, which is all that anybody asks about. */
const maxClosed = 60;

export interface TrafficMeterOptions {
  readonly partition: number;
  /** Reading starts in the middle of the log: the minute it starts in is not told, another owner saw all of it. */
  readonly startsMidway: boolean;
}

/** What was allowed in one partition, by minutes of log time. */
export class TrafficMeter {
  readonly #partition: number;
  #skipUntilMs: number | null;
  /** Oldest first. */
  #open: Minute[] = [];
  #closed: TrafficNote[] = [];
  #dropped = 0;

  constructor({ partition, startsMidway }: TrafficMeterOptions) {
    this.#partition = partition;
    this.#skipUntilMs = startsMidway ? null : Number.NEGATIVE_INFINITY;
  }

  /** Minutes that were not told for lack of room. */
  get dropped(): number {
    return this.#dropped;
  }

  addAllowed(clientId: string, count: number, atMs: number): void {
    const newest = this.#open.at(-1);
    const isNewest =
      newest !== undefined && atMs >= newest.windowStartMs && atMs < newest.windowStartMs + trafficWindowMs;
    const minute = isNewest ? newest : this.#minuteOf(atMs);
    if (!minute) return;
    minute.allowed += count;
    minute.isNew = true;
    if (clientId !== otherClientId) minute.clients.add(clientId);
  }

  /** Everything that is not told yet. It counts as told. */
  take(): TrafficNote[] {
    const notes = this.#closed;
    this.#closed = [];
    for (const minute of this.#open) {
      if (!minute.isNew) continue;
      minute.isNew = false;
      notes.push(this.#noteOf(minute));
    }
    return notes;
  }

  #minuteOf(atMs: number): Minute | null {
    const windowStartMs = Math.floor(atMs / trafficWindowMs) * trafficWindowMs;
    this.#skipUntilMs ??= windowStartMs + trafficWindowMs;
    if (windowStartMs < this.#skipUntilMs) return null;
    const known = this.#open.find((minute) => minute.windowStartMs === windowStartMs);
    if (known) return known;
    const [oldest] = this.#open;
    // Later than any that is open: it was told, and adding to nothing would replace what was told.
    if (oldest && this.#open.length === maxOpen && windowStartMs < oldest.windowStartMs) return null;
    const made: Minute = { windowStartMs, clients: new DistinctClients(), allowed: 0, isNew: false };
    this.#open = [...this.#open, made].sort((left, right) => left.windowStartMs - right.windowStartMs);
    if (this.#open.length > maxOpen) this.#close(this.#open.shift());
    return made;
  }

  #close(minute: Minute | undefined): void {
    if (!minute?.isNew) return;
    this.#closed.push(this.#noteOf(minute));
    if (this.#closed.length <= maxClosed) return;
    this.#closed.shift();
    this.#dropped += 1;
  }

  #noteOf({ windowStartMs, allowed, clients }: Minute): TrafficNote {
    return { partition: this.#partition, windowStartMs, allowed, clients: clients.count() };
  }
}
