import type { Verdict } from '../blocklist/block.ts';
import type { BlockList, PromotionResult } from '../blocklist/block-list.ts';
import { clientKeyOf } from '../client.ts';
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
import { decodeFrame } from '../event/frame.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts';
import { PartitionDetector, type PartitionStats } from './partition-detector.ts';
import type { RuleSet } from './rule.ts';

export interface DetectorOptions {
  readonly log: EventLog;
  readonly rules: RuleSet;
  readonly blockList: Pick<BlockList, 'promote'>;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Detectors of one group share the partitions. Default `tidegate-detector`. */
  readonly group?: string;
  /** Default `tidegate.decisions`. */
  readonly topic?: string;
}

export interface DetectorStats extends PartitionStats {
  readonly partitions: number;
  readonly verdicts: number;
  /** Verdicts by what became of them. */
  readonly promotions: Readonly<Record<PromotionResult['kind'] | 'shadow', number>>;
  /** Attempts that failed and were made again. */
  readonly promotionFailures: number;
  readonly corruptFrames: number;
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

const firstBackOffMs = 100;
const maxBackOffMs = 5000;
const recordsPerHeartbeat = 50;

type RetiredStats = Omit<PartitionStats, 'clients'>;

/** Reads decisions, draws conclusions and promotes them to blocks. */
export const createDetector = (options: DetectorOptions): Detector => new LogDetector(options);

class LogDetector implements Detector, RecordHandler {
  readonly #options: DetectorOptions;
  readonly #logger: Logger;
  readonly #modes: ReadonlyMap<string, RuleSet['rules'][number]>;
  readonly #partitions = new Map<number, PartitionDetector>();
  readonly #done = new Map<number, number>();
  readonly #committed = new Map<number, number>();
  /** Concluded, not yet promoted: the oldest first. Bounded by what one record can conclude. */
  readonly #pending = new Map<number, Verdict[]>();
  #waiters: Waiter[] = [];
  #reader: LogReader | null = null;
  #stopping = false;
  readonly #pauses = new Set<() => void>();
  #verdicts = 0;
  #failures = 0;
  #corrupt = 0;
  /** Of partitions that this detector owned before. */
  readonly #retired: { -readonly [Field in keyof RetiredStats]: number } = {
    events: 0,
    evidence: 0,
    late: 0,
    duplicates: 0,
    evictedClients: 0,
  };
  readonly #promotions = { activated: 0, proposed: 0, already: 0, suppressed: 0, shadow: 0 };

  constructor(options: DetectorOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#modes = new Map(options.rules.rules.map((rule) => [rule.name, rule]));
  }

  async start(): Promise<void> {
    const { log, topic = topics.decisions, group = 'tidegate-detector' } = this.#options;
    this.#stopping = false;
    this.#reader = await log.reader(topic, group);
    await this.#reader.start(this);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const end of this.#pauses) end();
    this.#pauses.clear();
    await this.#reader?.stop();
    this.#reader = null;
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
      partitions: this.#partitions.size,
      verdicts: this.#verdicts,
      promotions: { ...this.#promotions },
      promotionFailures: this.#failures,
      corruptFrames: this.#corrupt,
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
    this.#partitions.set(partition, new PartitionDetector({ partition, rules, fromOffset, ...known }));
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
    for (const [index, record] of batch.records.entries()) {
      if (index % recordsPerHeartbeat === recordsPerHeartbeat - 1) await batch.heartbeat();
      pending.push(...this.#observe(detector, record));
      for (let verdict = pending[0]; verdict; verdict = pending[0]) {
        await this.#promote(verdict, batch);
        pending.shift();
      }
      // Another owner may have taken over meanwhile: its position is no longer ours to tell.
      if (this.#partitions.get(batch.partition) !== detector) return;
      this.#done.set(batch.partition, detector.nextOffset);
      this.#wake();
    }
    await this.#commit(detector, batch);
  }

  revoked(partition: number): void {
    this.#retire(partition);
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

  /** The ingester keeps a corrupt frame for people to look at; here it is nobody's evidence. */
  #eventsOf(record: LogRecord): ReturnType<typeof decodeFrame>['events'] {
    try {
      return decodeFrame(record).events;
    } catch (error) {
      this.#corrupt += 1;
      this.#logger.warn({ err: messageOf(error), offset: record.offset }, 'corrupt frame skipped');
      return [];
    }
  }

  async #promote(verdict: Verdict, batch: RecordBatch): Promise<void> {
    const rule = this.#modes.get(verdict.rule);
    if (!rule || rule.mode === 'off' || rule.mode === 'shadow') {
      this.#promotions.shadow += 1;
      this.#report('shadow', verdict);
      return;
    }
    const { mode, block: duration, maxBlocksPerHour } = rule;
    for (let backOffMs = firstBackOffMs; ; backOffMs = Math.min(maxBackOffMs, backOffMs * 2)) {
      try {
        const result = await this.#options.blockList.promote({ verdict, duration, mode, maxBlocksPerHour });
        this.#promotions[result.kind] += 1;
        this.#report(result.kind === 'suppressed' ? `suppressed: ${result.reason}` : result.kind, verdict);
        return;
      } catch (error) {
        this.#failures += 1;
        this.#logger.warn({ err: messageOf(error), verdict: verdict.id, backOffMs }, 'promotion failed, trying again');
        await this.#pause(backOffMs);
        // Rejecting leaves the checkpoint where it is: the next owner concludes the same and promotes it.
        if (this.#stopping) throw error;
        await batch.heartbeat();
      }
    }
  }

  /** Ends early when the detector stops. */
  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.schedule(delayMs, () => {
        this.#pauses.delete(end);
        resolve();
      });
      const end = (): void => {
        timer.cancel();
        resolve();
      };
      if (this.#stopping) end();
      else this.#pauses.add(end);
    });
  }

  #report(result: string, verdict: Verdict): void {
    const { id, rule, client, tenant, evidence } = verdict;
    const { denied, allowed, distinctRoutes, windows } = evidence;
    const fields = { verdict: id, rule, client: clientKeyOf(client), tenant, denied, allowed, distinctRoutes, windows };
    this.#logger.info({ result, ...fields }, 'verdict');
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
