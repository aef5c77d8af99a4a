import { Type } from 'typebox';
import type { Desk } from '../review/desk.ts';
import { refusalOf } from './block-refusal.ts';
import { BlockParams } from './block-routes.ts';
import { QuerySchema } from './block-view.ts';
import { type Api, needs, problemResponses } from './routing.ts';
import type { BlockVerifier } from './verify-block.ts';

const Numbers = Type.Record(Type.String(), Type.Union([Type.Number(), Type.String()]));

const VerificationSchema = Type.Object({
  result: Type.Enum(['match', 'mismatch', 'unverifiable']),
  reason: Type.String({ description: "What differs, or why nothing can be said; '' where all is equal." }),
  expected: Type.Union([Numbers, Type.Null()], { description: 'As the block says; null: it has no evidence.' }),
  found: Type.Union([Numbers, Type.Null()], { description: 'As the stored decisions say; null: they say nothing.' }),
  query: Type.Union([QuerySchema, Type.Null()], { description: 'The question that was asked of `decisions_raw`.' }),
});

export interface VerifyRouteParts {
  readonly desk: Pick<Desk, 'find'>;
  readonly verifier: BlockVerifier;
}

/** `GET /v1/blocks/{id}/verify`: whether the stored decisions still say what the block was made for. */
export const verifyRoutes = (api: Api, { desk, verifier }: VerifyRouteParts): void => {
  api.get(
    '/v1/blocks/:id/verify',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'verifyBlock',
        summary: 'Count the evidence of a block again, from the stored decisions',
        description:
          'Takes the rule as it was, by its hash, and the rows that the detector had read, up to the last one of each gate. Reads single rows, for as long as those are kept.',
        tags: ['blocks'],
        security: [{ bearer: [] }],
        params: BlockParams,
        response: { 200: VerificationSchema, ...problemResponses(400, 401, 403, 404, 503) },
      },
    },
    async ({ params, reviewer }) => {
      const block = await desk.find(reviewer, params.id);
      if (block === null) throw refusalOf({ kind: 'not-found' }, params.id);
      const { expected, found, query, ...said } = await verifier.verify(block);
      return {
        ...said,
        expected: expected && { ...expected },
        found: found && { ...found },
        query: query && { sql: query.sql, params: { ...query.params } },
      };
    },
  );
};
