import { otherClientId } from '../client.ts';
import type { DecisionRecord } from './decision-event.ts';
import { type MergedRow, RowIndex } from './row-index.ts';

export type { MergedRow } from './row-index.ts';

/** The path of all routes that are folded together for lack of room. */
const otherRoute = '~other';

/** The upper bound of the logarithmic bucket a latency falls in: the next power of two, microseconds. */
export const latencyBucketUs = (latencyUs: number): number =>
  latencyUs <= 1 ? 1 : 2 ** (32 - Math.clz32(Math.min(Math.ceil(latencyUs), 2 ** 31) - 1));

/** Keeps tenant, policy and outcome; says no more who it was or where. */
const folded = (record: DecisionRecord): DecisionRecord => ({
  ...record,
  client: otherClientId,
  address: '',
  route: otherRoute,
  method: '',
  limit: 0,
  latencyUs: 0,
  remaining: 0,
  shadowDenied: [],
});

/** Keeps the outcome and who decided: callers choose tenants and costs, and there is no end of those. */
const foldedTwice = (record: DecisionRecord): DecisionRecord => ({
  ...folded(record),
  tenant: otherClientId,
  policy: '',
  policyVersion: '',
  scope: '',
  cost: 0,
  candidateOutcome: '',
  compensated: 0,
});

/** One more decision of the same kind. */
const count = (row: MergedRow, { remaining, early }: DecisionRecord): void => {
  row.count += 1;
  row.remaining = Math.min(row.remaining, remaining);
  if (early !== null) row.early = (row.early ?? 0) + Number(early);
};

/** What stands for the interval of rows that are not told apart by it. */
const anyInterval = -1;

export interface MergeBufferOptions {
  /** Decisions further apart than this never share a row. Whole fractions of a second only. */
  readonly intervalMs: number;
  /**
   * Rows held at full resolution. At half of them intervals are no longer told apart; above, clients are folded; above
   * twice as many, tenants, policies and costs as well.
   */
  readonly maxRows: number;
  /** One row per decision while there is room. */
  readonly every: boolean;
}

/**
 * Rows that wait to be sent. Bounded by giving up resolution, never counts: first the interval, then the client, then
 * tenant, policy and cost.
 */
export class MergeBuffer {
  readonly #options: MergeBufferOptions;
  #rows = new RowIndex();
  #folded = 0;

  constructor(options: MergeBufferOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Decisions whose client was given up, since the start. */
  get foldedDecisions(): number {
    return this.#folded;
  }

  add(record: DecisionRecord): void {
    const { intervalMs, maxRows, every } = this.#options;
    const latencyUs = latencyBucketUs(record.latencyUs);
    const roomy = this.#rows.size < maxRows / 2;
    const interval = roomy ? Math.floor(record.timeMs / intervalMs) : anyInterval;
    const row = every && roomy ? undefined : this.#rows.find(record, latencyUs, interval);
    if (row) count(row, record);
    else if (this.#rows.size < maxRows) this.#start({ ...record, latencyUs }, interval);
    else this.#addFolded(record);
  }

  /** Empties the buffer: rows in the order of their first decision. */
  take(): MergedRow[] {
    const { rows } = this.#rows;
    this.#rows = new RowIndex();
    return rows;
  }

  /** Σ count of what waits. */
  decisions(): number {
    return this.#rows.rows.reduce((sum, row) => sum + row.count, 0);
  }

  #addFolded(record: DecisionRecord): void {
    this.#folded += 1;
    const once = folded(record);
    const row = this.#rows.find(once, once.latencyUs, anyInterval);
    if (row) count(row, once);
    else if (this.#rows.size < 2 * this.#options.maxRows) this.#start(once, anyInterval);
    else this.#addFoldedTwice(foldedTwice(record));
  }

  #addFoldedTwice(record: DecisionRecord): void {
    const row = this.#rows.find(record, record.latencyUs, anyInterval);
    if (row) count(row, record);
    else this.#start(record, anyInterval);
  }

  #start(first: DecisionRecord, interval: number): void {
    const { remaining } = first;
    this.#rows.add({ first, interval, remaining, early: first.early === null ? null : Number(first.early), count: 1 });
  }
}
