import type { ChangeLog } from '../blocklist/change-log.ts';
import type { Clock } from '../clock.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { noticeOfChange } from './notice.ts';
import type { Outbox } from './outbox.ts';

export interface ChangeWatchOptions {
  readonly changes: Pick<ChangeLog, 'loggedAfter'>;
  readonly outbox: Pick<Outbox, 'put' | 'cursor' | 'markCursor'>;
  readonly clock: Clock;
  readonly logger?: Logger;
}

const maxChanges = 500;
/** Nobody is told of what happened before anybody asked to be told, beyond what clocks may differ. */
const skewMs = 60_000;

/**
 * Looks through the change log of the block list for what people want to be told of, whichever process made it. Its place is
 * kept in the outbox: a notice is put again when that could not be noted, and known there already.
 */
export class ChangeWatch {
  readonly #options: ChangeWatchOptions;
  readonly #logger: Logger;
  /** Until the place is noted for the first time, only what happens from now on is told. */
  #fromMs: number | null = null;

  constructor(options: ChangeWatchOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  /** Looks at what is new. Rejects as list and outbox do. */
  async look(): Promise<void> {
    while (await this.#turn());
  }

  /** Whether there may be more. */
  async #turn(): Promise<boolean> {
    const { changes, outbox, clock } = this.#options;
    const cursor = await outbox.cursor();
    if (cursor === null) this.#fromMs ??= clock.nowMs() - skewMs;
    const read = await changes.loggedAfter(cursor, maxChanges);
    if (read.kind === 'gap') {
      this.#logger.warn({ lost: read.lost }, 'changes of blocks were gone before anybody could be told of them');
      await outbox.markCursor(read.cursor);
      return true;
    }
    const fromMs = this.#fromMs ?? 0;
    const notices = read.changes
      .filter(({ timeMs }) => timeMs >= fromMs)
      .map(noticeOfChange)
      .filter((notice) => notice !== null);
    await outbox.put(notices);
    if (read.changes.length > 0 || cursor === null) await outbox.markCursor(read.cursor);
    return read.changes.length === maxChanges;
  }
}
