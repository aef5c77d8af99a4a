import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { HeldListLimits } from './held-list.ts';
import { type Kept, readListFile, writeListFile } from './replica-file.ts';

export interface ListKeeperOptions {
  readonly path: string;
  readonly listName: string;
  readonly limits: HeldListLimits;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** What is to be kept; null: nothing is known yet. */
  readonly kept: () => Kept | null;
}

/** Keeps the last known list in a file, so that a start without the list's engine is no start without blocks. */
export class ListKeeper {
  readonly #options: ListKeeperOptions;
  #timer: Timer | null = null;
  #isChanged = false;
  #writing: Promise<void> = Promise.resolve();
  #failuresInARow = 0;
  /** When what is in the file was complete; null: there is none. */
  writtenAtMs: number | null = null;
  readonly counts = { filesWritten: 0, fileFailures: 0, filesIgnored: 0 };

  constructor(options: ListKeeperOptions) {
    this.#options = options;
  }

  /** Null where there is none, or none that is of use. Never rejects. */
  async load(): Promise<Kept | null> {
    const { path, listName, limits, clock, logger } = this.#options;
    try {
      const kept = await readListFile({ path, listName, limits, nowMs: clock.nowMs() });
      this.writtenAtMs = kept?.syncedAtMs ?? null;
      return kept;
    } catch (error) {
      this.counts.filesIgnored += 1;
      logger.warn({ err: messageOf(error), path }, 'the kept block list is of no use and is not used');
      return null;
    }
  }

  /** There is something new to keep: it is written soon. */
  changed(): void {
    this.#isChanged = true;
    const { clock, everyMs, random } = this.#options;
    // While there is no file, a process that dies leaves nothing to start from.
    const share = this.writtenAtMs === null ? 0.05 + random() / 10 : 0.5 + random();
    this.#timer ??= clock.schedule(everyMs * share, () => {
      this.#timer = null;
      void this.write();
    });
  }

  /** Writes what has changed since the last time. Never rejects. */
  write(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { kept: read, path, logger } = this.#options;
    const kept = read();
    if (!this.#isChanged || kept === null) return;
    this.#isChanged = false;
    try {
      await writeListFile(path, kept);
      this.counts.filesWritten += 1;
      this.#failuresInARow = 0;
      this.writtenAtMs = kept.syncedAtMs;
    } catch (error) {
      this.counts.fileFailures += 1;
      this.#failuresInARow += 1;
      if (this.#failuresInARow === 1) logger.warn({ err: messageOf(error), path }, 'the block list could not be kept');
      this.changed();
    }
  }
}
