import type { BlockFeed, Cursor } from '../blocklist/block-feed.ts';
import type { Clock, Timer } from '../clock.ts';
import { type Logger, silentLogger } from '../logger.ts';

const lookEveryMs = 200;
/** Beyond so many nobody waits any longer: they are told at once that nothing is new. */
const mostWaiters = 1000;

export interface Waiting {
  /** Something is behind the cursor, the time is over, or nobody can tell. */
  readonly done: Promise<void>;
  cancel(): void;
}

const notWaiting: Waiting = { done: Promise.resolve(), cancel: () => undefined };

export interface ListWatchOptions {
  readonly feed: Pick<BlockFeed, 'changesAfter'>;
  readonly clock: Clock;
  readonly logger?: Logger;
}

/** Lets any number of callers wait for the next change of the list at the price of one that looks. */
export class ListWatch {
  readonly #feed: Pick<BlockFeed, 'changesAfter'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waiting = new Set<() => void>();
  #position: Cursor | null = null;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor({ feed, clock, logger = silentLogger }: ListWatchOptions) {
    this.#feed = feed;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** `cursor`: the list was there a moment ago, with nothing behind it. */
  wait(cursor: Cursor, waitMs: number): Waiting {
    if (this.#isStopped || this.#waiting.size >= mostWaiters || this.#isPast(cursor)) return notWaiting;
    this.#position ??= cursor;
    let wake: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const end = (): void => {
      timer.cancel();
      this.#waiting.delete(end);
      if (this.#waiting.size === 0) this.#rest();
      wake();
    };
    const timer = this.#clock.schedule(waitMs, end);
    this.#waiting.add(end);
    this.#timer ??= this.#clock.schedule(lookEveryMs, () => void this.#look());
    return { done, cancel: end };
  }

  /** Everybody is let go: nothing holds up the end of the process. */
  stop(): void {
    this.#isStopped = true;
    this.#wakeAll();
  }

  /** Whether the watch has seen something behind the cursor already. */
  #isPast({ epoch, sequence }: Cursor): boolean {
    const known = this.#position;
    return known !== null && (known.epoch !== epoch || known.sequence > sequence);
  }

  async #look(): Promise<void> {
    const position = this.#position;
    if (position === null) return;
    try {
      const answer = await this.#feed.changesAfter(position, 1);
      if (answer.kind === 'gap' || answer.changes.length > 0) return this.#wakeAll();
    } catch (error) {
      // Whoever waits asks for itself and is told.
      this.#logger.debug({ err: error }, 'the block list cannot be watched');
      return this.#wakeAll();
    }
    this.#timer = this.#waiting.size > 0 ? this.#clock.schedule(lookEveryMs, () => void this.#look()) : null;
  }

  #wakeAll(): void {
    for (const end of [...this.#waiting]) end();
    this.#rest();
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#position = null;
  }
}
