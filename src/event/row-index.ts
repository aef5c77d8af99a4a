import type { ClientKind } from '../client.ts';
import type { DecisionRecord } from './decision-event.ts';
import type { DecisionKind } from './decision-kind.ts';

/** Decisions that agree in every dimension, on their way to becoming one event. Used again when that has been made. */
export class MergedRow {
  kind: DecisionKind;
  client = '';
  clientKind: ClientKind = 'key';
  tenant = '';
  address = '';
  cost = 0;
  /** Interval and latency in one number, see cell.ts. */
  cell = 0;
  /** Of the first decision. */
  timeMs = 0;
  /** The least. */
  remaining = 0;
  /** How many came early; means nothing where nobody is told. */
  early = 0;
  count = 0;
  /** Which filling of the index it is of. */
  filling = 0;
  /** The row before it of the same client, of those that are compared, and how many there are. */
  older: MergedRow | null = null;
  depth = 0;

  constructor(kind: DecisionKind) {
    this.kind = kind;
  }

  /** Its first decision. */
  start(record: DecisionRecord, kind: DecisionKind, cell: number): void {
    this.kind = kind;
    this.client = record.client;
    this.clientKind = record.clientKind;
    this.tenant = record.tenant;
    this.address = record.address;
    this.cost = record.cost;
    this.cell = cell;
    this.timeMs = record.timeMs;
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
      this.cost === record.cost &&
      this.clientKind === record.clientKind &&
      this.tenant === record.tenant &&
      this.address === record.address
    );
  }
}

/** Rows of one client that are compared one by one: a client with more is rare, and must not cost more than a key. */
const maxCompared = 8;

const keyOf = (record: DecisionRecord, kind: DecisionKind, cell: number): string =>
  JSON.stringify([record.client, record.clientKind, record.tenant, record.address, record.cost, kind.id, cell]);

/**
 * Rows in the order of their coming, found by client first and then one by one: nearly all clients have a row or two.
 * Nothing is made for a decision whose row is there, and rows are used again.
 */
export class RowIndex {
  readonly #maxClients: number;
  /** The newest row of each client, those of earlier fillings included: a client that comes again needs no new entry. */
  #newest = new Map<string, MergedRow>();
  /** What is not compared one by one, by all dimensions. */
  #keyed = new Map<string, MergedRow>();
  #rows: MergedRow[] = [];
  #spare: MergedRow[] = [];
  #filling = 1;

  /** `maxClients`: how many are remembered from one filling to the next. */
  constructor(maxClients: number) {
    this.#maxClients = maxClients;
  }

  get size(): number {
    return this.#rows.length;
  }

  /** The row of such decisions, or null. */
  find(record: DecisionRecord, kind: DecisionKind, cell: number): MergedRow | null {
    const newest = this.#newestOf(record.client);
    for (let row = newest; row !== null; row = row.older) if (row.holds(record, kind, cell)) return row;
    if (newest === null || newest.depth < maxCompared) return null;
    return this.#keyed.get(keyOf(record, kind, cell)) ?? null;
  }

  /** Starts a row that {@link find} did not find. */
  add(record: DecisionRecord, kind: DecisionKind, cell: number): void {
    // Before the row is used again: the client's entry may still be the same row, of an earlier filling.
    const older = this.#newestOf(record.client);
    const row = this.#spare.pop() ?? new MergedRow(kind);
    row.start(record, kind, cell);
    row.filling = this.#filling;
    this.#rows.push(row);
    if (older !== null && older.depth >= maxCompared) {
      this.#keyed.set(keyOf(record, kind, cell), row);
      return;
    }
    row.older = older;
    row.depth = older === null ? 1 : older.depth + 1;
    this.#newest.set(record.client, row);
  }

  /** Empties the index. The rows are the caller's until it gives them back. */
  take(): MergedRow[] {
    const rows = this.#rows;
    this.#rows = [];
    this.#filling += 1;
    if (this.#newest.size > this.#maxClients) this.#newest = new Map();
    if (this.#keyed.size > 0) this.#keyed = new Map();
    return rows;
  }

  /** Rows that nobody looks at any more. */
  giveBack(rows: MergedRow[]): void {
    this.#spare = rows;
  }

  #newestOf(client: string): MergedRow | null {
    const row = this.#newest.get(client);
    // A row of an earlier filling may have gone to another client since.
    return row !== undefined && row.filling === this.#filling && row.client === client ? row : null;
  }
}
