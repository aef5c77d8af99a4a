import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import {
  type Committed,
  type EventLog,
  type FrameWriter,
  type LogReader,
  maxFrameBytes,
  type OutgoingFrame,
  type Positions,
  type RecordHandler,
  type TopicOptions,
} from '../event/event-log.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { MemoryGroup } from './memory-group.ts';
import { MemoryTopic } from './memory-topic.ts';

export interface MemoryEventLogOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Per topic, >= 1. Default 12. */
  readonly partitions?: number;
  /** Frame bodies kept per topic. Beyond it the oldest go, read or not, and are counted. Default 256 MiB. */
  readonly maxBytes?: number;
  /** Between a handler's rejection and the next try, milliseconds. Default 1,000. */
  readonly retryPauseMs?: number;
}

export interface MemoryEventLogStats {
  readonly records: number;
  readonly bytes: number;
  /** Records that went for lack of room, whether or not every group had read them. */
  readonly droppedRecords: number;
}

/**
 * The event log in this process: `memory:`. Records go once every group that has opened a reader has committed them, so
 * open all readers before the first one commits. A topic without readers keeps what fits.
 */
export class MemoryEventLog implements EventLog {
  readonly #options: Required<MemoryEventLogOptions>;
  readonly #topics = new Map<string, MemoryTopic>();
  readonly #readers = new Set<LogReader>();
  #droppedRecords = 0;
  #isClosed = false;

  constructor(options: MemoryEventLogOptions) {
    const defaults = { logger: silentLogger, partitions: 12, maxBytes: 256 * 1024 * 1024, retryPauseMs: 1_000 };
    this.#options = { ...defaults, ...options };
  }

  async writer(topic: string, as?: TopicOptions): Promise<FrameWriter> {
    const target = this.#topic(topic, as);
    let isOpen = true;
    return {
      partitions: target.partitions,
      append: async (frames) => {
        if (!isOpen || this.#isClosed) throw refusal('this writer is closed');
        return this.#append(target, frames);
      },
      close: async () => {
        isOpen = false;
      },
    };
  }

  async reader(topic: string, group: string, as?: TopicOptions): Promise<LogReader> {
    const reader = readerOf(this.#group(this.#topic(topic, as), group));
    this.#readers.add(reader);
    return reader;
  }

  async endPositions(topic: string): Promise<Positions> {
    const target = this.#topic(topic);
    return new Map(Array.from({ length: target.partitions }, (_, index) => [index, target.endOffset(index)]));
  }

  async committedOf(topic: string, group: string): Promise<ReadonlyMap<number, Committed>> {
    const target = this.#topic(topic);
    const known = target.groups.get(group);
    const nothing: Committed = { offset: null, metadata: '' };
    return new Map(
      Array.from({ length: target.partitions }, (_, index) => [index, known?.committed(index) ?? nothing]),
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#readers].map((reader) => reader.stop()));
  }

  stats(): MemoryEventLogStats {
    const all = [...this.#topics.values()];
    return {
      records: all.reduce((sum, topic) => sum + topic.records, 0),
      bytes: all.reduce((sum, topic) => sum + topic.bytes, 0),
      droppedRecords: this.#droppedRecords,
    };
  }

  #append(topic: MemoryTopic, frames: readonly OutgoingFrame[]): Positions {
    for (const { partition, body } of frames) {
      if (partition < 0 || partition >= topic.partitions) throw refusal(`there is no partition ${partition}`);
      if (body.length > maxFrameBytes) throw refusal(`a frame of ${body.length} bytes; at most ${maxFrameBytes} fit`);
    }
    const positions = topic.append(frames, this.#options.clock.nowMs());
    this.#droppedRecords += topic.shrinkTo(this.#options.maxBytes);
    return positions;
  }

  #topic(name: string, { partitions = this.#options.partitions }: TopicOptions = {}): MemoryTopic {
    const topic = this.#topics.get(name) ?? new MemoryTopic(partitions);
    this.#topics.set(name, topic);
    return topic;
  }

  #group(topic: MemoryTopic, name: string): MemoryGroup {
    const { clock, logger, retryPauseMs } = this.#options;
    const group = topic.groups.get(name) ?? new MemoryGroup({ name, topic, clock, logger, retryPauseMs });
    topic.groups.set(name, group);
    return group;
  }
}

const refusal = (message: string): TidegateError => new TidegateError('LOG_FAILED', message);

const readerOf = (group: MemoryGroup): LogReader => {
  // A copy: the group tells its members apart by identity, and two readers may be given the same handler.
  let member: RecordHandler | null = null;
  let isStopped = false;
  return {
    start: async (handler) => {
      if (member || isStopped) throw refusal('a reader starts once; open another');
      member = {
        assigned: (partition, committed, state) => handler.assigned(partition, committed, state),
        handle: (batch) => handler.handle(batch),
        revoked: (partition) => handler.revoked(partition),
      };
      await group.join(member);
    },
    lag: async () => new Map(member ? group.leasesOf(member).map((lease) => [lease.partition, lease.lag]) : []),
    stop: async () => {
      isStopped = true;
      if (member) await group.leave(member);
    },
  };
};
