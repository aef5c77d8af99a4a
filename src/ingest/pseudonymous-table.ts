import type { EventTable, LedgerEnd, RowBlock, RowRun, StoredBlock, StoredRows } from './event-table.ts';
import { PseudonymousLines } from './pseudonymous-lines.ts';
import type { Pseudonyms } from './pseudonyms.ts';

/**
 * A table in which nobody is named: clients and addresses are replaced on their way in. Everything else goes by emitter and
 * position, which stay, so that a block counts the same before and after a change of keys: token, checksum and what is
 * found missing are those of the original rows.
 */
export class PseudonymousTable implements EventTable {
  readonly #table: EventTable;
  readonly #lines: PseudonymousLines;

  constructor(table: EventTable, pseudonyms: Pseudonyms) {
    this.#table = table;
    this.#lines = new PseudonymousLines(pseudonyms);
  }

  async insert(runs: readonly RowRun[], token: string): Promise<void> {
    const rewritten = runs.map((run): RowRun => ({ ...run, body: this.#lines.rewrite(run.body) }));
    await this.#table.insert(rewritten, token);
  }

  storedRows(block: RowBlock): Promise<StoredRows> {
    return this.#table.storedRows(block);
  }

  repair(block: RowBlock): Promise<void> {
    return this.#table.repair(block);
  }

  marks(partition: number): Promise<ReadonlyMap<string, number>> {
    return this.#table.marks(partition);
  }

  keepAccount(block: StoredBlock): Promise<void> {
    return this.#table.keepAccount(block);
  }

  ledgerEnd(topic: string, partition: number): Promise<LedgerEnd | null> {
    return this.#table.ledgerEnd(topic, partition);
  }

  keepsSince(): Promise<number> {
    return this.#table.keepsSince();
  }
}
