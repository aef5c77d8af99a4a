import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Committed, RecordBatch, RecordHandler } from '../event/event-log.ts';
import type { Logger } from '../logger.ts';
import type { OffsetRange } from './topic.ts';

export interface TopicState {
  /** '' when the broker is too old to tell. */
  readonly topicId: string;
  readonly committed: ReadonlyMap<number, Committed>;
  readonly ranges: ReadonlyMap<number, OffsetRange>;
}

/** What an assignment needs of the consumer that it belongs to. */
export interface AssignmentPort {
  /** What the group has committed and what the broker still stores, of every partition. */
  read(): Promise<TopicState>;
  seek(partition: number, offset: number): void;
  /** Starts, or goes on, fetching: partitions of a new assignment are paused. */
  resume(partition: number): void;
  pause(partition: number): void;
}

export interface AssignmentOptions {
  readonly partitions: readonly number[];
  readonly handler: RecordHandler;
  readonly port: AssignmentPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retryPauseMs: number;
  /** Offsets are left out: none is missed. */
  readonly compacted: boolean;
}

const maxRetryPauseMs = 10_000;

/** Stands for all of them where failures are counted. */
const allPartitions = -1;

/**
 * The partitions that a reader owns between two rebalances. Announces each to the handler before its first record, tries
 * again what the handler rejects, and is over for good once it has ended: kafkajs would let a late commit go out under
 * the next generation.
 */
export class Assignment {
  /** Resolves after the first attempt to announce every partition, accepted or not. */
  readonly ready: Promise<void>;
  readonly #options: AssignmentOptions;
  /** Next offset of each partition that the handler has accepted. */
  readonly #positions = new Map<number, number>();
  readonly #running = new Set<Promise<void>>();
  readonly #failures = new Map<number, number>();
  readonly #timers = new Set<Timer>();
  #isOpen = true;
  #ended: Promise<void> | null = null;

  /** `after`: the assignment before, whose last calls end before this one's first. */
  constructor(options: AssignmentOptions, after: Assignment | null) {
    this.#options = options;
    this.ready = this.#track(this.#beginAfter(after));
  }

  get positions(): ReadonlyMap<number, number> {
    return this.#isOpen ? this.#positions : new Map();
  }

  owns(partition: number): boolean {
    return this.#positions.has(partition);
  }

  /** Runs the handler. True: go on behind the batch. False: it comes again, after a pause. */
  async handle(batch: RecordBatch): Promise<boolean> {
    const { partition, records } = batch;
    const position = this.#positions.get(partition);
    const [first, last] = [records[0], records.at(-1)];
    if (!this.#isOpen || position === undefined || !first || !last) return false;
    if (first.offset < position) return this.#beginAnew(partition);
    if (first.offset > position && !this.#options.compacted)
      this.#reportGap({ partition, position, oldest: first.offset });
    try {
      await this.#track(this.#options.handler.handle(batch));
      this.#positions.set(partition, last.offset + 1);
      this.#failures.delete(partition);
      return true;
    } catch (error) {
      this.#logFailure('handle', partition, error);
      if (this.#isOpen) this.#options.port.pause(partition);
      this.#later(partition, async () => this.#options.port.resume(partition));
      return false;
    }
  }

  /** Takes everything back from the handler, as soon as the calls that run have ended. Resolves then. */
  end(): Promise<void> {
    this.#isOpen = false;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#ended ??= this.#revokeAll();
    return this.#ended;
  }

  async #beginAfter(after: Assignment | null): Promise<void> {
    await after?.end();
    await this.#begin();
  }

  async #begin(): Promise<void> {
    const { partitions, port } = this.#options;
    if (!this.#isOpen || partitions.length === 0) return;
    try {
      const state = await port.read();
      const announcements = partitions.map((partition) => this.#announce(partition, state));
      await Promise.all(announcements);
    } catch (error) {
      this.#logFailure('reading committed offsets', allPartitions, error);
      this.#later(allPartitions, () => this.#begin());
    }
  }

  /** The log has gone back by itself: the topic was made anew, or has lost its end. What it holds now decides. */
  async #beginAnew(partition: number): Promise<false> {
    const { port, logger } = this.#options;
    logger.error(
      { partition, position: this.#positions.get(partition) },
      'the log begins anew below what was read of it',
    );
    port.pause(partition);
    this.#revoke(partition);
    this.#positions.delete(partition);
    await this.#track(this.#announceAnew(partition));
    return false;
  }

  async #announceAnew(partition: number): Promise<void> {
    try {
      await this.#announce(partition, await this.#options.port.read(), true);
    } catch (error) {
      this.#logFailure('reading committed offsets', partition, error);
      this.#later(partition, () => this.#announceAnew(partition));
    }
  }

  async #announce(partition: number, state: TopicState, isMoved = false): Promise<void> {
    if (!this.#isOpen) return;
    const { handler, port } = this.#options;
    const committed = state.committed.get(partition) ?? { offset: null, metadata: '' };
    const { low, high } = state.ranges.get(partition) ?? { low: 0, high: Number.MAX_SAFE_INTEGER };
    const from = committed.offset ?? low;
    const isHeld = from >= low && from <= high;
    let position = isHeld ? from : low;
    const startAt = (offset: number): void => {
      position = Math.max(low, offset);
    };
    try {
      await handler.assigned(partition, committed, {
        topicId: state.topicId,
        oldestOffset: low,
        endOffset: high,
        startAt,
      });
    } catch (error) {
      this.#logFailure('assigned', partition, error);
      this.#later(partition, () => this.#announce(partition, state, isMoved));
      return;
    }
    this.#positions.set(partition, position);
    if (!this.#isOpen) return;
    if (!isHeld) this.#reportGap({ partition, position: from, oldest: low });
    // kafkajs would find out by itself what the log no longer holds, but then erases what was committed beside the offset.
    if (isMoved || position !== from) port.seek(partition, position);
    this.#failures.delete(partition);
    port.resume(partition);
  }

  async #revokeAll(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    for (const partition of this.#positions.keys()) this.#revoke(partition);
    this.#positions.clear();
  }

  #revoke(partition: number): void {
    try {
      this.#options.handler.revoked(partition);
    } catch (error) {
      this.#logFailure('revoked', partition, error);
    }
  }

  async #track(call: Promise<void>): Promise<void> {
    this.#running.add(call);
    try {
      await call;
    } finally {
      this.#running.delete(call);
    }
  }

  #later(partition: number, task: () => Promise<void>): void {
    if (!this.#isOpen) return;
    const failures = (this.#failures.get(partition) ?? 0) + 1;
    this.#failures.set(partition, failures);
    const pauseMs = Math.min(this.#options.retryPauseMs * 2 ** (failures - 1), maxRetryPauseMs);
    const timer = this.#options.clock.schedule(pauseMs, () => {
      this.#timers.delete(timer);
      this.#track(task()).catch((error: unknown) => this.#logFailure('retry', partition, error));
    });
    this.#timers.add(timer);
  }

  #reportGap({ partition, position, oldest }: { partition: number; position: number; oldest: number }): void {
    const fields = { partition, position, oldest, lostRecords: oldest > position ? oldest - position : null };
    this.#options.logger.error(
      fields,
      'the log no longer holds what was to be read next; reading goes on at the oldest',
    );
  }

  #logFailure(call: string, partition: number, error: unknown): void {
    const fields = { partition, position: this.#positions.get(partition), cause: messageOf(error) };
    this.#options.logger.error(fields, `event log handler failed in ${call}; the same comes again after a pause`);
  }
}
