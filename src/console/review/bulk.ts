import type { Batch } from '../app/api-types.ts';
import { newKey } from '../app/client.ts';
import { refreshUnder } from '../app/live.ts';
import { part } from '../app/router.ts';
import { get, send } from '../app/session.ts';
import { after } from '../app/time.ts';
import type { LiftReason } from './acts.ts';
import type { ApiFilter } from './filter.ts';
import type { BulkActName, BulkPreview } from './types.ts';

/** Which blocks are meant. */
export type BulkTarget =
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'filter'; readonly filter: ApiFilter };

export interface BulkAct {
  readonly act: BulkActName;
  readonly note?: string;
  readonly reason?: LiftReason;
  readonly until?: string;
  readonly action?: unknown;
  readonly assignee?: string | null;
}

const bulkTimeoutMs = 60_000;
const pollMs = 700;

const bodyOf = (target: BulkTarget, act: BulkAct): object => ({
  ...(target.kind === 'ids' ? { ids: target.ids } : { filter: target.filter }),
  ...act,
});

/** What it would come to. */
export const preview = async (target: BulkTarget, act: BulkAct): Promise<BulkPreview> => {
  const body = { ...bodyOf(target, act), dryRun: true };
  return (await send<BulkPreview>('POST', 'v1/blocks/bulk', { body, timeoutMs: bulkTimeoutMs })).body;
};

export interface BulkOrder {
  readonly target: BulkTarget;
  readonly act: BulkAct;
  /** As the preview said: much more or less, and nothing is done. */
  readonly expected: number;
  /** The same for a second attempt. */
  readonly key: string;
}

export const orderOf = (target: BulkTarget, act: BulkAct, expected: number): BulkOrder => ({
  target,
  act,
  expected,
  key: newKey(),
});

const refreshAfter = (batch: Batch): Batch => {
  if (batch.state !== 'running' && batch.state !== 'undoing') {
    refreshUnder('v1/blocks');
    refreshUnder('v1/batches');
  }
  return batch;
};

export const run = async ({ target, act, expected, key }: BulkOrder): Promise<Batch> => {
  const body = { ...bodyOf(target, act), expected };
  return refreshAfter((await send<Batch>('POST', 'v1/blocks/bulk', { body, key, timeoutMs: bulkTimeoutMs })).body);
};

export const undoBatch = async (batchId: string, note: string): Promise<Batch> => {
  const path = `v1/batches/${part(batchId)}/undo`;
  return refreshAfter((await send<Batch>('POST', path, { body: { note }, timeoutMs: bulkTimeoutMs })).body);
};

export const isAtWork = ({ state }: Batch): boolean => state === 'running' || state === 'undoing';

/** Asks how far it is until it is through. The answer ends the asking. */
export const follow = (batch: Batch, onNews: (batch: Batch) => void): (() => void) => {
  if (!isAtWork(batch)) return () => undefined;
  let cancel = (): void => undefined;
  const ask = async (): Promise<void> => {
    try {
      const news = refreshAfter(await get<Batch>(`v1/batches/${part(batch.batchId)}`));
      onNews(news);
      if (isAtWork(news)) cancel = after(pollMs, () => void ask());
    } catch {
      // Silence is told at the top of the page; it goes on meanwhile.
      cancel = after(3 * pollMs, () => void ask());
    }
  };
  cancel = after(pollMs, () => void ask());
  return () => cancel();
};
