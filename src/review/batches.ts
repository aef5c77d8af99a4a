import type { KeptRecord, RecordStore, ReviewRecords } from './records.ts';
import type { Reviewer } from './roles.ts';

/** Why one block of a batch is not as it was meant to be. */
export interface BatchFailure {
  /** Of the block. */
  readonly id: string;
  readonly code: 'not-found' | 'forbidden' | 'conflict' | 'changed-since' | 'invalid' | 'unavailable';
  readonly detail: string;
}

/** How far a walk over the blocks of a batch has come. */
export interface Tally {
  readonly done: number;
  /** The first {@link mostFailures} of them. */
  readonly failed: readonly BatchFailure[];
  readonly failedCount: number;
}

/** One change to many blocks, and what became of it. */
export interface Batch extends Tally {
  readonly id: string;
  /** What was done: `lift`. */
  readonly act: string;
  readonly note: string;
  readonly by: string;
  /** Of who did it: others see it only where these are in reach. */
  readonly tenants: Reviewer['tenants'];
  readonly atMs: number;
  readonly total: number;
  /**
   * `interrupted`: the process that was at it is gone; what it did stays and can be undone. While it runs, or is being undone,
   * its process says every few seconds that it still is.
   */
  readonly state: 'running' | 'done' | 'interrupted' | 'undoing' | 'undone';
  readonly beatMs: number;
  readonly undo: (Tally & { readonly by: string; readonly note: string; readonly atMs: number }) | null;
}

export const mostFailures = 1000;
const keptForMs = 30 * 86_400_000;
const mostBatches = 500;
/** Six beats missed. */
const silentMs = 30_000;
export const beatEveryMs = 5000;

export const nothingTallied: Tally = { done: 0, failed: [], failedCount: 0 };

export const withFailure = (tally: Tally, failure: BatchFailure): Tally => ({
  ...tally,
  failedCount: tally.failedCount + 1,
  failed: tally.failed.length < mostFailures ? [...tally.failed, failure] : tally.failed,
});

/** As it stands: nobody has to be awake to see that who ran it is gone. */
export const batchAt = (batch: Batch, nowMs: number): Batch => {
  const isAtWork = batch.state === 'running' || batch.state === 'undoing';
  return isAtWork && batch.beatMs < nowMs - silentMs ? { ...batch, state: 'interrupted' } : batch;
};

const isVisible = ({ tenants }: Batch, reach: Reviewer['tenants']): boolean =>
  reach === null || tenants?.every((tenant) => reach.includes(tenant)) === true;

/** A batch with the revision that whoever writes it must have seen. */
export interface HeldBatch {
  readonly batch: Batch;
  readonly revision: number;
}

const heldFrom = ({ text, revision }: KeptRecord): HeldBatch => ({ batch: JSON.parse(text) as Batch, revision });

export interface BatchStore {
  /** Keeps the batch and which blocks it is about, before anything is done. */
  open(batch: Batch, blockIds: readonly string[]): Promise<HeldBatch>;
  /** Null: somebody else has it in hand by now. */
  save(held: HeldBatch): Promise<HeldBatch | null>;
  /** Null: there is none, or it is out of reach. */
  find(batchId: string, tenants: Reviewer['tenants']): Promise<HeldBatch | null>;
  blockIds(batchId: string): Promise<readonly string[]>;
  /** Newest first. */
  list(
    tenants: Reviewer['tenants'],
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<{ readonly batches: readonly Batch[]; readonly nextCursor: string | null }>;
}

/** The newest 500 batches of the last 30 days. */
export class KeptBatches implements BatchStore {
  readonly #batches: RecordStore;
  readonly #targets: RecordStore;

  constructor(records: ReviewRecords) {
    this.#batches = records.shelf({ name: 'batches', keptForMs, most: mostBatches });
    this.#targets = records.shelf({ name: 'batch-blocks', keptForMs, most: mostBatches });
  }

  async open(batch: Batch, blockIds: readonly string[]): Promise<HeldBatch> {
    await this.#targets.put({ id: batch.id, text: JSON.stringify(blockIds), ifRevision: 0 });
    await this.#batches.put({ id: batch.id, text: JSON.stringify(batch), ifRevision: 0 });
    return { batch, revision: 1 };
  }

  async save({ batch, revision }: HeldBatch): Promise<HeldBatch | null> {
    const isKept = await this.#batches.put({ id: batch.id, text: JSON.stringify(batch), ifRevision: revision });
    return isKept ? { batch, revision: revision + 1 } : null;
  }

  async find(batchId: string, tenants: Reviewer['tenants']): Promise<HeldBatch | null> {
    const record = await this.#batches.get(batchId);
    const held = record && heldFrom(record);
    return held && isVisible(held.batch, tenants) ? held : null;
  }

  async blockIds(batchId: string): Promise<readonly string[]> {
    const record = await this.#targets.get(batchId);
    return record === null ? [] : (JSON.parse(record.text) as string[]);
  }

  async list(
    tenants: Reviewer['tenants'],
    { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  ): Promise<{ readonly batches: readonly Batch[]; readonly nextCursor: string | null }> {
    const { records, nextCursor } = await this.#batches.newest(limit, cursor);
    const batches = records.map((record) => heldFrom(record).batch).filter((batch) => isVisible(batch, tenants));
    return { batches, nextCursor };
  }
}
