import type { ClientKind } from '../client.ts';
import type { DecisionRecord } from './decision-event.ts';
import type { DecisionKind } from './decision-kind.ts';

/**
 * Decisions that agree in every dimension, on their way to becoming one event. Used again when that has been made. Its
 * numbers are small ones: see cell.ts.
 */
export class MergedRow {
  // What is compared and counted for each decision lies together: rows are many, and most of them not in the cache.
  kind: DecisionKind;
  /** Interval and latency, see cell.ts. */
  cell = 0;
  route = '';
  cost = 0;
  count = 0;
  /** The least. */
  remaining = 0;
  clientKind: ClientKind = 'key';
  tenant = '';
  address = '';
  method = '';
  /** How many came early; means nothing where nobody is told. */
  early = 0;
  /** The next of the same client, of those that are compared, and how many there are in all: the first row's counts. */
  next: MergedRow | null = null;
  depth = 0;
  client = '';
  /** When the first decision was taken: seconds since the epoch, and the milliseconds beside them. */
  second = 0;
  millisecond = 0;

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
const maxCompared = 16;

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
  /** The first of the compared rows of each client. */
  #first = new Map<string, MergedRow>();
  /** What is not compared one by one, by all dimensions. */
  #keyed = new Map<string, MergedRow>();
  #rows: MergedRow[] = [];
  #spare: MergedRow[] = [];
  /** Of the client that was looked for last: what is added next is one of its. */
  #foundFirst: MergedRow | undefined;

  get size(): number {
    return this.#rows.length;
  }

  /** The row of such decisions, or null. */
  find(record: DecisionRecord, kind: DecisionKind | undefined, cell: number): MergedRow | null {
    const first = this.#first.get(record.client);
    this.#foundFirst = first;
    if (first === undefined || kind === undefined) return null;
    if (first.holds(record, kind, cell)) return first;
    for (let before = first; before.next !== null; before = before.next) {
      const row = before.next;
      if (!row.holds(record, kind, cell)) continue;
      if (row.count > first.count) this.#putFirst(row, before, first);
      return row;
    }
    return first.depth < maxCompared ? null : (this.#keyed.get(keyOf(record, kind, cell)) ?? null);
  }

  /** Starts the row that {@link find} has just not found. */
  add(record: DecisionRecord, kind: DecisionKind, cell: number): MergedRow {
    const row = this.addApart(record, kind, cell);
    const next = this.#foundFirst;
    if (next !== undefined && next.depth >= maxCompared) this.#keyed.set(keyOf(record, kind, cell), row);
    else {
      row.next = next ?? null;
      row.depth = next === undefined ? 1 : next.depth + 1;
      this.#first.set(record.client, row);
    }
    return row;
  }

  /** What comes most often is looked at first. */
  #putFirst(row: MergedRow, before: MergedRow, first: MergedRow): void {
    before.next = row.next;
    row.next = first;
    row.depth = first.depth;
    this.#first.set(row.client, row);
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
    this.#first = new Map();
    if (this.#keyed.size > 0) this.#keyed = new Map();
    return rows;
  }

  /** Rows that nobody looks at any more. */
  giveBack(rows: MergedRow[]): void {
    this.#spare = rows;
  }
}
