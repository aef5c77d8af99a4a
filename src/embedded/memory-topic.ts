import { randomUUID } from 'node:crypto';
import type { Committed, LogRecord, OutgoingFrame, Positions } from '../event/event-log.ts';
import { formatFrameHeaders } from '../event/frame.ts';
import type { MemoryGroup } from './memory-group.ts';

interface Partition {
  /** Offset of `records[0]`, or of the next record when there is none. */
  firstOffset: number;
  records: LogRecord[];
  bytes: number;
}

/** One topic: what is retained of its partitions, and the groups that read it. */
export class MemoryTopic {
  /** Each process begins at offset 0: what is stored of an earlier one's topic has nothing to do with this. */
  readonly id = randomUUID();
  readonly groups = new Map<string, MemoryGroup>();
  readonly #partitions: Partition[];

  constructor(partitions: number) {
    this.#partitions = Array.from({ length: partitions }, () => ({ firstOffset: 0, records: [], bytes: 0 }));
  }

  get partitions(): number {
    return this.#partitions.length;
  }

  get bytes(): number {
    return this.#partitions.reduce((sum, partition) => sum + partition.bytes, 0);
  }

  get records(): number {
    return this.#partitions.reduce((sum, partition) => sum + partition.records.length, 0);
  }

  oldestOffset(partition: number): number {
    return this.#at(partition).firstOffset;
  }

  endOffset(partition: number): number {
    const { firstOffset, records } = this.#at(partition);
    return firstOffset + records.length;
  }

  append(frames: readonly OutgoingFrame[], appendedAtMs: number): Positions {
    const positions = new Map<number, number>();
    for (const { partition, headers, body } of frames) {
      const target = this.#at(partition);
      const offset = this.endOffset(partition);
      // Copied: the writer may reuse its buffer, and a broker would not notice.
      target.records.push({ offset, appendedAtMs, headers: formatFrameHeaders(headers), body: Buffer.from(body) });
      target.bytes += body.length;
      positions.set(partition, offset + 1);
    }
    for (const partition of positions.keys()) {
      for (const group of this.groups.values()) group.wake(partition);
    }
    return positions;
  }

  /** Up to `maxRecords` and about `maxBytes` (at least one record) from `position` on. */
  read(partition: number, position: number, bounds: { maxRecords: number; maxBytes: number }): readonly LogRecord[] {
    const { firstOffset, records } = this.#at(partition);
    const start = Math.max(0, position - firstOffset);
    let end = start;
    let bytes = 0;
    while (end < records.length && end - start < bounds.maxRecords && (end === start || bytes < bounds.maxBytes)) {
      bytes += records[end]?.body.length ?? 0;
      end += 1;
    }
    return records.slice(start, end);
  }

  /** Lets go what every group has committed. */
  trim(partition: number): void {
    const committed = [...this.groups.values()].map((group) => group.committed(partition));
    const needed = Math.min(...committed.map(({ offset }: Committed) => offset ?? 0));
    this.#dropBelow(this.#at(partition), needed);
  }

  /** Lets go the oldest records of the fullest partitions until `bytes` fits; returns how many that were. */
  shrinkTo(maxBytes: number): number {
    let dropped = 0;
    while (this.bytes > maxBytes) {
      const fullest = this.#partitions.reduce((most, other) => (other.bytes > most.bytes ? other : most));
      this.#dropBelow(fullest, fullest.firstOffset + 1);
      dropped += 1;
    }
    return dropped;
  }

  #dropBelow(partition: Partition, offset: number): void {
    const gone = partition.records.splice(0, Math.max(0, offset - partition.firstOffset));
    partition.firstOffset += gone.length;
    partition.bytes -= gone.reduce((sum, record) => sum + record.body.length, 0);
  }

  #at(partition: number): Partition {
    const found = this.#partitions[partition];
    if (!found) throw new RangeError(`there is no partition ${partition}`);
    return found;
  }
}
