import { otherClientId } from '../client.ts';
import { anyCell, cellOf } from './cell.ts';
import type { DecisionRecord } from './decision-event.ts';
import { KindIndex } from './decision-kind.ts';
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
  readonly #options: MergeBufferOptions;
  readonly #rows: RowIndex;
  #kinds = new KindIndex();
  #folded = 0;

  constructor(options: MergeBufferOptions) {
    this.#options = options;
    this.#rows = new RowIndex(2 * options.maxRows);
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
    const { size } = this.#rows;
    const roomy = size < maxRows / 2;
    const cell = cellOf(record.timeMs, record.latencyUs, roomy ? intervalMs : null);
    const kind = this.#kinds.find(record);
    const row = kind === undefined || (every && roomy) ? null : this.#rows.find(record, kind, cell);
    if (row) row.countOne(record);
    else if (size < maxRows) this.#rows.add(record, kind ?? this.#kinds.add(record), cell);
    else this.#addFolded(record);
  }

  /** Empties the buffer: rows in the order of their first decision, to be given back when they have been read. */
  take(): MergedRow[] {
    if (this.#kinds.size > maxKinds) this.#kinds = new KindIndex();
    return this.#rows.take();
  }

  giveBack(rows: MergedRow[]): void {
    this.#rows.giveBack(rows);
  }

  #addFolded(record: DecisionRecord): void {
    this.#folded += 1;
    const once = folded(record);
    if (this.#counted(once)) return;
    if (this.#rows.size < 2 * this.#options.maxRows) this.#start(once);
    else {
      const twice = foldedTwice(record);
      if (!this.#counted(twice)) this.#start(twice);
    }
  }

  #counted(record: DecisionRecord): boolean {
    const kind = this.#kinds.find(record);
    const row = kind === undefined ? null : this.#rows.find(record, kind, anyCell);
    row?.countOne(record);
    return row !== null;
  }

  #start(record: DecisionRecord): void {
    this.#rows.add(record, this.#kinds.find(record) ?? this.#kinds.add(record), anyCell);
  }
}
