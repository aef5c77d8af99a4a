import type { Clock } from '../clock.ts';
import type { EventTable } from '../ingest/event-table.ts';
import type { Instrumentation } from '../metrics/instrument.ts';

export interface MeasuredTableOptions {
  readonly table: EventTable;
  readonly topic: string;
  readonly measuring: Pick<Instrumentation, 'inserted' | 'blockStored'>;
  readonly clock: Clock;
}

/** The table, timed: what ingest does anyway tells how fresh the rows are, so that no scrape has to ask the database. */
export const measuredTable = ({ table, topic, measuring, clock }: MeasuredTableOptions): EventTable => ({
  async insert(runs, token) {
    const startedUs = clock.monotonicUs();
    await table.insert(runs, token);
    measuring.inserted(topic, (clock.monotonicUs() - startedUs) / 1000);
  },
  async keepAccount(block) {
    await table.keepAccount(block);
    measuring.blockStored(block);
  },
  storedRows: (block) => table.storedRows(block),
  repair: (block) => table.repair(block),
  marks: (partition) => table.marks(partition),
  ledgerEnd: (of, partition) => table.ledgerEnd(of, partition),
  keepsSince: () => table.keepsSince(),
});
