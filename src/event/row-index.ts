import type { ClientKind } from '../client.ts';
import type { DecisionRecord } from './decision-event.ts';
import type { DecisionKind } from './decision-kind.ts';

/**
 * Decisions that agree in every dimension, on their way to becoming one event. Used again when that has been made. Its
 * numbers are small ones: see cell.ts.
 */
export class MergedRow {
  kind: DecisionKind;
  client = '';
  clientKind: ClientKind = 'key';
  tenant = '';
  address = '';
  route = '';
  method = '';
  cost = 0;
  /** Interval and latency, see cell.ts. */
  cell = 0;
  /** When the first decision was taken: seconds since the epoch, and the milliseconds beside them. */
  second = 0;
  millisecond = 0;
  /** The least. */
  remaining = 0;
  /** How many came early; means nothing where nobody is told. */
  early = 0;
  count = 0;
  /** The row before it of the same client, of those that are compared, and how many there are. */
  older: MergedRow | null = null;
  depth = 0;

  constructor(kind: DecisionKind) {
    this.kind = kind;
  }

  get timeMs(): number {
    return this.second * 1000 + this.millisecond;
  }

  /** Its first decision. */
  start(record: DecisionRecord, kind: DecisionKind, cell: number): void {
    this.kind = kind;
    this.client = record.client;
    this.clientKind = record.clientKind;
    this.tenant = record.tenant;
    this.address = record.address;
    this.route = record.route;
    this.method = record.method;
    this.cost = record.cost;
    this.cell = cell;
    this.second = Math.floor(record.timeMs / 1000);
    this.millisecond = record.timeMs - this.second * 1000;
    this.remaining = record.remaining;
    this.early = record.early ? 1 : 0;
    this.count = 1;
  }

  /** One more decision of the same sort. */
  countOne(record: DecisionRecord): void {
    this.count += 1;
    if (record.remaining < this.remaining) this.remaining = record.remaining;
    if (record.early) this.early += 1;
  }

  /** Its client is the same already. */
  holds(record: DecisionRecord, kind: DecisionKind, cell: number): boolean {
    return (
      this.kind === kind &&
      this.cell === cell &&
      this.route === record.route &&
      this.cost === record.cost &&
      this.clientKind === record.clientKind &&
      this.tenant === record.tenant &&
      this.address === record.address &&
      this.method === record.method
    );
  }
}

/** Rows of one client that are compared one by one: a client with more is rare, and must not cost more than a key. */
const maxCompared = 8;

const keyOf = (record: DecisionRecord, kind: DecisionKind, cell: number): string =>
  JSON.stringify([
    record.client,
    record.route,
    record.cost,
    record.clientKind,
    record.tenant,
    record.address,
    record.method,
    kind.id,
    cell,
  ]);

/**
 * Rows in the order of their coming, found by client first and then one by one: nearly all clients have a row or two.
 * Nothing is made for a decision whose row is there, and rows are used again.
 */
export class RowIndex {
  /** The newest of the compared rows of each client. */
  #newest = new Map<string, MergedRow>();
  /** What is not compared one by one, by all dimensions. */
  #keyed = new Map<string, MergedRow>();
  #rows: MergedRow[] = [];
  #spare: MergedRow[] = [];
  /** Of the client that was looked for last: what is added next is one of its. */
  #foundNewest: MergedRow | undefined;

  get size(): number {
    return this.#rows.length;
  }

  /** The row of such decisions, or null. */
  find(record: DecisionRecord, kind: DecisionKind | undefined, cell: number): MergedRow | null {
    const newest = this.#newest.get(record.client);
    this.#foundNewest = newest;
    if (newest === undefined || kind === undefined) return null;
    for (let row: MergedRow | null = newest; row !== null; row = row.older)
      if (row.holds(record, kind, cell)) return row;
    return newest.depth < maxCompared ? null : (this.#keyed.get(keyOf(record, kind, cell)) ?? null);
  }

  /** Starts the row that {@link find} has just not found. */
  add(record: DecisionRecord, kind: DecisionKind, cell: number): MergedRow {
    const row = this.addApart(record, kind, cell);
    const older = this.#foundNewest;
    if (older !== undefined && older.depth >= maxCompared) this.#keyed.set(keyOf(record, kind, cell), row);
    else {
      row.older = older ?? null;
      row.depth = older === undefined ? 1 : older.depth + 1;
      this.#newest.set(record.client, row);
    }
    return row;
  }

  /** Starts a row that is not found again. */
  addApart(record: DecisionRecord, kind: DecisionKind, cell: number): MergedRow {
    const row = this.#spare.pop() ?? new MergedRow(kind);
    row.start(record, kind, cell);
    this.#rows.push(row);
    return row;
  }

  /** Empties the index. The rows are the caller's until it gives them back. */
  take(): MergedRow[] {
    const rows = this.#rows;
    this.#rows = [];
    this.#newest = new Map();
    if (this.#keyed.size > 0) this.#keyed = new Map();
    return rows;
  }

  /** Rows that nobody looks at any more. */
  giveBack(rows: MergedRow[]): void {
    this.#spare = rows;
  }
}
