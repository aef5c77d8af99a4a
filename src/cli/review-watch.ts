import type { BlockList } from '../blocklist/block-list.ts';
import type { BlockFilter } from '../blocklist/block-review.ts';
import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { ReviewQueueSource } from '../metrics/observed.ts';

export interface ReviewWatchOptions {
  readonly blockList: Pick<BlockList, 'list' | 'count'>;
  /** Whether this process is the one of all that asks. */
  readonly isMine: () => Promise<boolean>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const everyMs = 20_000;
/** More are told as so many. */
const mostCounted = 1_000;
/** A page that looks at a bounded number of blocks may hold none of those meant. */
const maxPages = 2;

/** What a detector concluded, is open, and nobody has judged. */
const unreviewed: BlockFilter = { states: ['proposed', 'active'], origins: ['detector'], isUnjudged: true };

/** Asks the block list a few times a minute how many blocks wait for a person, and since when. */
export class ReviewWatch implements ReviewQueueSource {
  readonly #options: ReviewWatchOptions;
  #known: { readonly waiting: number; readonly oldestAtMs: number | null } | null = null;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(options: ReviewWatchOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  stats(): ReturnType<ReviewQueueSource['stats']> {
    if (this.#known === null) return { waiting: null, oldestWaitMs: null };
    const { waiting, oldestAtMs } = this.#known;
    const oldestWaitMs = oldestAtMs === null ? null : Math.max(0, this.#options.clock.nowMs() - oldestAtMs);
    return { waiting, oldestWaitMs: waiting === 0 ? 0 : oldestWaitMs };
  }

  async #look(): Promise<void> {
    const { blockList, isMine, clock, logger } = this.#options;
    try {
      if (await isMine()) {
        const [{ count }, oldestAtMs] = await Promise.all([blockList.count(unreviewed, mostCounted), this.#oldest()]);
        this.#known = { waiting: count, oldestAtMs };
      } else this.#known = null;
    } catch (error) {
      // A number that is not known any more must not look like one that is.
      this.#known = null;
      logger.debug({ err: messageOf(error) }, 'how many blocks wait for a review could not be asked');
    }
    if (!this.#isStopped) this.#timer = clock.schedule(everyMs, () => void this.#look());
  }

  async #oldest(): Promise<number | null> {
    let cursor: string | null = null;
    for (let page = 0; page < maxPages; page += 1) {
      const asked = { ...unreviewed, sort: 'oldest', limit: 1, ...(cursor === null ? {} : { cursor }) } as const;
      const { blocks, nextCursor } = await this.#options.blockList.list(asked);
      if (blocks[0]) return blocks[0].blockedAtMs;
      if (nextCursor === null) return null;
      cursor = nextCursor;
    }
    return null;
  }
}
