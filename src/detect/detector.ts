import type { Verdict } from '../blocklist/block.ts';
import type { BlockPromoter, Promotion } from '../blocklist/block-promoter.ts';
import type { Clock } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import {
  type EventLog,
  type LogReader,
  type LogRecord,
  type Positions,
  type RecordBatch,
  type RecordHandler,
  topics,
} from '../event/event-log.ts';
import { EventScanner, type SeenEvent, seenEventsOf } from '../event/event-scan.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts';
import { type AllowedRow, type NoteStats, NoteTaker } from './notes.ts';
import { PartitionDetector, type PartitionStats } from './partition-detector.ts';
import { type PromoterStats, VerdictPromoter } from './promoter.ts';
import type { Rule, RuleSet } from './rule.ts';

export interface DetectorOptions {
  readonly log: EventLog;
  readonly rules: RuleSet;
  readonly blockList: BlockPromoter;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Detectors of one group share the partitions. Default `tidegate-detector`. */
  readonly group?: string;
  /** Default `tidegate.decisions`. */
  readonly topic?: string;
}

/** A rule in force, as its file has it. An override may cap its mode: ask the block list. */
export type RuleInForce = Pick<Rule, 'name' | 'hash' | 'mode' | 'canaryPercent' | 'owner' | 'reviewByMs'>;

export interface DetectorStats extends PartitionStats, PromoterStats, NoteStats {
  readonly partitions: number;
  readonly verdicts: number;
  readonly corruptFrames: number;
  /** Rows of sound frames that could not be read, and are nobody's evidence. */
  readonly badRows: number;
  readonly rules: { readonly version: string; readonly inForce: readonly RuleInForce[] };
}

export interface Detector {
  /** Joins the group; resolves when it takes part. */
  start(): Promise<void>;
  /** Lets the record at hand end, then leaves. What is not promoted by then is concluded again by the next owner. */
  stop(): Promise<void>;
  /** Below these positions everything is detected and promoted. */
  positions(): Positions;
  /** Resolves when everything below is detected and promoted by this detector. Rejects when it stops before. */
  whenReached(positions: Positions): Promise<void>;
  /** How far each owned partition is behind its end, records. */
  lag(): Promise<ReadonlyMap<number, number>>;
  /** Totals since it was made: those of partitions that have gone to another owner stay in them. */
  stats(): DetectorStats;
}

interface Waiter {
  readonly positions: Positions;
  resolve(): void;
  reject(error: TidegateError): void;
}

const recordsPerHeartbeat = 50;

type RetiredStats = Omit<PartitionStats, 'clients'>;

/** Reads decisions, draws conclusions and promotes them to blocks. */
export const createDetector = (options: DetectorOptions): Detector => new LogDetector(options);

