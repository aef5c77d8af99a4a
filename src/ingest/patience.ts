import type { Clock } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface PatienceOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onRetry: () => void;
  /** Called with 1 when something begins to wait for an engine, with -1 when it waits no longer. */
  readonly onWait?: (change: 1 | -1) => void;
}

/** Tells the group that its member lives; rejects when it was expelled. */
export type Heartbeat = () => Promise<void>;

const firstPauseMs = 200;
const lastPauseMs = 3_000;
const heartbeatMs = 3_000;
/**
 * An engine that is away for longer: the records are given back to the log, which pauses their partition alone and brings
 * them again. Until then they would hold memory, and whatever else the reader has to do.
 */
const giveBackAfterMs = 10_000;

/** Waits a while for engines that are away, without losing the partition meanwhile, until it is told to stop. */
export class Patience {
  readonly #options: PatienceOptions;
  #stop: () => void = () => undefined;
  #isStopped = false;
  readonly #stopped = new Promise<void>((resolve) => {
    this.#stop = resolve;
  });

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Ends every wait: what is under way is left for the next owner. */
  stop(): void {
    this.#isStopped = true;
    this.#stop();
  }

  /**
   * Repeats until it succeeds, for about ten seconds. FRAME_CORRUPT is passed on at once, because no retry helps. `again` replaces the task after
   * the first failure, when what it did is no longer known.
   */
  async until<T>(heartbeat: Heartbeat, task: () => Promise<T>, again: () => Promise<T> = task): Promise<T> {
    let waits = false;
    const startUs = this.#options.clock.monotonicUs();
    try {
      for (let pauseMs = firstPauseMs, next = task; ; pauseMs = Math.min(pauseMs * 2, lastPauseMs), next = again) {
        try {
          return await this.#alive(heartbeat, next());
        } catch (error) {
          if (this.#isStopped || !(error instanceof TidegateError) || error.code === 'FRAME_CORRUPT') throw error;
          if (!waits) this.#options.onWait?.(1);
          waits = true;
          this.#options.onRetry();
          if (this.#options.clock.monotonicUs() - startUs > giveBackAfterMs * 1_000) throw error;
          this.#options.logger.warn({ err: messageOf(error), code: error.code, retryAfterMs: pauseMs }, 'ingest waits');
          await this.pause(heartbeat, pauseMs);
        }
      }
    } finally {
      if (waits) this.#options.onWait?.(-1);
    }
  }

  /** Waits with a heartbeat. Rejects when it is told to stop. */
  async pause(heartbeat: Heartbeat, durationMs: number): Promise<void> {
    await this.rest(heartbeat, durationMs);
    if (this.#isStopped) throw new TidegateError('TABLE_FAILED', 'Stopped while it waited', { retryable: true });
  }

  /** Waits with a heartbeat, or until it is told to stop. */
  async rest(heartbeat: Heartbeat, durationMs: number): Promise<void> {
    for (let leftMs = durationMs; leftMs > 0 && !this.#isStopped; leftMs -= heartbeatMs) {
      await Promise.race([this.#options.clock.sleep(Math.min(leftMs, heartbeatMs)), this.#stopped]);
      await heartbeat();
    }
  }

  /** A slow answer must not cost the partition; an expelled member finds out at its next commit. */
  async #alive<T>(heartbeat: Heartbeat, work: Promise<T>): Promise<T> {
    const { clock, logger } = this.#options;
    const beat = (): void => {
      timer = clock.schedule(heartbeatMs, beat);
      heartbeat().catch((error: unknown) => logger.debug({ err: messageOf(error) }, 'heartbeat failed'));
    };
    let timer = clock.schedule(heartbeatMs, beat);
    try {
      return await work;
    } finally {
      timer.cancel();
    }
  }
}
