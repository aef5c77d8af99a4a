import type { DecisionReadings } from '../alert/definition.ts';
import type { Auditor } from '../analytics/audit.ts';
import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { EvidenceReader } from '../analytics/verify-rows.ts';
import type { AlertObjectives } from '../clickhouse/alert-objectives.ts';
import type { Clock } from '../clock.ts';

/** What this needs of a database. */
interface Readable {
  readonly reader: DecisionReader;
  readonly auditor: Auditor;
  readonly evidence: EvidenceReader;
  alerts(objectives: Partial<AlertObjectives>): DecisionReadings;
  close(): Promise<void>;
}

export interface LateReaderOptions {
  readonly open: () => Promise<Readable>;
  readonly clock: Clock;
}

/** Between two attempts to open: a page that polls must not knock on a dead server with each request. */
const retryMs = 5000;

/**
 * A reader whose database may be away when the process starts: it is opened by the first question that finds it there.
 * Until then, questions reject with why it could not be opened.
 */
export class LateReader implements DecisionReader {
  readonly #options: LateReaderOptions;
  #database: Promise<Readable> | null = null;
  #retryAtUs = 0;

  /** The same for audits. */
  readonly auditor: Auditor = {
    read: async (query) => (await this.#there()).auditor.read(query),
    partitionTotals: async () => (await this.#there()).auditor.partitionTotals(),
    ledgerEnds: async (topic) => (await this.#there()).auditor.ledgerEnds(topic),
    busiestMinuteBlocks: async () => (await this.#there()).auditor.busiestMinuteBlocks(),
    nowMs: async () => (await this.#there()).auditor.nowMs(),
  };

  /** And for evidence. */
  readonly evidence: EvidenceReader = {
    queryFor: async (question) => (await this.#there()).evidence.queryFor(question),
    counts: async (question) => (await this.#there()).evidence.counts(question),
    state: async (question) => (await this.#there()).evidence.state(question),
  };

  /** And for alerts. */
  alerts(objectives: Partial<AlertObjectives>): DecisionReadings {
    // What bounds the questions is in the readings: one of them for each database.
    const opened = new WeakMap<Readable, DecisionReadings>();
    return {
      read: async (question, atMs) => {
        const database = await this.#there();
        const readings = opened.get(database) ?? database.alerts(objectives);
        opened.set(database, readings);
        return readings.read(question, atMs);
      },
    };
  }

  constructor(options: LateReaderOptions) {
    this.#options = options;
  }

  totals: DecisionReader['totals'] = async (range) => (await this.#opened()).totals(range);
  throttleRates: DecisionReader['throttleRates'] = async (query) => (await this.#opened()).throttleRates(query);
  latencies: DecisionReader['latencies'] = async (query) => (await this.#opened()).latencies(query);
  topDeniedClients: DecisionReader['topDeniedClients'] = async (query) =>
    (await this.#opened()).topDeniedClients(query);
  freshness: DecisionReader['freshness'] = async () => (await this.#opened()).freshness();

  within: DecisionReader['within'] = (tenants) => {
    const asked = async () => (await this.#opened()).within(tenants);
    return {
      throttleRates: async (query) => (await asked()).throttleRates(query),
      outcomes: async (query) => (await asked()).outcomes(query),
      offenders: async (query) => (await asked()).offenders(query),
      nearLimit: async (query) => (await asked()).nearLimit(query),
      spikes: async (query) => (await asked()).spikes(query),
      clientHistory: async (query) => (await asked()).clientHistory(query),
      decisionsAround: async (query) => (await asked()).decisionsAround(query),
      changeLogs: async () => (await asked()).changeLogs(),
      blockChanges: async (query) => (await asked()).blockChanges(query),
    };
  };

  async close(): Promise<void> {
    const database = await this.#database?.catch(() => null);
    await database?.close();
  }

  async #opened(): Promise<DecisionReader> {
    return (await this.#there()).reader;
  }

  #there(): Promise<Readable> {
    const { clock, open } = this.#options;
    if (this.#database === null || (this.#retryAtUs > 0 && clock.monotonicUs() >= this.#retryAtUs)) {
      this.#retryAtUs = 0;
      this.#database = open();
      this.#database.catch(() => {
        this.#retryAtUs = clock.monotonicUs() + retryMs * 1000;
      });
    }
    return this.#database;
  }
}
