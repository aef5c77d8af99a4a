import { otherClientId } from '../client.ts';
import type { DecisionRecord } from './decision-event.ts';

/** Decisions that agree in every dimension, on their way to becoming one event. */
export interface MergedRow {
  readonly first: DecisionRecord;
  remaining: number;
  early: number | null;
  count: number;
}

/** The path of all routes that are folded together for lack of room. */
const otherRoute = '~other';

/** The upper bound of the logarithmic bucket a latency falls in: the next power of two, microseconds. */
export const latencyBucketUs = (latencyUs: number): number =>
  latencyUs <= 1 ? 1 : 2 ** (32 - Math.clz32(Math.min(Math.ceil(latencyUs), 2 ** 31) - 1));

const dimensionsOf = (record: DecisionRecord): string =>
  [
    record.outcome,
    record.source,
    record.clientKind,
    record.client,
    record.tenant,
    record.route,
    record.method,
    record.policy,
    record.policyVersion,
    record.scope,
    record.limit,
    record.degraded,
    record.cost,
    record.latencyUs,
    record.early === null ? '' : '0',
    record.address,
    record.shadowDenied.join(','),
  ].join('\u0001');

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
});

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
  #rows = new Map<string, MergedRow>();
  #serial = 0;
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

  add(decision: DecisionRecord): void {
    const record = { ...decision, latencyUs: latencyBucketUs(decision.latencyUs) };
    const { intervalMs, maxRows, every } = this.#options;
    const roomy = this.#rows.size < maxRows / 2;
    const interval = roomy ? Math.floor(record.timeMs / intervalMs) : '';
    if (every && roomy) {
      this.#serial += 1;
      this.#merge(`${this.#serial}`, record);
      return;
    }
    const key = `${interval}\u0001${dimensionsOf(record)}`;
    if (this.#rows.size < maxRows || this.#rows.has(key)) {
      this.#merge(key, record);
      return;
    }
    this.#folded += 1;
    const once = folded(record);
    const fits = this.#rows.size < 2 * maxRows || this.#rows.has(dimensionsOf(once));
    const coarse = fits ? once : foldedTwice(record);
    this.#merge(dimensionsOf(coarse), coarse);
  }

  /** Empties the buffer: rows in the order of their first decision. */
  take(): MergedRow[] {
    const rows = [...this.#rows.values()];
    this.#rows = new Map();
    return rows;
  }

  /** Σ count of what waits. */
  decisions(): number {
    let sum = 0;
    for (const row of this.#rows.values()) sum += row.count;
    return sum;
  }

  #merge(key: string, record: DecisionRecord): void {
    const row = this.#rows.get(key);
    const early = record.early === null ? null : Number(record.early);
    if (!row) {
      this.#rows.set(key, { first: record, remaining: record.remaining, early, count: 1 });
      return;
    }
    row.count += 1;
    row.remaining = Math.min(row.remaining, record.remaining);
    if (early !== null) row.early = (row.early ?? 0) + early;
  }
}
