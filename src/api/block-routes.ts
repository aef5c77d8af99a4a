import { Type } from 'typebox';
import type { Block } from '../blocklist/block.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Transition } from '../blocklist/block-review.ts';
import { readSubject } from '../blocklist/subject-text.ts';
import { subjectKeyOf } from '../client.ts';
import { TidegateError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { BlockListSchema, BlockSchema, type BlockView, blockView, statesPattern } from './block-view.ts';
import { etagOf, readIfMatch } from './etag.ts';
import { invalidField, RequestFailure } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const BlockQuery = Type.Object(
  {
    states: Type.Optional(
      Type.String({ pattern: statesPattern, maxLength: 100, description: 'Comma-separated states.' }),
    ),
    rule: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    subject: Type.Optional(
      Type.String({
        minLength: 2,
        maxLength: 512,
        description: '`ip:203.0.113.9`, `user:…`, `key:…` or `network:203.0.113.0/24`; within a tenant `acme/user:…`.',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
    cursor: Type.Optional(
      Type.String({ minLength: 1, maxLength: 512, description: '`nextCursor` of the page before.' }),
    ),
  },
  { additionalProperties: false },
);

const BlockParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128 }) });

const LiftBody = Type.Object(
  {
    reason: Type.Enum(['false-positive', 'goodwill'], { description: 'Why the client is let back in.' }),
    note: Type.Optional(Type.String({ maxLength: 2000, description: 'For whoever looks at it later.' })),
  },
  { additionalProperties: false },
);

const IfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({ description: 'The ETag that the decision was made on: of two people one wins.' }),
  ),
});

const subjectKeyFrom = (text: string): string => {
  const read = readSubject(text);
  if ('subject' in read) return subjectKeyOf(read.subject);
  throw invalidField('query.subject', read.instead === null ? read.problem : `${read.problem}; try ${read.instead}`);
};

const found = async (blockList: BlockList, id: string): Promise<Block> => {
  const block = await blockList.get(id);
  if (!block) throw new RequestFailure('not-found', `No block has the id ${id}.`);
  return block;
};

/** The version that a lift insists on; undefined: none. Throws when the block is past it already. */
const versionFor = async (
  blockList: BlockList,
  id: string,
  ifMatch: string | undefined,
): Promise<number | undefined> => {
  const wanted = readIfMatch(ifMatch);
  if (wanted.kind === 'malformed') throw invalidField('header.if-match', 'must be an ETag such as "3"');
  if (wanted.kind !== 'versions') return undefined;
  const { version } = await found(blockList, id);
  if (wanted.versions.includes(version)) return version;
  throw new RequestFailure('precondition-failed', `The block has version ${version} by now. Read it again.`);
};

type Lift = Extract<Transition, { kind: 'lift' }>;

const lift = async (blockList: BlockList, id: string, request: Lift): Promise<Block> => {
  try {
    return await blockList.transition(id, request);
  } catch (error) {
    if (!(error instanceof TidegateError) || error.code !== 'BLOCK_CONFLICT') throw error;
    const { version, state } = await found(blockList, id);
    if (request.ifVersion !== undefined && request.ifVersion !== version) {
      throw new RequestFailure('precondition-failed', `The block has version ${version} by now. Read it again.`);
    }
    throw new RequestFailure('conflict', `The block is ${state}: there is nothing to lift.`);
  }
};

/** Blocks with what each refused. A page holds no more than may be asked about at once. */
const withRefusals = async (blockList: BlockList, blocks: readonly Block[]): Promise<BlockView[]> => {
  const refusals = blocks.length === 0 ? [] : await blockList.refusals(blocks.map(({ id }) => id));
  const byId = new Map(refusals.map((one) => [one.blockId, one]));
  return blocks.map((block) => blockView(block, byId.get(block.id)));
};

const viewOf = async (blockList: BlockList, block: Block): Promise<BlockView> =>
  blockView(block, (await blockList.refusals([block.id]))[0]);

/** List, look at and lift blocks. */
export const blockRoutes = (api: Api, blockList: BlockList, logger: Logger): void => {
  api.get(
    '/v1/blocks',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'listBlocks',
        summary: 'Blocks, newest first',
        tags: ['blocks'],
        security: [{ bearer: [] }],
        querystring: BlockQuery,
        response: { 200: BlockListSchema, ...problemResponses(400, 401, 503) },
      },
    },
    async ({ query: { states, rule, subject, limit, cursor } }) => {
      const page = await blockList.list({
        ...(states === undefined ? {} : { states: states.split(',') as Block['state'][] }),
        ...(rule === undefined ? {} : { rule }),
        ...(subject === undefined ? {} : { subjectKey: subjectKeyFrom(subject) }),
        ...(cursor === undefined ? {} : { cursor }),
        limit: limit ?? 100,
      });
      const blocks = await withRefusals(blockList, page.blocks);
      return { blocks, nextCursor: page.nextCursor };
    },
  );

  api.get(
    '/v1/blocks/:id',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'getBlock',
        summary: 'One block with its evidence; its ETag is its version',
        tags: ['blocks'],
        security: [{ bearer: [] }],
        params: BlockParams,
        response: { 200: BlockSchema, ...problemResponses(400, 401, 404, 503) },
      },
    },
    async ({ params }, reply) => {
      const block = await found(blockList, params.id);
      void reply.header('etag', etagOf(block.version));
      return viewOf(blockList, block);
    },
  );

  liftRoute(api, blockList, logger);
};

const liftRoute = (api: Api, blockList: BlockList, logger: Logger): void => {
  api.post(
    '/v1/blocks/:id/lift',
    {
      ...needs('reviewer'),
      schema: {
        operationId: 'liftBlock',
        summary: 'End a block now and keep the detector from making it again for a day',
        tags: ['blocks'],
        security: [{ bearer: [] }],
        params: BlockParams,
        headers: IfMatch,
        body: LiftBody,
        response: { 200: BlockSchema, ...problemResponses(400, 401, 404, 409, 412, 413, 415, 503) },
      },
    },
    async ({ params, body, headers, reviewer }, reply) => {
      const ifVersion = await versionFor(blockList, params.id, headers['if-match']);
      const block = await lift(blockList, params.id, {
        kind: 'lift',
        actor: reviewer.name,
        reason: body.reason,
        note: body.note ?? '',
        ...(ifVersion === undefined ? {} : { ifVersion }),
      });
      // Who undid what is looked for in the log first. The note may hold anything a person typed: it stays with the block.
      const { rule, subject } = block;
      logger.info(
        { block: block.id, rule, subject: subjectKeyOf(subject), actor: reviewer.name, reason: body.reason },
        'block lifted',
      );
      void reply.header('etag', etagOf(block.version));
      return viewOf(blockList, block);
    },
  );
};
