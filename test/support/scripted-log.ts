import { TidegateError } from '../../src/errors.ts';
import type {
  Committed,
  EventLog,
  FrameWriter,
  LogReader,
  LogRecord,
  OutgoingFrame,
  Positions,
  RecordHandler,
} from '../../src/event/event-log.ts';
import { formatFrameHeaders } from '../../src/event/frame.ts';

/** What a process that dies leaves behind: nothing but this, thrown where it died. */
export class Death extends Error {}

const maxAnnouncements = 20;

/** A log of one partition that a test feeds to its reader batch by batch. */
export class ScriptedLog implements EventLog {
  readonly records: LogRecord[] = [];
  readonly deadLetters: OutgoingFrame[] = [];
  readonly commits: { readonly offset: number; readonly metadata: string }[] = [];
  committed: Committed = { offset: null, metadata: '' };
  heartbeats = 0;
  /** Called around each commit: throw a Death to die there. */
  onCommit: (moment: 'before' | 'after') => void = () => undefined;
  /** Throw to expel the reader. */
  onHeartbeat: () => void = () => undefined;
  topicId = 'topic-1';
  oldestOffset = 0;
  /** Where the reader was told to begin. */
  position = 0;
  /** Who is fed: the last one that was started. */
  handler: RecordHandler | null = null;

  add(...frames: readonly OutgoingFrame[]): void {
    for (const { headers, body } of frames) this.addRaw(formatFrameHeaders(headers), body);
  }

  addRaw(headers: Readonly<Record<string, string>>, body: Buffer): void {
    this.records.push({ offset: this.endOffset, appendedAtMs: 0, headers, body });
  }

  get endOffset(): number {
    return (this.records.at(-1)?.offset ?? -1) + 1;
  }

  /** Takes records out, as retention or compaction does: the others keep their offsets. */
  drop(isGone: (offset: number) => boolean): void {
    const left = this.records.filter(({ offset }) => !isGone(offset));
    this.records.splice(0, this.records.length, ...left);
  }

  /** Gives the reader [from, to); from the committed offset on if the reader has just started. */
  async deliver(from: number, to: number): Promise<void> {
    await this.handler?.handle({
      partition: 0,
      records: this.records.filter(({ offset }) => offset >= from && offset < to),
      endOffset: this.endOffset,
      commit: async (offset, metadata) => {
        this.onCommit('before');
        this.committed = { offset, metadata };
        this.commits.push({ offset, metadata });
        this.onCommit('after');
      },
      heartbeat: async () => {
        this.heartbeats += 1;
        this.onHeartbeat();
      },
    });
  }

  async writer(): Promise<FrameWriter> {
    return {
      partitions: 1,
      append: async (frames) => {
        this.deadLetters.push(...frames);
        return new Map([[0, this.deadLetters.length]]);
      },
      close: async () => undefined,
    };
  }

  async reader(): Promise<LogReader> {
    return {
      start: async (handler) => {
        this.handler = handler;
        await this.#announce(handler);
      },
      lag: async () => new Map([[0, this.records.length - (this.committed.offset ?? 0)]]),
      stop: async () => {
        this.handler = null;
      },
    };
  }

  /** As a log does: what is refused because an engine is away is announced again. */
  async #announce(handler: RecordHandler): Promise<void> {
    const { topicId, oldestOffset } = this;
    const startAt = (offset: number): void => {
      this.position = offset;
    };
    for (let tries = 0; ; tries += 1) {
      this.position = this.committed.offset ?? oldestOffset;
      try {
        const { endOffset } = this;
        return await handler.assigned(0, this.committed, { topicId, oldestOffset, endOffset, startAt });
      } catch (error) {
        if (!(error instanceof TidegateError && error.retryable) || tries === maxAnnouncements) throw error;
      }
    }
  }

  async endPositions(): Promise<Positions> {
    return new Map([[0, this.records.length]]);
  }

  async close(): Promise<void> {
    this.handler = null;
  }

  async committedOf(): Promise<ReadonlyMap<number, Committed>> {
    return new Map([[0, this.committed]]);
  }
}
