import { TidegateError } from '../../src/errors.ts';
import type { EventTable, LedgerEnd, RowBlock, RowRun, StoredBlock, StoredRows } from '../../src/ingest/event-table.ts';

/** What one insert does besides storing its rows. */
export type InsertFault =
  /** Fails before anything is stored. */
  | 'away'
  /** Stores everything, then no answer comes. */
  | 'no-answer'
  /** Stores the first half of the rows, then the database dies. */
  | 'half'
  /** Remembers the token, but loses the rows. */
  | 'token-without-rows'
  /** Stores the rows, but forgets the token and does not tell the views. */
  | 'rows-without-token';

interface StoredRow {
  readonly emitter: string;
  readonly seq: number;
  readonly count: number;
}

/** Rows with this text are refused, as a database refuses what it cannot read. */
export const poison = 'poison';

const away = (): TidegateError => new TidegateError('TABLE_FAILED', 'the database is away', { retryable: true });

/** A decision table in memory that can fail in the ways a database does. One derived total stands for the views. */
export class FakeEventTable implements EventTable {
  readonly rows: StoredRow[] = [];
  readonly inserts: string[] = [];
  /** The ledger, by topicId and startOffset; and every line as it was written. */
  readonly ledger = new Map<string, StoredBlock>();
  readonly accounts: StoredBlock[] = [];
  /** Rows that are older may go at any time. */
  keptSinceMs = 0;
  /** What the views hold: Σ count. */
  derived = 0;
  /** Asked before each insert. */
  faultOf: () => InsertFault | null = () => null;
  /** Asked before each read and repair: true is away. */
  isAway: () => boolean = () => false;
  /** Called around each line of the ledger: throw a Death to die there. */
  onAccount: (moment: 'before' | 'after') => void = () => undefined;
  readonly #tokens = new Set<string>();

  get total(): number {
    return this.rows.reduce((sum, { count }) => sum + count, 0);
  }

  async insert(runs: readonly RowRun[], token: string): Promise<void> {
    const fault = this.faultOf();
    if (fault === 'away') throw away();
    this.inserts.push(token);
    const rows = runs.flatMap((run) =>
      run.body
        .toString()
        .split('\n')
        .slice(0, -1)
        .map((line, index): StoredRow => {
          if (line.includes(poison)) throw new TidegateError('FRAME_CORRUPT', 'cannot read the row');
          const { count } = JSON.parse(line) as { count: number };
          return { emitter: run.emitter, seq: run.firstSeq + index, count };
        }),
    );
    if (this.#tokens.has(token)) return;
    if (fault !== 'rows-without-token') this.#tokens.add(token);
    const kept = { 'token-without-rows': 0, half: Math.floor(rows.length / 2) }[String(fault)] ?? rows.length;
    this.rows.push(...rows.slice(0, kept));
    if (fault === 'rows-without-token') throw away();
    this.derived += rows.slice(0, kept).reduce((sum, { count }) => sum + count, 0);
    if (fault !== null) throw away();
  }

  async storedRows({ runs }: RowBlock): Promise<StoredRows> {
    if (this.isAway()) throw away();
    const seqs = new Map<string, Set<number>>();
    let rows = 0;
    for (const { emitter, seq } of this.rows) {
      const isOurs = runs.some(
        (run) => run.emitter === emitter && seq >= run.firstSeq && seq < run.firstSeq + run.rows,
      );
      if (!isOurs) continue;
      rows += 1;
      seqs.set(emitter, (seqs.get(emitter) ?? new Set()).add(seq));
    }
    return { rows, seqs };
  }

  async repair(): Promise<void> {
    if (this.isAway()) throw away();
    this.derived = this.total;
  }

  async marks(): Promise<ReadonlyMap<string, number>> {
    if (this.isAway()) throw away();
    const marks = new Map<string, number>();
    for (const { emitter, seq } of this.rows) marks.set(emitter, Math.max(seq, marks.get(emitter) ?? 0));
    return marks;
  }

  async keepAccount(block: StoredBlock): Promise<void> {
    if (this.isAway()) throw away();
    this.onAccount('before');
    this.accounts.push(block);
    this.ledger.set(`${block.topicId}:${block.startOffset}`, block);
    this.onAccount('after');
  }

  async ledgerEnd(): Promise<LedgerEnd | null> {
    if (this.isAway()) throw away();
    const topicId = this.accounts.at(-1)?.topicId;
    if (topicId === undefined) return null;
    const ends = this.accounts.filter((block) => block.topicId === topicId).map(({ endOffset }) => endOffset);
    return { topicId, endOffset: Math.max(...ends) };
  }

  async keepsSince(): Promise<number> {
    return this.keptSinceMs;
  }
}
