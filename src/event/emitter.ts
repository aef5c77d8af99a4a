import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Timer } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { DecisionRecord } from './decision-event.ts';
import type { FrameWriter, OutgoingFrame, Positions } from './event-log.ts';
import { FrameBuilder } from './frame-builder.ts';
import { MergeBuffer } from './merge-buffer.ts';

export interface EmitterOptions {
  readonly writer: FrameWriter;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Names this process for as long as it lives: 1 to 64 characters, never used twice. */
  readonly emitterId: string;
  readonly region: string;
  /** `every` writes one row per decision. Default `merged`. */
  readonly mode?: 'merged' | 'every';
  /** How long allowed and blocked decisions may wait, milliseconds. Default 250. */
  readonly flushAllowedMs?: number;
  /** The same for denied ones, which the detector waits for. Default 20. */
  readonly flushDeniedMs?: number;
  /** Rows held at full resolution in each of the two buffers. Default 20,000. */
  readonly maxRows?: number;
}

export interface EmitterStats {
  /** Decisions recorded. Always: sent + waiting + lost. */
  readonly recorded: number;
  /** Of these, durable in the log. */
  readonly sent: number;
  /** Merged, in frames or in flight. */
  readonly waiting: number;
  /** Given up by a close that ran out of time. */
  readonly lost: number;
  /** For lack of room: decisions whose interval was given up, and nothing else. */
  readonly coarse: number;
  /** Decisions whose client was given up for lack of room. */
  readonly folded: number;
  /** Of these, those whose tenant, policy and cost were given up as well. */
  readonly foldedTwice: number;
  /** Rows durable in the log: `sent / rows` is the merge ratio. */
  readonly rows: number;
  /** Sends that failed and were tried again. */
  readonly failures: number;
  /** How long the oldest decision has been waiting, milliseconds; 0: none waits. */
  readonly oldestWaitMs: number;
  /** Of the topic that is written to: constant. */
  readonly partitions: number;
}

export interface Emitter {
  /** Takes one decision. Never waits and never throws. Keeps its texts and its list, not the object: that may be used again. */
  record(decision: DecisionRecord): void;
  /** Resolves when all that was recorded so far is durable, with the positions just behind it. Waits as long as the log is away. */
  flush(): Promise<Positions>;
  /** Sends the rest and says that it was the last; gives up after `deadlineMs` (default 10,000) and counts what is lost. */
  close(deadlineMs?: number): Promise<void>;
  stats(): EmitterStats;
}

const firstRetryMs = 50;
const lastRetryMs = 5000;
/** Given to one append, more or less: bounds what one request to the broker carries, and how long encoding takes at a time. */
const maxFramesPerAppend = 64;
const maxBytesPerAppend = 2_000_000;

