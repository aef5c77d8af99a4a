import { ManualClock } from '../../../src/clock.ts';
import { createEmitter } from '../../../src/event/emitter.ts';
import type { FrameWriter, OutgoingFrame } from '../../../src/event/event-log.ts';
import { sequence, skewedRequests } from './mix.ts';
import { variedRecordOf } from './records.ts';

/** Of all benches that need a time of their own. */
export const firstMs = Date.UTC(2026, 0, 5);

export const partitions = 12;

export interface FramesOptions {
  readonly emitterId: string;
  /** How many decisions become how many rows: decisions between two flushes, a quarter of a second apart. */
  readonly perFlush: number;
  /** At least so many rows. */
  readonly rows: number;
  /** Default {@link firstMs}. */
  readonly fromMs?: number;
}

export interface MadeFrames {
  readonly frames: readonly OutgoingFrame[];
  readonly rows: number;
  readonly decisions: number;
}

const flushMs = 250;

/** What an emitter makes of the skewed mix, in a time that passes as fast as it is read. */
export const makeFrames = async ({
  emitterId,
  perFlush,
  rows: enough,
  fromMs = firstMs,
}: FramesOptions): Promise<MadeFrames> => {
  const frames: OutgoingFrame[] = [];
  const writer: FrameWriter = {
    partitions,
    append: async (sent) => {
      frames.push(...sent);
      return new Map();
    },
    close: () => Promise.resolve(),
  };
  const clock = new ManualClock(fromMs);
  const emitter = createEmitter({ writer, clock, emitterId, region: 'local', maxRows: 4 * perFlush });
  const requests = skewedRequests();
  const next = sequence(0x1f123bb5);
  let decisions = 0;
  while (emitter.stats().rows < enough) {
    for (const end = decisions + perFlush; decisions < end; decisions += 1) {
      const request = requests[decisions & (requests.length - 1)];
      if (request) emitter.record(variedRecordOf(request, clock.nowMs(), next));
    }
    await emitter.flush();
    clock.advance(flushMs);
  }
  const { rows } = emitter.stats();
  await emitter.close();
  return { frames, rows, decisions };
};
