import { Type } from 'typebox';
import type { Logger } from '../logger.ts';
import type { Bulk } from '../review/bulk.ts';
import { BatchSchema, batchView } from './batch-view.ts';
import { namingFields } from './block-refusal.ts';
import { bulkRefusalOf } from './bulk-routes.ts';
import { Note } from './fields.ts';
import { NextCursor, pageAsked, RecordPageQuery, RecordParams } from './record-pages.ts';
import { type Api, needs, problemResponses } from './routing.ts';

export interface BatchRouteParts {
  readonly bulk: Bulk;
  readonly logger: Logger;
}

const about = { tags: ['blocks'] };

/** Bulk changes of the last 30 days, and taking them back. */
export const batchRoutes = (api: Api, { bulk, logger }: BatchRouteParts): void => {
  api.get(
    '/v1/batches',
    {
      ...needs('viewer'),
      schema: {
        ...about,
        operationId: 'listBatches',
        summary: 'Bulk changes, newest first; a page may be short, with more behind it',
        querystring: RecordPageQuery,
        response: {
          200: Type.Object({
            batches: Type.Array(BatchSchema),
            nextCursor: NextCursor,
          }),
          ...problemResponses(503),
        },
      },
    },
    async ({ query, reviewer }) => {
      const page = await bulk.list(reviewer, pageAsked(query));
      return { batches: page.batches.map(batchView), nextCursor: page.nextCursor };
    },
  );

  api.get(
    '/v1/batches/:id',
    {
      ...needs('viewer'),
      schema: {
        ...about,
        operationId: 'getBatch',
        summary: 'One bulk change, and how far it is',
        params: RecordParams,
        response: { 200: BatchSchema, ...problemResponses(404, 503) },
      },
    },
    async ({ params, reviewer }) => {
      const batch = await bulk.find(reviewer, params.id);
      if (batch === null) throw bulkRefusalOf({ kind: 'not-found' });
      return batchView(batch);
    },
  );

  api.post(
    '/v1/batches/:id/undo',
    {
      ...needs('reviewer'),
      schema: {
        ...about,
        operationId: 'undoBatch',
        summary: 'Take a bulk change back, as far as nobody has touched its blocks since',
        params: RecordParams,
        body: Type.Object({ note: Note }, { additionalProperties: false }),
        response: { 200: BatchSchema, ...problemResponses(404, 409, 503) },
      },
    },
    async ({ params, body, reviewer }) => {
      const answer = await namingFields(() => bulk.undo(reviewer, params.id, body.note));
      if (answer.kind !== 'batch') throw bulkRefusalOf(answer);
      logger.info({ batch: params.id, actor: reviewer.name }, 'bulk change undone');
      return batchView(answer.batch);
    },
  );
};
