import { otherClientId } from '../client.ts';
import { anyCell, bucketOf, firstCellOf } from './cell.ts';
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

/**
 * What is left of intervals where room is short: no window of a detector is shorter, or begins anywhere but at a whole
 * multiple of it.
 */
const coarseMs = 1000;
/** The same for what says nothing of its client any more: the finest grain of what is kept for long. */
const foldedMs = 60_000;

export interface MergeBufferOptions {
  /** Decisions further apart than this never share a row. Whole fractions of a second only. */
  readonly intervalMs: number;
  /**
   * Rows held at full resolution. From half of them on intervals are a second; above, clients are folded; above twice as
   * many, tenants, policies and costs as well; above three times as many, nothing of the time is left.
   */
  readonly maxRows: number;
  /** One row per decision while there is room. */
  readonly every: boolean;
}

/** The time that share a cell, and what its cells begin with. */
class CellRange {
  readonly #intervalMs: number;
  #stepMs = 0;
  #fromMs = Number.POSITIVE_INFINITY;
  #toMs = Number.NEGATIVE_INFINITY;
  #firstCell = 0;
  /** Where intervals are counted from: the first of this filling. */
  #origin: number | null = null;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** `stepMs`: a whole number of intervals. Most come in the same one as the one before. */
  firstCellOf(timeMs: number, stepMs: number): number {
    if (timeMs < this.#fromMs || timeMs >= this.#toMs || stepMs !== this.#stepMs) this.#enter(timeMs, stepMs);
    return this.#firstCell;
  }

  forget(): void {
    this.#origin = null;
    this.#stepMs = 0;
  }

  #enter(timeMs: number, stepMs: number): void {
    this.#stepMs = stepMs;
    this.#fromMs = Math.floor(timeMs / stepMs) * stepMs;
    this.#toMs = this.#fromMs + stepMs;
    const interval = Math.floor(this.#fromMs / this.#intervalMs);
    this.#origin ??= interval;
    this.#firstCell = firstCellOf(interval - this.#origin);
  }
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
  readonly #cells: CellRange;
  #kinds = new KindIndex();
  #borrowsFrom: MergeBuffer | null = null;
  #lendsTo: MergeBuffer | null = null;
  #coarse = 0;
  #folded = 0;
  #foldedTwice = 0;

  constructor({ intervalMs, maxRows, every }: MergeBufferOptions) {
    this.#intervalMs = intervalMs;
    this.#maxRows = maxRows;
    this.#every = every;
    this.#cells = new CellRange(intervalMs);
  }

  /** What the other has no use for is this one's room, and what this one has taken of it is no longer the other's. */
  borrowFrom(other: MergeBuffer): void {
    this.#borrowsFrom = other;
    other.#lendsTo = this;
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
    const stepMs = roomy ? this.#intervalMs : coarseMs;
    const cell = this.#cells.firstCellOf(record.timeMs, stepMs) + bucketOf(record.latencyUs);
    if (roomy && this.#every) {
      rows.addApart(record, kind ?? this.#kinds.add(record), cell);
      return;
    }
    const row = rows.find(record, kind, cell);
    if (row) row.countOne(record);
    else if (roomy || size < this.#room()) rows.add(record, kind ?? this.#kinds.add(record), cell);
    else {
      this.#addFolded(record, kind);
      return;
    }
    if (!roomy) this.#coarse += 1;
  }

  /** Empties the buffer: rows in the order of their first decision, to be given back when they have been read. */
  take(): MergedRow[] {
    if (this.#kinds.size > maxKinds) this.#kinds = new KindIndex();
    else this.#kinds.forgetFolded();
    this.#cells.forget();
    return this.#rows.take();
  }

  giveBack(rows: MergedRow[]): void {
    this.#rows.giveBack(rows);
  }

  /** Rows that clients may have of their own. */
  #room(): number {
    const [lender, borrower] = [this.#borrowsFrom, this.#lendsTo];
    const borrowed = lender ? Math.max(0, lender.#maxRows - lender.size) : 0;
    const lent = borrower ? Math.max(0, borrower.size - borrower.#maxRows) : 0;
    return Math.max(0, this.#maxRows + borrowed - lent);
  }

  #addFolded(record: DecisionRecord, kind: DecisionKind | undefined): void {
    this.#folded += 1;
    const cell = this.#cells.firstCellOf(record.timeMs, foldedMs);
    // Most come to the row that the one before of their kind came to.
    const likely = kind?.foldedRow;
    if (
      likely &&
      likely.cell === cell &&
      likely.cost === record.cost &&
      likely.tenant === record.tenant &&
      likely.clientKind === record.clientKind
    ) {
      likely.countOne(record);
      return;
    }
    const room = this.#room() + this.#maxRows;
    const row = this.#countFolded(folded(record), cell, room);
    if (row !== null) {
      if (kind) this.#kinds.rememberFolded(kind, row);
      return;
    }
    this.#foldedTwice += 1;
    const most = foldedTwice(record);
    if (this.#countFolded(most, cell, room + this.#maxRows) === null) {
      this.#countFolded(most, anyCell, Number.POSITIVE_INFINITY);
    }
  }

  /** Counts it in a row of its own while there are fewer than `maxRows`; else, without a row, returns null. */
  #countFolded(record: DecisionRecord, cell: number, maxRows: number): MergedRow | null {
    const known = this.#kinds.find(record);
    const row = this.#rows.find(record, known, cell);
    if (row) row.countOne(record);
    else if (this.#rows.size < maxRows) return this.#rows.add(record, known ?? this.#kinds.add(record), cell);
    return row;
  }
}
