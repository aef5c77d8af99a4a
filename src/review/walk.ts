import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { type BatchFailure, beatEveryMs, nothingTallied, type Tally, withFailure } from './batches.ts';

/** What became of one block: done, left as it is because it is not concerned, or why it failed. */
export type StepOutcome = 'done' | 'skipped' | BatchFailure;

export interface WalkOptions {
  readonly blockIds: readonly string[];
  readonly step: (blockId: string) => Promise<StepOutcome>;
  /** Keeps how far it has come. False: somebody else has the batch in hand, and the walk ends. */
  readonly save: (tally: Tally) => Promise<boolean>;
  readonly isStopped: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The store does one step after the other, and each takes it about a millisecond: with four its answers overlap, and a gate that
 * asks meanwhile waits behind four. More are no faster.
 */
const atOnce = 4;
const saveEvery = 100;
/** A process that was stopped for so long asks first whether the batch is still its own. Sooner than others take it. */
const longPauseMs = 3 * beatEveryMs;

/**
 * Goes over the blocks of a batch, some at a time, and keeps how far it has come: every hundred blocks and every few
 * seconds. One that fails does not stop the rest. False: it did not come to its end.
 */
export const walk = async (options: WalkOptions): Promise<{ readonly tally: Tally; readonly isWhole: boolean }> => {
  const { blockIds, step, save, isStopped, clock, logger } = options;
  let tally = nothingTallied;
  let isLost = false;
  let handled = 0;
  let keptAtMs = clock.nowMs();
  let saving: Promise<void> = Promise.resolve();
  const keep = (): Promise<void> => {
    saving = saving.then(async () => {
      if (isLost) return;
      try {
        keptAtMs = clock.nowMs();
        isLost = !(await save(tally));
      } catch (error) {
        // Nobody would see how far it comes: what is done stays, and can be undone.
        isLost = true;
        logger.warn({ err: error }, 'a bulk change stops: its progress cannot be kept');
      }
    });
    return saving;
  };

  const rest = blockIds.values();
  const worker = async (): Promise<void> => {
    for (const blockId of rest) {
      if (clock.nowMs() - keptAtMs > longPauseMs) await keep();
      if (isLost || isStopped()) return;
      const outcome = await step(blockId);
      if (outcome === 'done') tally = { ...tally, done: tally.done + 1 };
      else if (outcome !== 'skipped') tally = withFailure(tally, outcome);
      handled += 1;
      if (handled % saveEvery === 0) await keep();
    }
  };
  const beat = beating(clock, keep);
  try {
    await Promise.all(Array.from({ length: atOnce }, worker));
  } finally {
    beat.cancel();
  }
  await saving;
  return { tally, isWhole: !isLost && handled === blockIds.length };
};

const beating = (clock: Clock, keep: () => Promise<void>): Timer => {
  let timer: Timer;
  const arm = (): void => {
    timer = clock.schedule(beatEveryMs, () => {
      arm();
      void keep();
    });
  };
  arm();
  return { cancel: () => timer.cancel() };
};
