import { type Static, Type } from 'typebox';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Logger } from '../logger.ts';
import type { Bulk, BulkRefusal } from '../review/bulk.ts';
import { type BulkAct, type BulkTargets, mostRefused, mostSampled } from '../review/bulk-targets.ts';
import { mostAtOnce } from '../review/limits.ts';
import type { Reviewer } from '../review/roles.ts';
import { roles } from '../review/roles.ts';
import { BatchSchema, batchView } from './batch-view.ts';
import { ActionFields, acts } from './block-acts.ts';
import { FilterSchema, filterFrom } from './block-query.ts';
import { namingFields, oversteps } from './block-refusal.ts';
import { withRefusals } from './block-routes.ts';
import { BlockSchema } from './block-view.ts';
import { invalidField, RequestFailure } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';

export interface BulkRouteParts {
  readonly blockList: Pick<BlockList, 'refusals'>;
  readonly bulk: Bulk;
  readonly logger: Logger;
}

/** Ten thousand ids of blocks. */
const bodyLimitBytes = 2 * 1024 * 1024;

const bulkActs = ['confirm', 'activate', 'lift', 'extend', 'downgrade', 'assign'] as const;

const BulkBody = Type.Object(
  {
    ids: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
        minItems: 1,
        maxItems: mostAtOnce,
        description: 'These blocks; or `filter`.',
      }),
    ),
    filter: Type.Optional(FilterSchema),
    act: Type.Enum([...bulkActs]),
    ...ActionFields,
    dryRun: Type.Optional(
      Type.Boolean({ default: false, description: 'true: say what it would come to, change nothing.' }),
    ),
    expected: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: mostAtOnce,
        description: '`count` of the preview: when it is off by more than a tenth and ten, nothing is done.',
      }),
    ),
  },
  { additionalProperties: false },
);

const PreviewSchema = Type.Object({
  count: Type.Integer(),
  isExact: Type.Boolean({ description: 'false: more than 10,000, which nobody may change at once.' }),
  sample: Type.Array(BlockSchema, { description: `At most ${mostSampled} of them.` }),
  refused: Type.Array(Type.Object({ id: Type.String(), reason: Type.String() }), {
    description: `Those that it would not work for, the first ${mostRefused}.`,
  }),
  refusedCount: Type.Integer(),
  needs: Type.Union([Type.Enum([...roles]), Type.Null()], {
    description: 'The least role that may do all of it; null: none may.',
  }),
});

/** Fields that an act cannot do without. */
const required: Readonly<Record<(typeof bulkActs)[number], readonly (keyof Static<typeof BulkBody>)[]>> = {
  confirm: [],
  activate: ['note'],
  lift: ['reason', 'note'],
  extend: ['until', 'note'],
  downgrade: ['action', 'note'],
  assign: ['assignee'],
};

const actFrom = (body: Static<typeof BulkBody>): BulkAct => {
  const missing = required[body.act].filter((field) => body[field] === undefined);
  if (missing.length > 0) {
    const problems = missing.map((field) => ({ path: `body.${field}`, message: 'is missing' }));
    const detail = problems.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new RequestFailure('invalid-request', detail, problems);
  }
  // Checked above: what each act needs is there.
  const { note = '', reason = 'goodwill', until = '', action = { kind: 'refuse' }, assignee = null } = body;
  const tombstone = body.tombstoneMs === undefined ? {} : { tombstoneMs: body.tombstoneMs };
  const act = acts[body.act]({ note, reason, until, action, assignee, ...tombstone });
  if (act.kind === 'undo') throw invalidField('body.act', 'cannot be done to many');
  return act;
};

const targetsFrom = ({ ids, filter }: Static<typeof BulkBody>, reviewer: Reviewer): BulkTargets => {
  if (ids !== undefined && filter !== undefined) throw invalidField('body.filter', 'cannot stand beside ids');
  if (ids !== undefined) return { ids };
  if (filter === undefined) throw invalidField('body.ids', 'or body.filter must say which blocks are meant');
  return { filter: filterFrom(filter, { reviewer, at: 'body.filter' }) };
};

/** What a bulk change was refused for, as an answer. */
export const bulkRefusalOf = (refusal: BulkRefusal): RequestFailure => {
  if (refusal.kind === 'forbidden') return oversteps(refusal.overstep);
  if (refusal.kind === 'not-found') return new RequestFailure('not-found', 'There is no such batch.');
  if (refusal.kind === 'conflict') return new RequestFailure('conflict', refusal.detail);
  const field = 'means more than 10,000 blocks, which nobody may change at once: say more of which are meant';
  return invalidField('body.filter', field);
};

/** One change to many blocks. */
export const bulkRoutes = (api: Api, { blockList, bulk, logger }: BulkRouteParts): void => {
  api.post(
    '/v1/blocks/bulk',
    {
      ...needs('reviewer'),
      bodyLimit: bodyLimitBytes,
      schema: {
        operationId: 'changeBlocks',
        summary: 'One change to many blocks by ids or filter, with a preview; it can be undone as a whole',
        description:
          'A filter that names no state means the blocks that it can be done to. The answer comes when all is done, or after two seconds with the state `running`: `GET /v1/batches/{id}` tells how far it is.',
        tags: ['blocks'],
        body: BulkBody,
        response: {
          200: Type.Union([PreviewSchema, BatchSchema]),
          ...problemResponses(409, 503),
        },
      },
    },
    async ({ body, reviewer }) => {
      const { expected } = body;
      const asked = {
        act: actFrom(body),
        targets: targetsFrom(body, reviewer),
        ...(expected === undefined ? {} : { expected }),
      };
      if (body.dryRun === true) {
        const answer = await namingFields(() => bulk.preview(reviewer, asked));
        if (answer.kind !== 'preview') throw bulkRefusalOf(answer);
        const { sample, refused, ...preview } = answer.preview;
        return { ...preview, refused: [...refused], sample: await withRefusals(blockList, sample) };
      }
      const answer = await namingFields(() => bulk.run(reviewer, asked));
      if (answer.kind !== 'batch') throw bulkRefusalOf(answer);
      const { id, act, total } = answer.batch;
      logger.info({ batch: id, act, blocks: total, actor: reviewer.name }, 'blocks changed in bulk');
      return batchView(answer.batch);
    },
  );
};
