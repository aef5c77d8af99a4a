import { type Static, Type } from 'typebox';
import type { Batch, BatchFailure, Tally } from '../review/batches.ts';
import { Instant, instantText } from './fields.ts';

const tally = {
  done: Type.Integer({ description: 'Blocks that it was done to.' }),
  failed: Type.Array(Type.Object({ id: Type.String(), code: Type.String(), detail: Type.String() }), {
    description: 'The others, the first 1,000 of them.',
  }),
  failedCount: Type.Integer(),
};

export const BatchSchema = Type.Object({
  batchId: Type.String(),
  act: Type.String(),
  note: Type.String(),
  by: Type.String(),
  at: Instant,
  total: Type.Integer({ description: 'Blocks that it is about.' }),
  ...tally,
  state: Type.Enum(['running', 'done', 'interrupted', 'undoing', 'undone'], {
    description: '`interrupted`: the process that ran it is gone; what it did stays and can be undone.',
  }),
  undo: Type.Union([Type.Object({ by: Type.String(), note: Type.String(), at: Instant, ...tally }), Type.Null()], {
    description: 'How it was taken back; `changed-since`: somebody has touched the block, which stays as it is.',
  }),
});

export type BatchView = Static<typeof BatchSchema>;

const tallyView = ({
  done,
  failed,
  failedCount,
}: Tally): { done: number; failed: BatchFailure[]; failedCount: number } => ({
  done,
  failed: [...failed],
  failedCount,
});

export const batchView = (batch: Batch): BatchView => ({
  batchId: batch.id,
  act: batch.act === 'change-action' ? 'downgrade' : batch.act,
  note: batch.note,
  by: batch.by,
  at: instantText(batch.atMs),
  total: batch.total,
  ...tallyView(batch),
  state: batch.state,
  undo: batch.undo && {
    by: batch.undo.by,
    note: batch.undo.note,
    at: instantText(batch.undo.atMs),
    ...tallyView(batch.undo),
  },
});
