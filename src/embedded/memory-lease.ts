import { messageOf, TidegateError } from '../errors.ts';
import {
  type LogRecord,
  maxMetadataBytes,
  type PartitionState,
  type RecordBatch,
  type RecordHandler,
} from '../event/event-log.ts';
import type { MemoryGroup } from './memory-group.ts';

/** About what one fetch from a broker brings. */
const batchBounds = { maxRecords: 500, maxBytes: 1024 * 1024 };

export interface LeaseTerms {
  readonly partition: number;
  readonly handler: RecordHandler;
  /** Who held the partition before: its last handler ends before this one's first call. */
  readonly after: MemoryLease | null;
}

/** One reader's hold on one partition, from its assignment to its revocation, and the loop that feeds its handler. */
export class MemoryLease {
  readonly handler: RecordHandler;
  /** Resolves when the handler has been told that it owns the partition (it may have refused), or will never be. */
  readonly ready: Promise<void>;
  /** Resolves when the handler will not be called again. */
  readonly ended: Promise<void>;
  position = 0;
  readonly #group: MemoryGroup;
  readonly partition: number;
  #state: 'open' | 'closing' | 'ended' = 'open';
  #isReady: () => void = () => undefined;
  #wake: () => void = () => undefined;
  #interruptPause: () => void = () => undefined;

  constructor(group: MemoryGroup, { partition, handler, after }: LeaseTerms) {
    this.#group = group;
    this.partition = partition;
    this.handler = handler;
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    this.ended = this.#run(after);
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Records behind the end of the partition. */
  get lag(): number {
    return this.#group.options.topic.endOffset(this.partition) - this.position;
  }

  /** New records are there. */
  wake(): void {
    this.#wake();
  }

  /** Ends the loop after the call that runs now. */
  close(): void {
    if (this.#state === 'open') this.#state = 'closing';
    this.#wake();
    this.#interruptPause();
  }

  async #run(after: MemoryLease | null): Promise<void> {
    await after?.ended;
    const isAssigned = await this.#assign();
    this.#isReady();
    while (this.isOpen) await this.#step();
    this.#state = 'ended';
    if (!isAssigned) return;
    try {
      this.handler.revoked(this.partition);
    } catch (error) {
      this.#logFailure('revoked', error);
    }
  }

  async #assign(): Promise<boolean> {
    while (this.isOpen) {
      const committed = this.#group.committed(this.partition);
      this.position = committed.offset ?? 0;
      try {
        await this.handler.assigned(this.partition, committed, this.#stateOfPartition());
        return true;
      } catch (error) {
        this.#logFailure('assigned', error);
        this.#isReady();
        await this.#pause();
      }
    }
    return false;
  }

  #stateOfPartition(): PartitionState {
    const { topic } = this.#group.options;
    return {
      topicId: topic.id,
      oldestOffset: topic.oldestOffset(this.partition),
      endOffset: topic.endOffset(this.partition),
      startAt: (offset) => {
        this.position = offset;
      },
    };
  }

  async #step(): Promise<void> {
    const records = this.#group.options.topic.read(this.partition, this.position, batchBounds);
    const last = records.at(-1);
    if (!last) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      return;
    }
    try {
      await this.handler.handle(this.#batchOf(records));
      this.position = last.offset + 1;
    } catch (error) {
      this.#logFailure('handle', error);
      await this.#pause();
    }
  }

  #batchOf(records: readonly LogRecord[]): RecordBatch {
    return {
      partition: this.partition,
      records,
      endOffset: this.#group.options.topic.endOffset(this.partition),
      commit: async (offset, metadata) => {
        this.#mustHold();
        if (Buffer.byteLength(metadata) > maxMetadataBytes) {
          throw new TidegateError('LOG_FAILED', `commit metadata is longer than ${maxMetadataBytes} bytes`);
        }
        this.#group.commit(this.partition, { offset, metadata });
      },
      heartbeat: async () => this.#mustHold(),
    };
  }

  #mustHold(): void {
    if (this.#state !== 'ended') return;
    throw new TidegateError('LOG_FAILED', `this reader no longer owns partition ${this.partition}`);
  }

  async #pause(): Promise<void> {
    if (!this.isOpen) return;
    const { clock, retryPauseMs } = this.#group.options;
    await new Promise<void>((resolve) => {
      const timer = clock.schedule(retryPauseMs, resolve);
      this.#interruptPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #logFailure(call: string, error: unknown): void {
    const { logger, name } = this.#group.options;
    const fields = { group: name, partition: this.partition, position: this.position, cause: messageOf(error) };
    logger.error(fields, `event log handler failed in ${call}; the same comes again after a pause`);
  }
}
