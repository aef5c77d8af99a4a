import type { DecisionRecord } from './decision-event.ts';

/** Decisions that agree in every dimension, on their way to becoming one event. */
export interface MergedRow {
  readonly first: DecisionRecord;
  /** Which interval its decisions are of; -1: any. */
  readonly interval: number;
  remaining: number;
  early: number | null;
  count: number;
}

/** Rows of one client that are compared one by one: a client with more is rare, and must not cost more than a key. */
const maxCompared = 8;

const sameTexts = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((text, index) => text === b[index]));

/** What differs most often comes first. The client is the same already. */
const agrees = (a: DecisionRecord, b: DecisionRecord): boolean =>
  a.route === b.route &&
  a.outcome === b.outcome &&
  a.cost === b.cost &&
  a.method === b.method &&
  a.policy === b.policy &&
  a.clientKind === b.clientKind &&
  a.tenant === b.tenant &&
  a.address === b.address &&
  a.source === b.source &&
  a.policyVersion === b.policyVersion &&
  a.scope === b.scope &&
  a.limit === b.limit &&
  a.degraded === b.degraded &&
  a.candidateOutcome === b.candidateOutcome &&
  a.compensated === b.compensated &&
  (a.early === null) === (b.early === null) &&
  sameTexts(a.shadowDenied, b.shadowDenied);

const keyOf = (record: DecisionRecord, latencyUs: number, interval: number): string =>
  JSON.stringify([
    interval,
    latencyUs,
    record.client,
    record.route,
    record.outcome,
    record.cost,
    record.method,
    record.policy,
    record.clientKind,
    record.tenant,
    record.address,
    record.source,
    record.policyVersion,
    record.scope,
    record.limit,
    record.degraded,
    record.candidateOutcome,
    record.compensated,
    record.early === null,
    record.shadowDenied,
  ]);

interface ClientRows {
  readonly compared: MergedRow[];
  /** The rest, by all of their dimensions. */
  keyed: Map<string, MergedRow> | null;
}

/**
 * Rows in the order of their coming, found by what their decisions have in common. By client first, then one by one:
 * nearly all clients have a row or two, and a key of twenty parts costs more than all else that a decision does.
 */
export class RowIndex {
  readonly rows: MergedRow[] = [];
  readonly #byClient = new Map<string, ClientRows>();

  get size(): number {
    return this.rows.length;
  }

  /** The row of such decisions, or undefined. `latencyUs`: the bucket, instead of the record's own. */
  find(record: DecisionRecord, latencyUs: number, interval: number): MergedRow | undefined {
    const rows = this.#byClient.get(record.client);
    if (!rows) return undefined;
    for (const row of rows.compared) {
      if (row.interval === interval && row.first.latencyUs === latencyUs && agrees(row.first, record)) return row;
    }
    return rows.keyed?.get(keyOf(record, latencyUs, interval));
  }

  /** Adds a row of its own. */
  add(row: MergedRow): void {
    this.rows.push(row);
    const { first, interval } = row;
    const rows = this.#byClient.get(first.client);
    if (!rows) this.#byClient.set(first.client, { compared: [row], keyed: null });
    else if (rows.compared.length < maxCompared) rows.compared.push(row);
    else {
      rows.keyed ??= new Map();
      rows.keyed.set(keyOf(first, first.latencyUs, interval), row);
    }
  }
}
