import { otherClientId } from '../client.ts';
import { anyCell, cellOf, cellOfLatency } from './cell.ts';
import type { DecisionRecord } from './decision-event.ts';
import { type DecisionKind, KindIndex } from './decision-kind.ts';
import { type MergedRow, RowIndex } from './row-index.ts';

/** The path of all routes that are folded together for lack of room. */
const otherRoute = '~other';

/** Keeps tenant, policy and outcome; says no more who it was or where. */
const folded = (record: DecisionRecord): DecisionRecord => ({
  ...record,
  client: otherClientId,
  address: '',
  route: otherRoute,
  method: '',
  limit: 0,
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

/** Kinds remembered from one interval to the next. More in use at a time are bounded by the rows they are of. */
const maxKinds = 4096;

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
 * tenant, policy and cost. Keeps nothing of a record but its texts.
 */
export class MergeBuffer {
  readonly #intervalMs: number;
  readonly #maxRows: number;
  readonly #every: boolean;
  readonly #rows = new RowIndex();
  #kinds = new KindIndex();
  /** Where intervals are counted from: the first of this filling. */
  #origin: number | null = null;
  #coarse = 0;
  #folded = 0;
  #foldedTwice = 0;

  constructor({ intervalMs, maxRows, every }: MergeBufferOptions) {
    this.#intervalMs = intervalMs;
    this.#maxRows = maxRows;
    this.#every = every;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Decisions whose interval was given up, since the start; those that were folded not among them. */
  get coarseDecisions(): number {
    return this.#coarse;
  }

  /** Decisions whose client was given up, since the start. */
  get foldedDecisions(): number {
    return this.#folded;
  }

  /** Of these, those whose tenant, policy and cost were given up as well. */
  get foldedTwiceDecisions(): number {
    return this.#foldedTwice;
  }

  add(record: DecisionRecord): void {
    const rows = this.#rows;
    const { size } = rows;
    const kind = this.#kinds.find(record);
    const roomy = size < this.#maxRows / 2;
    const cell = roomy ? this.#cellOf(record) : cellOfLatency(record.latencyUs);
    if (roomy && this.#every) {
      rows.addApart(record, kind ?? this.#kinds.add(record), cell);
      return;
    }
    const row = rows.find(record, kind, cell);
    if (!row && size >= this.#maxRows) {
      this.#addFolded(record, kind);
      return;
    }
    if (!roomy) this.#coarse += 1;
    if (row) row.countOne(record);
    else rows.add(record, kind ?? this.#kinds.add(record), cell);
  }

  /** Empties the buffer: rows in the order of their first decision, to be given back when they have been read. */
  take(): MergedRow[] {
    if (this.#kinds.size > maxKinds) this.#kinds = new KindIndex();
    else this.#kinds.forgetFolded();
    this.#origin = null;
    return this.#rows.take();
  }

  giveBack(rows: MergedRow[]): void {
    this.#rows.giveBack(rows);
  }

  #cellOf({ timeMs, latencyUs }: DecisionRecord): number {
    const interval = Math.floor(timeMs / this.#intervalMs);
    this.#origin ??= interval;
    return cellOf(interval - this.#origin, latencyUs);
  }

  #addFolded(record: DecisionRecord, kind: DecisionKind | undefined): void {
    this.#folded += 1;
    // Most come to the row that the one before of their kind came to.
    const likely = kind?.foldedRow;
    if (
      likely &&
      likely.cost === record.cost &&
      likely.tenant === record.tenant &&
      likely.clientKind === record.clientKind
    ) {
      likely.countOne(record);
      return;
    }
    const row = this.#countFolded(folded(record), 2 * this.#maxRows);
    if (row === null) {
      this.#foldedTwice += 1;
      this.#countFolded(foldedTwice(record), Number.POSITIVE_INFINITY);
    } else if (kind) this.#kinds.rememberFolded(kind, row);
  }

  /** Counts it in a row of its own while there are fewer than `maxRows`; else, without a row, returns null. */
  #countFolded(record: DecisionRecord, maxRows: number): MergedRow | null {
    const known = this.#kinds.find(record);
    const row = this.#rows.find(record, known, anyCell);
    if (row) row.countOne(record);
    else if (this.#rows.size < maxRows) return this.#rows.add(record, known ?? this.#kinds.add(record), anyCell);
    return row;
  }
}
