import { type Clock, systemClock, type Timer } from '../clock.ts';
import type { BlockEntry, BlockFeed, Refusals } from './block-feed.ts';

/** Blocks told apart between two tellings; what others refused meanwhile is not told. */
const maxBlocks = 10_000;
const perCall = 1000;

type Sum = { -readonly [key in keyof Refusals]: Refusals[key] };

export interface RefusalTallyOptions {
  readonly feed: Pick<BlockFeed, 'noteRefusals'>;
  readonly clock?: Clock;
  readonly random: () => number;
  readonly everyMs: number;
  /** Is told of the first of several failures. */
  readonly onFailure: (error: unknown) => void;
}

/** What was refused since the list was last told, by block: told from time to time, and kept while that fails. */
export class RefusalTally {
  readonly #options: RefusalTallyOptions;
  readonly #clock: Clock;
  #sums = new Map<string, Sum>();
  #timer: Timer | null = null;
  #telling: Promise<void> = Promise.resolve();
  #failuresInARow = 0;
  /** Refusals that nobody is told of, for lack of room; attempts to tell that failed. */
  dropped = 0;
  failures = 0;

  constructor(options: RefusalTallyOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  add({ blockId }: BlockEntry, { commands, bytes }: Pick<Refusals, 'commands' | 'bytes'>, nowMs: number): void {
    const sum = this.#sums.get(blockId);
    if (sum !== undefined) {
      sum.refused += 1;
      sum.commands += commands;
      sum.bytes += bytes;
      sum.lastAtMs = Math.max(sum.lastAtMs, nowMs);
    } else if (this.#sums.size < maxBlocks) {
      this.#sums.set(blockId, { blockId, refused: 1, commands, bytes, lastAtMs: nowMs });
    } else this.dropped += 1;
  }

  start(): void {
    const { random, everyMs } = this.#options;
    this.#timer ??= this.#clock.schedule(everyMs * (0.5 + random()), () => {
      this.#timer = null;
      this.start();
      void this.tell();
    });
  }

  /** Tells what is left. Never rejects. */
  stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    return this.tell();
  }

  /** Tells everything so far. What cannot be told is kept for the next time. Never rejects. */
  tell(): Promise<void> {
    this.#telling = this.#telling.then(() => this.#tellAll());
    return this.#telling;
  }

  async #tellAll(): Promise<void> {
    const all = [...this.#sums.values()];
    this.#sums = new Map();
    for (let from = 0; from < all.length; from += perCall) {
      try {
        await this.#options.feed.noteRefusals(all.slice(from, from + perCall));
        this.#failuresInARow = 0;
      } catch (error) {
        this.failures += 1;
        this.#failuresInARow += 1;
        if (this.#failuresInARow === 1) this.#options.onFailure(error);
        for (const sum of all.slice(from)) this.#putBack(sum);
        return;
      }
    }
  }

  #putBack(sum: Sum): void {
    const newer = this.#sums.get(sum.blockId);
    if (newer === undefined && this.#sums.size >= maxBlocks) this.dropped += sum.refused;
    else if (newer === undefined) this.#sums.set(sum.blockId, sum);
    else {
      newer.refused += sum.refused;
      newer.commands += sum.commands;
      newer.bytes += sum.bytes;
    }
  }
}