class LogDetector implements Detector, RecordHandler {
  readonly #options: DetectorOptions;
  readonly #logger: Logger;
  readonly #promoter: VerdictPromoter;
  readonly #notes: NoteTaker;
  readonly #partitions = new Map<number, PartitionDetector>();
  readonly #done = new Map<number, number>();
  readonly #committed = new Map<number, number>();
  /** Concluded, not yet promoted: the oldest first. Bounded by what one record can conclude. */
  readonly #pending = new Map<number, Verdict[]>();
  readonly #scanner = new EventScanner();
  #waiters: Waiter[] = [];
  #reader: LogReader | null = null;
  #verdicts = 0;
  #corrupt = 0;
  #badRows = 0;
  /** Of partitions that this detector owned before. */
  readonly #retired: { -readonly [Field in keyof RetiredStats]: number } = {
    events: 0,
    evidence: 0,
    late: 0,
    duplicates: 0,
    evictedClients: 0,
  };

  constructor(options: DetectorOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#promoter = new VerdictPromoter({ ...options, logger: this.#logger });
    this.#notes = new NoteTaker({ ...options, logger: this.#logger });
  }

  async start(): Promise<void> {
    const { log, topic = topics.decisions, group = 'tidegate-detector' } = this.#options;
    this.#promoter.start();
    this.#reportRules();
    this.#reader = await log.reader(topic, group);
    await this.#reader.start(this);
  }

  async stop(): Promise<void> {
    this.#promoter.stop();
    await this.#reader?.stop();
    this.#reader = null;
    await this.#notes.flush();
    const error = new TidegateError('LOG_FAILED', 'the detector stopped before it got there', { retryable: true });
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  positions(): Positions {
    return new Map(this.#done);
  }

  whenReached(positions: Positions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ positions, resolve, reject });
      this.#wake();
    });
  }

  async lag(): Promise<ReadonlyMap<number, number>> {
    return (await this.#reader?.lag()) ?? new Map();
  }

  stats(): DetectorStats {
    const total = { ...this.#retired, clients: 0 };
    for (const partition of this.#partitions.values()) {
      const stats = partition.stats();
      for (const field of Object.keys(total) as (keyof PartitionStats)[]) total[field] += stats[field];
    }
    return {
      ...total,
      ...this.#promoter.stats(),
      ...this.#notes.stats(),
      partitions: this.#partitions.size,
      verdicts: this.#verdicts,
      corruptFrames: this.#corrupt,
      badRows: this.#badRows,
      rules: { version: this.#options.rules.version, inForce: this.#options.rules.rules.map(inForceOf) },
    };
  }

  assigned(partition: number, committed: { offset: number | null; metadata: string }): Promise<void> {
    const fromOffset = committed.offset ?? 0;
    const horizonMs = parseCheckpoint(committed.metadata);
    if (horizonMs === null && committed.metadata !== '') {
      this.#logger.warn({ partition, metadata: committed.metadata.slice(0, 80) }, 'checkpoint not understood');
    }
    const { rules } = this.#options.rules;
    const known = horizonMs === null ? {} : { horizonMs };
    this.#retire(partition);
    this.#notes.assigned(partition, committed.offset !== null);
    const served = (row: AllowedRow): void => this.#notes.see(partition, row);
    this.#partitions.set(partition, new PartitionDetector({ partition, rules, fromOffset, served, ...known }));
    this.#pending.set(partition, []);
    this.#done.set(partition, fromOffset);
    this.#committed.set(partition, fromOffset);
    this.#wake();
    return Promise.resolve();
  }

  async handle(batch: RecordBatch): Promise<void> {
    const detector = this.#partitions.get(batch.partition);
    const pending = this.#pending.get(batch.partition);
    if (!detector || !pending) throw new TidegateError('LOG_FAILED', `partition ${batch.partition} is not assigned`);
    const prepare = (promotion: Promotion): void => this.#notes.prepare(promotion);
    for (const [index, record] of batch.records.entries()) {
      if (index % recordsPerHeartbeat === recordsPerHeartbeat - 1) await batch.heartbeat();
      pending.push(...this.#observe(detector, record));
      for (let verdict = pending[0]; verdict; verdict = pending[0]) {
        await this.#promoter.promote(verdict, { prepare, heartbeat: () => batch.heartbeat() });
        pending.shift();
      }
      // Another owner may have taken over meanwhile: its position is no longer ours to tell.
      if (this.#partitions.get(batch.partition) !== detector) return;
      this.#done.set(batch.partition, detector.nextOffset);
      this.#wake();
    }
    this.#notes.tick();
    await this.#commit(detector, batch);
  }

  revoked(partition: number): void {
    this.#retire(partition);
    this.#notes.revoked(partition);
    this.#pending.delete(partition);
    this.#done.delete(partition);
    this.#committed.delete(partition);
  }

  #retire(partition: number): void {
    const stats = this.#partitions.get(partition)?.stats();
    this.#partitions.delete(partition);
    if (!stats) return;
    for (const field of Object.keys(this.#retired) as (keyof RetiredStats)[]) this.#retired[field] += stats[field];
  }

  #observe(detector: PartitionDetector, record: LogRecord): Verdict[] {
    const { offset, appendedAtMs } = record;
    if (offset < detector.nextOffset) return [];
    const verdicts = detector.observe({ offset, appendedAtMs, events: this.#eventsOf(record) });
    this.#verdicts += verdicts.length;
    return verdicts;
  }

  /** The ingester keeps what is corrupt for people to look at; here it is nobody's evidence. */
  #eventsOf(record: LogRecord): Iterable<SeenEvent> {
    try {
      return seenEventsOf(record, this.#scanner, (error) => {
        this.#badRows += 1;
        this.#logger.debug({ err: messageOf(error), offset: record.offset }, 'row skipped that cannot be read');
      });
    } catch (error) {
      this.#corrupt += 1;
      this.#logger.warn({ err: messageOf(error), offset: record.offset }, 'corrupt frame skipped');
      return [];
    }
  }

  #reportRules(): void {
    const { version, rules } = this.#options.rules;
    this.#logger.info({ version, rules: rules.map(inForceOf) }, 'rules in force');
  }

  async #commit(detector: PartitionDetector, batch: RecordBatch): Promise<void> {
    const { partition } = batch;
    const checkpoint = detector.checkpoint();
    if (checkpoint.offset <= (this.#committed.get(partition) ?? 0)) return;
    await batch.commit(checkpoint.offset, formatCheckpoint(checkpoint));
    this.#committed.set(partition, checkpoint.offset);
  }

  #wake(): void {
    const reached = (positions: Positions): boolean =>
      [...positions].every(([partition, offset]) => (this.#done.get(partition) ?? 0) >= offset);
    const ready = this.#waiters.filter(({ positions }) => reached(positions));
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
    for (const waiter of ready) waiter.resolve();
  }
}

const inForceOf = ({ name, hash, mode, canaryPercent, owner, reviewByMs }: Rule): RuleInForce => ({
  name,
  hash,
  mode,
  canaryPercent,
  owner,
  reviewByMs,
});
