import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlockFeed, SnapshotPage } from '../blocklist/block-feed.ts';
import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import type { ListWriter } from './list-formats.ts';
import { RequestFailure } from './problem.ts';

/** Entries written between two turns of the event loop: a millisecond or two. */
const entriesPerTurn = 1000;
const longestMs = 120_000;
export const mostSnapshots = 4;

async function* pieces(feed: BlockFeed, first: SnapshotPage, writer: ListWriter): AsyncGenerator<string> {
  yield writer.begin(first);
  for (let page = first; ; ) {
    for (let at = 0; at < page.entries.length; at += entriesPerTurn) {
      const text = writer.entries(page.entries.slice(at, at + entriesPerTurn));
      if (text !== '') yield text;
      await nextTurn();
    }
    if (page.nextPage === null) break;
    page = await feed.snapshot(page.nextPage);
    // Half of one list and half of another is none: the answer breaks off, and whoever asked sees that it did.
    if (page.epoch !== first.epoch) {
      throw new TidegateError('STORE_FAILED', 'the block list was replaced while it was read', { retryable: true });
    }
  }
  yield writer.end();
}

/**
 * Snapshots on their way to those who asked: at most {@link mostSnapshots} at once, each for at most two minutes, none of them
 * ever whole in memory. A reader that is slow makes only itself wait.
 */
export class Snapshots {
  readonly #feed: BlockFeed;
  readonly #clock: Clock;
  #open = 0;

  constructor(feed: BlockFeed, clock: Clock) {
    this.#feed = feed;
    this.#clock = clock;
  }

  /** The first page, and the stream of the whole. Throws `unavailable` when too many are on their way. */
  async open(writer: ListWriter): Promise<{ readonly first: SnapshotPage; readonly stream: Readable }> {
    if (this.#open >= mostSnapshots) {
      throw new RequestFailure(
        'unavailable',
        `${mostSnapshots} snapshots are being read already: come back in a second.`,
      );
    }
    this.#open += 1;
    try {
      const first = await this.#feed.snapshot();
      return { first, stream: this.#guarded(Readable.from(pieces(this.#feed, first, writer), { highWaterMark: 2 })) };
    } catch (error) {
      this.#open -= 1;
      throw error;
    }
  }

  #guarded(stream: Readable): Readable {
    const timer = this.#clock.schedule(longestMs, () =>
      stream.destroy(new Error('the snapshot took too long to read')),
    );
    stream.once('close', () => {
      timer.cancel();
      this.#open -= 1;
    });
    return stream;
  }
}
