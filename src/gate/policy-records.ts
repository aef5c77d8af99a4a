import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { type EventLog, type FrameWriter, maxFrameBytes, type OutgoingFrame, topics } from '../event/event-log.ts';
import { encodePolicyLoad, type PolicyLoad } from '../event/policy-load.ts';
import { frameOfRows } from '../event/row-frame.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { Policy, PolicySet, PolicySource } from '../policy/policy.ts';
import { stableHash } from '../stable-hash.ts';

export interface PolicyRecordsOptions {
  readonly policies: PolicySource;
  readonly log: Pick<EventLog, 'writer'>;
  /** Names this gate for as long as it lives. */
  readonly gate: string;
  readonly region: string;
  readonly service?: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly topic?: string;
}

export interface PolicyRecordsStats {
  readonly written: number;
  /** Given up: the log stayed away, or loads came faster than they could be written. */
  readonly dropped: number;
  readonly waiting: number;
}

/** Loads that wait for the log. */
const maxWaiting = 16;
/** About four minutes of trying: the next load, or the next start, says it anew. */
const maxTries = 9;
const firstRetryMs = 1_000;
const lastRetryMs = 60_000;
const closeWithinMs = 2_000;
/** Left for what stands beside the policies in a record. */
const restBytes = 4_096;

/** The policies as JSON, or '' as soon as they do not fit: a set of any size costs no more than one record. */
const policiesAsJson = (policies: readonly Policy[]): string => {
  const parts: string[] = [];
  let bytes = restBytes;
  for (const policy of policies) {
    const part = JSON.stringify(policy);
    // As it stands within a text.
    bytes += Buffer.byteLength(JSON.stringify(part)) + 1;
    if (bytes > maxFrameBytes) return '';
    parts.push(part);
  }
  return `[${parts.join(',')}]`;
};

/** A load whose place in the log is not known yet. */
type Load = Omit<PolicyLoad, 'partition' | 'seq'>;

/** Writes a record of every policy set that this gate loads, beside its decisions and never in their way. */
export class PolicyRecords {
  readonly #options: PolicyRecordsOptions;
  readonly #logger: Logger;
  readonly #unsubscribe: () => void;
  readonly #waiting: Load[] = [];
  #writer: FrameWriter | null = null;
  #working: Promise<void> | null = null;
  #isClosed = false;
  #endPause: () => void = () => undefined;
  /** How many loads went to each partition. */
  readonly #seqs = new Map<number, number>();
  #counts = { written: 0, dropped: 0 };

  constructor(options: PolicyRecordsOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#add(options.policies.current());
    this.#unsubscribe = options.policies.onChange((set) => this.#add(set));
  }

  stats(): PolicyRecordsStats {
    return { ...this.#counts, waiting: this.#waiting.length };
  }

  /** Lets what can be written within two seconds be written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#endPause();
    let giveUp: () => void = () => undefined;
    const tooLate = new Promise<void>((resolve) => {
      giveUp = resolve;
    });
    const timer = this.#options.clock.schedule(closeWithinMs, giveUp);
    await Promise.race([this.#working, tooLate]);
    timer.cancel();
    await this.#writer?.close();
  }

  #add({ version, policies }: PolicySet): void {
    const { gate, region, service = '', clock } = this.#options;
    if (this.#waiting.length >= maxWaiting) this.#drop('others wait already');
    this.#waiting.push({
      timeMs: clock.nowMs(),
      emitter: gate,
      gate,
      region,
      service,
      version,
      policyCount: policies.length,
      policies: policiesAsJson(policies),
    });
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
  }

  async #work(): Promise<void> {
    for (let load = this.#waiting[0]; load !== undefined; load = this.#waiting[0]) {
      const isWritten = await this.#write(load);
      if (this.#waiting[0] !== load) continue;
      if (isWritten) {
        this.#waiting.shift();
        this.#counts.written += 1;
      } else this.#drop('the log stayed away');
    }
  }

  #drop(why: string): void {
    const load = this.#waiting.shift();
    this.#counts.dropped += 1;
    this.#logger.warn({ version: load?.version, why }, 'a record of loaded policies was given up');
  }

  async #write(load: Load): Promise<boolean> {
    let delayMs = firstRetryMs;
    let frame: OutgoingFrame | null = null;
    for (let tries = 1; tries <= maxTries; tries += 1) {
      try {
        this.#writer ??= await this.#open();
        // The same one at each try: what is written twice is recognised by its number.
        frame ??= this.#frameOf(load, this.#writer.partitions);
        await this.#writer.append([frame]);
        return true;
      } catch (error) {
        this.#logger.debug({ err: messageOf(error), tries }, 'a record of loaded policies waits');
      }
      if (this.#isClosed) return false;
      await this.#pause(delayMs);
      delayMs = Math.min(delayMs * 2, lastRetryMs);
    }
    return false;
  }

  /** Ends early when this closes: a process that stops must not wait for it. */
  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.schedule(delayMs, resolve);
      this.#endPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #open(): Promise<FrameWriter> {
    return this.#options.log.writer(this.#options.topic ?? topics.policies, { compacted: true });
  }

  #frameOf(load: Load, partitions: number): OutgoingFrame {
    const partition = stableHash(load.version) % partitions;
    const seq = (this.#seqs.get(partition) ?? 0) + 1;
    this.#seqs.set(partition, seq);
    return { ...frameOfRows([{ ...load, partition, seq }], encodePolicyLoad), key: load.version };
  }
}
