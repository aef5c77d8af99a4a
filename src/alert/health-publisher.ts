import type { Clock, Timer } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { type EventLog, type FrameWriter, healthTopic, type OutgoingFrame, topics } from '../event/event-log.ts';
import { encodeHealthSample, type HealthSample } from '../event/health-sample.ts';
import { frameOfRows } from '../event/row-frame.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { Sample } from '../metrics/sample.ts';
import { stableHash } from '../stable-hash.ts';

export interface HealthPublisherOptions {
  readonly log: Pick<EventLog, 'writer'>;
  /** Names this process for as long as it lives: whose rows these are. */
  readonly process: string;
  /** What there is to tell now. */
  readonly read: () => Promise<readonly Sample[]>;
  /** Is given what was read before the log is, and whether or not it takes it. */
  readonly onRead?: (samples: readonly Sample[]) => void;
  readonly clock: Clock;
  /** 0 ≤ random() < 1: keeps many processes apart. */
  readonly random: () => number;
  readonly logger?: Logger;
  /** Between two turns, milliseconds, a tenth more or less by lot. Default 30,000. */
  readonly everyMs?: number;
}

export interface HealthPublisherStats {
  /** Samples durable in the log. */
  readonly published: number;
  /** Samples given up for newer ones, or because there were too many. */
  readonly dropped: number;
  /** Attempts to read or to write that failed. */
  readonly failures: number;
}

const firstWithinMs = 3_000;
const closeWithinMs = 2_000;
/** Of one turn, those of all gates together included. */
const maxSamples = 10_000;
/** With names and labels of any length that /metrics has, a frame stays far below what a log takes. */
const rowsPerFrame = 400;

/**
 * Writes what a process tells of itself to the log, beside its work and never in its way. While the log is away the newest
 * samples wait and older ones are dropped; those of which it is not known whether the log has them come again as they were,
 * so that no number is left out and none stands for two samples.
 */
export class HealthPublisher {
  readonly #options: HealthPublisherOptions;
  readonly #logger: Logger;
  #timer: Timer | null = null;
  #isStopped = false;
  #reading: Promise<void> | null = null;
  #writing: Promise<void> | null = null;
  #writer: FrameWriter | null = null;
  #waiting: readonly Sample[] = [];
  /** Numbered: they go first, as they are. */
  #frames: { readonly frames: readonly OutgoingFrame[]; readonly rows: number } | null = null;
  #seq = 0;
  readonly #counts = { published: 0, dropped: 0, failures: 0 };

  constructor(options: HealthPublisherOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  start(): void {
    this.#schedule(this.#options.random() * firstWithinMs);
  }

  /** Lets a write that is under way end, for two seconds. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    let giveUp: () => void = () => undefined;
    const tooLate = new Promise<void>((resolve) => {
      giveUp = resolve;
    });
    const timer = this.#options.clock.schedule(closeWithinMs, giveUp);
    await Promise.race([Promise.all([this.#reading, this.#writing]), tooLate]);
    timer.cancel();
    await this.#writer?.close();
  }

  stats(): HealthPublisherStats {
    return { ...this.#counts };
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      const { everyMs = 30_000, random } = this.#options;
      this.#reading ??= this.#turn().finally(() => {
        this.#reading = null;
      });
      this.#schedule(everyMs * (0.9 + 0.2 * random()));
    });
  }

  async #turn(): Promise<void> {
    try {
      const read = await this.#options.read();
      if (this.#isStopped) return;
      this.#options.onRead?.(read);
      this.#counts.dropped += this.#waiting.length + Math.max(0, read.length - maxSamples);
      this.#waiting = read.slice(0, maxSamples);
    } catch (error) {
      this.#failed(error, 'what this process tells of itself could not be read');
      return;
    }
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  async #write(): Promise<void> {
    try {
      while (this.#frames !== null || this.#waiting.length > 0) {
        this.#writer ??= await this.#options.log.writer(topics.health, healthTopic);
        this.#frames ??= this.#number(this.#writer.partitions);
        await this.#writer.append(this.#frames.frames);
        this.#counts.published += this.#frames.rows;
        this.#frames = null;
      }
    } catch (error) {
      this.#failed(error, 'what this process tells of itself waits for the log');
      if (!(error instanceof TidegateError) || error.retryable || this.#frames === null) return;
      // None of it is there, nor will be: their numbers are free.
      this.#seq -= this.#frames.rows;
      this.#counts.dropped += this.#frames.rows;
      this.#frames = null;
    }
  }

  #failed(error: unknown, message: string): void {
    this.#counts.failures += 1;
    this.#logger.debug({ err: messageOf(error) }, message);
  }

  #number(partitions: number): { frames: readonly OutgoingFrame[]; rows: number } {
    const { process: emitter } = this.#options;
    const partition = stableHash(emitter) % partitions;
    const frames: OutgoingFrame[] = [];
    const waiting = this.#waiting;
    this.#waiting = [];
    const rowOf = ({ atMs: timeMs, ...sample }: Sample): HealthSample => {
      this.#seq += 1;
      return { timeMs, emitter, partition, seq: this.#seq, ...sample };
    };
    for (let from = 0; from < waiting.length; from += rowsPerFrame) {
      const [first, ...others] = waiting.slice(from, from + rowsPerFrame).map(rowOf);
      if (first) frames.push(frameOfRows([first, ...others], encodeHealthSample));
    }
    return { frames, rows: waiting.length };
  }
}
