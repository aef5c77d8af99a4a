import type { DecisionEvent } from '../../src/event/decision-event.ts';
import { type OutgoingFrame, topics } from '../../src/event/event-log.ts';
import type { EmitterSpan, EventTable, StoredBlock } from '../../src/ingest/event-table.ts';
import { FrameSource } from './decision-frames.ts';

type Facts = Partial<DecisionEvent>;

/** One partition as ingest leaves it: blocks of one emitter, each with its line in the ledger, one record a block. */
export class AuditedPartition {
  readonly number: number;
  readonly emitter: string;
  /** Just behind the last block. */
  offset = 0;
  total = 0;
  readonly #table: EventTable;
  readonly #source: FrameSource;

  constructor(table: EventTable, partition: number, emitter = `emitter-${partition}`) {
    this.#table = table;
    this.number = partition;
    this.emitter = emitter;
    this.#source = new FrameSource({ emitter, partition });
  }

  /** The next frame, not stored. */
  frame(...events: readonly Facts[]): OutgoingFrame {
    const frame = this.#source.frame(...events);
    this.total += frame.headers.total;
    return { ...frame, headers: { ...frame.headers, total: this.total } };
  }

  insert({ headers, body }: OutgoingFrame, token = `${this.emitter}:${headers.firstSeq}`): Promise<void> {
    const run = { emitter: headers.emitter, firstSeq: headers.firstSeq, rows: headers.rows, body };
    return this.#table.insert([run], token);
  }

  /** The line of a frame, with what is said otherwise. */
  account(
    { headers }: OutgoingFrame,
    more: Partial<StoredBlock> & { span?: Partial<EmitterSpan> } = {},
  ): Promise<void> {
    const { span, ...block } = more;
    const startOffset = this.offset;
    this.offset += 1;
    return this.#table.keepAccount({
      topic: topics.decisions,
      topicId: 'topic-1',
      partition: this.number,
      startOffset,
      endOffset: this.offset,
      rows: headers.rows,
      crc32: headers.crc32,
      minTimeMs: headers.minTimeMs,
      maxTimeMs: headers.maxTimeMs,
      emitters: [
        {
          emitter: headers.emitter,
          firstSeq: headers.firstSeq,
          lastSeq: headers.firstSeq + headers.rows - 1,
          rows: headers.rows,
          missingRows: 0,
          total: headers.total,
          ended: headers.last,
          ...span,
        },
      ],
      doubledRows: 0,
      deadLetters: 0,
      lostRecords: 0,
      settled: false,
      ...block,
    });
  }

  /** Stores the next block and its line. */
  async store(...events: readonly Facts[]): Promise<OutgoingFrame> {
    const frame = this.frame(...events);
    await this.insert(frame);
    await this.account(frame);
    return frame;
  }
}
