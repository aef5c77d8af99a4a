import { Type } from 'typebox';
import type { Block } from '../blocklist/block.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Desk } from '../review/desk.ts';
import { BlockQuery, CountQuery, filterFrom } from './block-query.ts';
import { namingFields, refusalOf } from './block-refusal.ts';
import { BlockListSchema, type BlockView, blockView, SingleBlockSchema, StepSchema, stepView } from './block-view.ts';
import { etagOf } from './etag.ts';
import { type Api, needs, problemResponses } from './routing.ts';
import type { BlockVerifier } from './verify-block.ts';

export interface BlockRouteParts {
  readonly blockList: Pick<BlockList, 'list' | 'count' | 'history' | 'refusals'>;
  readonly desk: Pick<Desk, 'find'>;
  /** Tells the question to the database that gives the evidence of a block again. */
  readonly verifier: Pick<BlockVerifier, 'queryOf'>;
}

export const BlockParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128 }) });

const mostCounted = 10_000;

/** Blocks with what each refused. A page holds no more than may be asked about at once. */
export const withRefusals = async (
  blockList: Pick<BlockList, 'refusals'>,
  blocks: readonly Block[],
): Promise<BlockView[]> => {
  const refusals = blocks.length === 0 ? [] : await blockList.refusals(blocks.map(({ id }) => id));
  const byId = new Map(refusals.map((one) => [one.blockId, one]));
  return blocks.map((block) => blockView(block, byId.get(block.id)));
};

/** One block as it is now. */
export const viewOf = async (blockList: Pick<BlockList, 'refusals'>, block: Block): Promise<BlockView> =>
  blockView(block, (await blockList.refusals([block.id]))[0]);

const about = { tags: ['blocks'] };

/** List, count and look at blocks. */
export const blockRoutes = (api: Api, parts: BlockRouteParts): void => {
  listRoutes(api, parts);
  const { blockList, desk, verifier } = parts;

  api.get(
    '/v1/blocks/:id',
    {
      ...needs('viewer'),
      schema: {
        ...about,
        operationId: 'getBlock',
        summary: 'One block with its evidence; its ETag is its version',
        params: BlockParams,
        response: { 200: SingleBlockSchema, ...problemResponses(404, 503) },
      },
    },
    async ({ params, reviewer }, reply) => {
      const block = await desk.find(reviewer, params.id);
      if (block === null) throw refusalOf({ kind: 'not-found' }, params.id);
      void reply.header('etag', etagOf(block.version));
      const query = await verifier.queryOf(block);
      return { ...(await viewOf(blockList, block)), query: query && { sql: query.sql, params: { ...query.params } } };
    },
  );

  api.get(
    '/v1/blocks/:id/history',
    {
      ...needs('viewer'),
      schema: {
        ...about,
        operationId: 'getBlockHistory',
        summary: 'What became of a block, oldest first; at most the newest 200 steps',
        params: BlockParams,
        response: { 200: Type.Object({ steps: Type.Array(StepSchema) }), ...problemResponses(404, 503) },
      },
    },
    async ({ params, reviewer }) => {
      if ((await desk.find(reviewer, params.id)) === null) throw refusalOf({ kind: 'not-found' }, params.id);
      return { steps: (await blockList.history(params.id)).map(stepView) };
    },
  );
};

const listRoutes = (api: Api, { blockList }: BlockRouteParts): void => {
  api.get(
    '/v1/blocks',
    {
      ...needs('viewer'),
      schema: {
        ...about,
        operationId: 'listBlocks',
        summary: 'Blocks, newest first unless another order is asked for',
        querystring: BlockQuery,
        response: { 200: BlockListSchema, ...problemResponses(503) },
      },
    },
    async ({ query: { sort = 'newest', limit = 100, cursor, ...given }, reviewer }) => {
      const filter = filterFrom(given, { reviewer, at: 'query' });
      const from = cursor === undefined ? {} : { cursor };
      // The list knows its cursors, and refuses one of another filter or order.
      const page = await namingFields(() => blockList.list({ ...filter, ...from, sort, limit }));
      return { blocks: await withRefusals(blockList, page.blocks), nextCursor: page.nextCursor };
    },
  );

  api.get(
    '/v1/blocks/count',
    {
      ...needs('viewer'),
      schema: {
        ...about,
        operationId: 'countBlocks',
        summary: 'How many blocks a filter means, up to 10,000',
        querystring: CountQuery,
        response: {
          200: Type.Object({
            count: Type.Integer(),
            isExact: Type.Boolean({ description: 'false: there are more, and counting stopped.' }),
          }),
          ...problemResponses(503),
        },
      },
    },
    ({ query, reviewer }) => blockList.count(filterFrom(query, { reviewer, at: 'query' }), mostCounted),
  );
};
