import type { Clock, Timer } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import {
  type Committed,
  type EventLog,
  healthTopic,
  type LogReader,
  type LogRecord,
  type PartitionState,
  type RecordBatch,
  topics,
} from '../event/event-log.ts';
import { checkFrame } from '../event/frame.ts';
import { decodeHealthSample } from '../event/health-sample.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { type Sample, sampleCommands } from '../metrics/sample.ts';

export interface HealthTailOptions {
  /** One that keeps records for a time, whoever reads them: nothing is committed. */
  readonly log: Pick<EventLog, 'reader'>;
  /** This process, whose own samples come without the log. */
  readonly process: string;
  readonly onSamples: (samples: readonly Sample[]) => void;
  readonly clock: Clock;
  readonly logger?: Logger;
}

export interface HealthTailStats {
  readonly samples: number;
  /** Frames and rows that cannot be read: left out. */
  readonly unreadable: number;
  /** Attempts to read the log that failed and are made again. */
  readonly failures: number;
}

/** Of each partition, records before the end that are read first, so that a new process knows the last minutes. */
const recordsBack = 60;
const retryMs = 10_000;

const isCommand = (text: string): text is Sample['command'] => sampleCommands.some((known) => known === text);

/** Far beyond what any process tells: samples are held by number, so that each must be small. */
const maxLength = 256;
const maxLabels = 32;

const isShort = ({ process, region, figure, labels }: Sample): boolean => {
  const texts = Object.entries(labels).flat();
  return (
    texts.length <= 2 * maxLabels && [process, region, figure, ...texts].every(({ length }) => length <= maxLength)
  );
};

/** Reads what the other processes tell of themselves, from a little before now on, in a group of its own. */
export class HealthTail {
  readonly #options: HealthTailOptions;
  readonly #logger: Logger;
  readonly #positions = new Map<number, number>();
  #reader: LogReader | null = null;
  #timer: Timer | null = null;
  #isStopped = false;
  #opening: Promise<void> | null = null;
  readonly #counts = { samples: 0, unreadable: 0, failures: 0 };

  constructor(options: HealthTailOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  /** Needs no log to be there yet. */
  start(): void {
    this.#opening = this.#open().finally(() => {
      this.#opening = null;
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#reader?.stop();
    await this.#opening;
  }

  stats(): HealthTailStats {
    return { ...this.#counts };
  }

  async #open(): Promise<void> {
    const { log, process, clock } = this.#options;
    try {
      const reader = await log.reader(topics.health, `tidegate-watch-${process}`, healthTopic);
      this.#reader = reader;
      if (this.#isStopped) return await reader.stop();
      await reader.start({
        assigned: async (partition, _committed: Committed, state) => this.#assigned(partition, state),
        handle: async (batch) => this.#handle(batch),
        revoked: () => undefined,
      });
    } catch (error) {
      if (this.#isStopped) return;
      this.#counts.failures += 1;
      this.#logger.debug({ err: messageOf(error) }, 'what other processes tell of themselves cannot be read');
      await this.#reader?.stop();
      this.#timer = clock.schedule(retryMs, () => this.start());
    }
  }

  #assigned(partition: number, state: PartitionState): void {
    const { oldestOffset, endOffset } = state;
    const from = this.#positions.get(partition) ?? endOffset - recordsBack;
    state.startAt(Math.min(endOffset, Math.max(oldestOffset, from)));
  }

  #handle({ partition, records }: RecordBatch): void {
    for (const record of records) {
      this.#positions.set(partition, record.offset + 1);
      const samples = this.#samplesOf(record);
      if (samples.length === 0) continue;
      this.#counts.samples += samples.length;
      this.#options.onSamples(samples);
    }
  }

  #samplesOf(record: LogRecord): Sample[] {
    try {
      if (checkFrame(record).emitter === this.#options.process) return [];
    } catch (error) {
      this.#unreadable(error);
      return [];
    }
    const lines = record.body.toString('utf8').split('\n');
    return lines.flatMap((line) => (line === '' ? [] : this.#sampleOf(line)));
  }

  #sampleOf(line: string): Sample[] {
    try {
      const { timeMs: atMs, process, command, region, figure, labels, value } = decodeHealthSample(line);
      // A later release may have commands that this one does not know.
      if (!isCommand(command)) return [];
      const sample: Sample = { atMs, process, command, region, figure, labels, value };
      if (!isShort(sample))
        throw new TidegateError('FRAME_CORRUPT', 'its names or labels are longer than any that is told');
      return [sample];
    } catch (error) {
      this.#unreadable(error);
      return [];
    }
  }

  #unreadable(error: unknown): void {
    this.#counts.unreadable += 1;
    this.#logger.debug({ err: messageOf(error) }, 'a sample cannot be read');
  }
}
