import type { Committed, LogRecord, RecordBatch, RecordHandler } from '../../src/event/event-log.ts';

/** Remembers every call. What else is to happen in `handle` is set by the test. */
export class RecordingHandler implements RecordHandler {
  /** What each partition had committed when it was last assigned; only partitions that are owned now. */
  readonly owned = new Map<number, Committed>();
  readonly records: (LogRecord & { readonly partition: number })[] = [];
  readonly batches: RecordBatch[] = [];
  readonly calls: string[] = [];
  onHandle: (batch: RecordBatch) => Promise<void> = async () => undefined;

  async assigned(partition: number, committed: Committed): Promise<void> {
    this.calls.push(`assigned ${partition}`);
    this.owned.set(partition, committed);
  }

  async handle(batch: RecordBatch): Promise<void> {
    this.calls.push(`handle ${batch.partition}`);
    this.batches.push(batch);
    await this.onHandle(batch);
    this.records.push(...batch.records.map((record) => ({ ...record, partition: batch.partition })));
  }

  revoked(partition: number): void {
    this.calls.push(`revoked ${partition}`);
    this.owned.delete(partition);
  }

  get partitions(): number[] {
    return [...this.owned.keys()].sort((a, b) => a - b);
  }

  /** The text of the records of one partition, in the order in which they were handled. */
  texts(partition: number): string[] {
    return this.records.filter((record) => record.partition === partition).map((record) => record.body.toString());
  }
}