class LogEmitter implements Emitter {
  readonly #options: EmitterOptions;
  readonly #logger: Logger;
  readonly #fast: MergeBuffer;
  readonly #slow: MergeBuffer;
  readonly #builder: FrameBuilder;
  readonly #positions = new Map<number, number>();
  #fastTimer: Timer | undefined;
  #slowTimer: Timer | undefined;
  /** When the first decision came of those in each buffer and of those being sent, monotonic. Infinity: there is none. */
  #fastSinceUs = Number.POSITIVE_INFINITY;
  #slowSinceUs = Number.POSITIVE_INFINITY;
  #sendingSinceUs = Number.POSITIVE_INFINITY;
  #tail: Promise<void> = Promise.resolve();
  #abandoned = false;
  #abandon: () => void = () => undefined;
  readonly #abandonment = new Promise<void>((resolve) => {
    this.#abandon = resolve;
  });
  /** Σ count that is durable, by partition: the `total` of the last frame. */
  readonly #sentTotals = new Map<number, number>();
  #recorded = 0;
  #counts = { lost: 0, rows: 0, failures: 0 };

  constructor(options: EmitterOptions) {
    const { flushAllowedMs = 250, flushDeniedMs = 20, maxRows = 20_000, mode = 'merged' } = options;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    const every = mode === 'every';
    this.#fast = new MergeBuffer({ intervalMs: flushDeniedMs, maxRows, every });
    this.#slow = new MergeBuffer({ intervalMs: flushAllowedMs, maxRows, every });
    // A flood of ids must not blind the detector: denied clients are given up last.
    this.#fast.borrowFrom(this.#slow);
    const { emitterId, region, writer } = options;
    this.#builder = new FrameBuilder({ emitterId, region, partitions: writer.partitions });
  }

  record(decision: DecisionRecord): void {
    this.#recorded += 1;
    if (decision.outcome === 'denied') {
      this.#fast.add(decision);
      if (!this.#fastTimer) this.#awaitFast();
    } else {
      this.#slow.add(decision);
      if (!this.#slowTimer) this.#awaitSlow();
    }
  }

  async flush(): Promise<Positions> {
    this.#drain(this.#slow);
    this.#drain(this.#fast);
    await this.#tail;
    return new Map(this.#positions);
  }

  async close(deadlineMs = 10_000): Promise<void> {
    const { clock, writer } = this.#options;
    const deadline = clock.schedule(deadlineMs, () => {
      this.#abandoned = true;
      this.#abandon();
    });
    this.#drain(this.#slow);
    this.#drain(this.#fast);
    this.#enqueue(() => this.#builder.buildLast(clock.nowMs()));
    await Promise.race([this.#tail, this.#abandonment]);
    deadline.cancel();
    this.#counts.lost = this.#recorded - this.#sent();
    if (this.#counts.lost > 0) this.#logger.error({ decisions: this.#counts.lost }, 'events lost: the log stayed away');
    await writer.close();
  }

  stats(): EmitterStats {
    const recorded = this.#recorded;
    const { lost, rows, failures } = this.#counts;
    const [fast, slow] = [this.#fast, this.#slow];
    const sent = this.#sent();
    const waiting = recorded - sent - lost;
    return {
      recorded,
      sent,
      waiting,
      lost,
      coarse: fast.coarseDecisions + slow.coarseDecisions,
      folded: fast.foldedDecisions + slow.foldedDecisions,
      foldedTwice: fast.foldedTwiceDecisions + slow.foldedTwiceDecisions,
      rows,
      failures,
      oldestWaitMs: waiting > 0 ? this.#oldestWaitMs() : 0,
      partitions: this.#options.writer.partitions,
    };
  }

  #oldestWaitMs(): number {
    const sinceUs = Math.min(this.#fastSinceUs, this.#slowSinceUs, this.#sendingSinceUs);
    return Math.max(0, (this.#options.clock.monotonicUs() - sinceUs) / 1000);
  }

  #sent(): number {
    return [...this.#sentTotals.values()].reduce((sum, total) => sum + total, 0);
  }

  #awaitFast(): void {
    const { clock, flushDeniedMs = 20 } = this.#options;
    this.#fastTimer = clock.schedule(flushDeniedMs, () => this.#drain(this.#fast));
    this.#fastSinceUs = clock.monotonicUs();
  }

  #awaitSlow(): void {
    const { clock, flushAllowedMs = 250 } = this.#options;
    this.#slowTimer = clock.schedule(flushAllowedMs, () => this.#drain(this.#slow));
    this.#slowSinceUs = clock.monotonicUs();
  }

  /**
   * Queues one more send. The buffer is emptied only when its turn comes: while the log is away, rows go on merging
   * instead of piling up as frames.
   */
  #drain(buffer: MergeBuffer): void {
    const timer = buffer === this.#fast ? this.#fastTimer : this.#slowTimer;
    timer?.cancel();
    this.#enqueue(() => {
      if (buffer === this.#fast) {
        this.#fastTimer = undefined;
        this.#sendingSinceUs = this.#fastSinceUs;
        this.#fastSinceUs = Number.POSITIVE_INFINITY;
      } else {
        this.#slowTimer = undefined;
        this.#sendingSinceUs = this.#slowSinceUs;
        this.#slowSinceUs = Number.POSITIVE_INFINITY;
      }
      return this.#framesOf(buffer);
    });
  }

  *#framesOf(buffer: MergeBuffer): Generator<OutgoingFrame | null> {
    const rows = buffer.take();
    yield* this.#builder.build(rows);
    buffer.giveBack(rows);
  }

  /** Frames are made as they are sent, and in short stretches: in between the event loop has its turn, and decides. */
  #enqueue(frames: () => Iterable<OutgoingFrame | null>): void {
    this.#tail = this.#tail.then(async () => {
      if (this.#abandoned) return;
      let batch: OutgoingFrame[] = [];
      let bytes = 0;
      for (const frame of frames()) {
        if (!frame) {
          await nextTurn();
          continue;
        }
        batch.push(frame);
        bytes += frame.body.length;
        if (batch.length < maxFramesPerAppend && bytes < maxBytesPerAppend) continue;
        await this.#append(batch);
        batch = [];
        bytes = 0;
      }
      if (batch.length > 0) await this.#append(batch);
      this.#sendingSinceUs = Number.POSITIVE_INFINITY;
    });
  }

  /** The same frames with the same numbers until they are durable: readers tell a doubled one by its numbers. */
  async #append(frames: readonly OutgoingFrame[]): Promise<void> {
    const { writer, clock } = this.#options;
    for (let delayMs = firstRetryMs; !this.#abandoned; delayMs = Math.min(delayMs * 2, lastRetryMs)) {
      try {
        const positions = await writer.append(frames);
        for (const [partition, position] of positions) this.#positions.set(partition, position);
        for (const { partition, headers } of frames) {
          this.#counts.rows += headers.rows;
          this.#sentTotals.set(partition, headers.total);
        }
        return;
      } catch (error) {
        this.#counts.failures += 1;
        const retryable = !(error instanceof TidegateError) || error.retryable;
        this.#logger.warn(
          { err: messageOf(error), frames: frames.length, retryable },
          'events wait: the log refused them',
        );
        await Promise.race([clock.sleep(delayMs), this.#abandonment]);
      }
    }
  }
}

export const createEmitter = (options: EmitterOptions): Emitter => new LogEmitter(options);
