import { eventVersion } from './decision-event.ts';
import { maxFrameBytes, type OutgoingFrame } from './event-log.ts';
import { crc32Hex } from './frame.ts';
import { LineWriter } from './line-writer.ts';
import { partitionOf } from './partition.ts';
import type { MergedRow } from './row-index.ts';

const maxFrameRows = 500;
/** Rows written at one go: about half a millisecond, which a decision may have to wait. */
const rowsPerStretch = 512;

/** What a frame that is being filled comes to so far. */
interface Filling {
  rows: number;
  deniedRows: number;
  decisions: number;
  minTimeMs: number;
  maxTimeMs: number;
}

const empty = (): Filling => ({
  rows: 0,
  deniedRows: 0,
  decisions: 0,
  minTimeMs: Number.POSITIVE_INFINITY,
  maxTimeMs: Number.NEGATIVE_INFINITY,
});

const take = (filling: Filling, row: MergedRow): void => {
  const { timeMs, count, kind } = row;
  filling.rows += 1;
  filling.decisions += count;
  if (kind.outcome === 'denied') filling.deniedRows += 1;
  if (timeMs < filling.minTimeMs) filling.minTimeMs = timeMs;
  if (timeMs > filling.maxTimeMs) filling.maxTimeMs = timeMs;
};

/** One partition: its frames so far, and the one that is being filled. */
class PartitionFrames {
  readonly #emitter: string;
  readonly #partition: number;
  readonly #lines: LineWriter;
  #nextSeq = 1;
  #total = 0;
  #filling = empty();

  constructor({ emitterId, region }: FrameBuilderOptions, partition: number) {
    this.#emitter = emitterId;
    this.#partition = partition;
    this.#lines = new LineWriter({ emitterId, region, partition });
  }

  /** Returns the frame that the row finds full: one that is too large for the log would be refused for good. */
  add(row: MergedRow): OutgoingFrame | null {
    const { length } = this.#lines;
    const { rows } = this.#filling;
    this.#lines.write(row, this.#nextSeq + rows);
    const full = rows === maxFrameRows || (rows > 0 && this.#lines.length > maxFrameBytes);
    const frame = full ? this.#frame(this.#lines.cut(length), false) : null;
    take(this.#filling, row);
    return frame;
  }

  /** What is left, if anything. */
  rest(): OutgoingFrame | null {
    return this.#filling.rows > 0 ? this.#frame(this.#lines.cut(this.#lines.length), false) : null;
  }

  last(timeMs: number): OutgoingFrame {
    this.#filling = { ...empty(), minTimeMs: timeMs, maxTimeMs: timeMs };
    return this.#frame(Buffer.alloc(0), true);
  }

  #frame(body: Buffer, last: boolean): OutgoingFrame {
    const { rows, deniedRows, decisions, minTimeMs, maxTimeMs } = this.#filling;
    const firstSeq = this.#nextSeq;
    this.#nextSeq += rows;
    this.#total += decisions;
    this.#filling = empty();
    return {
      partition: this.#partition,
      body,
      headers: {
        v: eventVersion,
        emitter: this.#emitter,
        firstSeq,
        rows,
        deniedRows,
        total: this.#total,
        minTimeMs,
        maxTimeMs,
        crc32: crc32Hex([body]),
        last,
      },
    };
  }
}

export interface FrameBuilderOptions {
  readonly emitterId: string;
  readonly region: string;
  readonly partitions: number;
}

/** Numbers rows and makes frames of them. The numbers belong to the frames: a frame that fails is sent again as it is. */
export class FrameBuilder {
  readonly #options: FrameBuilderOptions;
  readonly #partitions = new Map<number, PartitionFrames>();

  constructor(options: FrameBuilderOptions) {
    this.#options = options;
  }

  /**
   * Frame by frame, each made when it is asked for; all of them have to be. Null: no frame is full yet, but others have
   * waited long enough. One call at a time. As few frames as rows and bytes allow.
   */
  *build(rows: readonly MergedRow[]): Generator<OutgoingFrame | null, void, undefined> {
    // In the order in which rows lie in memory, not partition by partition.
    let written = 0;
    for (const row of rows) {
      const frame = this.#framesOf(row).add(row);
      if (frame) yield frame;
      written += 1;
      if (written % rowsPerStretch === 0) yield null;
    }
    for (const frames of this.#partitions.values()) {
      const frame = frames.rest();
      if (frame) yield frame;
    }
  }

  /** One closing frame for every partition that was written to. */
  buildLast(timeMs: number): OutgoingFrame[] {
    return [...this.#partitions.values()].map((frames) => frames.last(timeMs));
  }

  #framesOf({ client: id, clientKind: kind }: MergedRow): PartitionFrames {
    const partition = partitionOf({ kind, id }, this.#options.partitions);
    let frames = this.#partitions.get(partition);
    if (!frames) {
      frames = new PartitionFrames(this.#options, partition);
      this.#partitions.set(partition, frames);
    }
    return frames;
  }
}
