import { Type } from 'typebox';
import type { BlockList } from '../blocklist/block-list.ts';
import { subjectKeyOf } from '../client.ts';
import type { Logger } from '../logger.ts';
import { type MakingDesk, makingReasons } from '../review/making.ts';
import { AskedSchema, approvalView } from './approval-view.ts';
import { namingFields, oversteps } from './block-refusal.ts';
import { viewOf } from './block-routes.ts';
import { ActionSchema, BlockSchema } from './block-view.ts';
import { etagOf } from './etag.ts';
import { InstantInput, instantFrom, Note, SubjectText, subjectFrom } from './fields.ts';
import { RequestFailure } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';

export interface BlockMakeParts {
  readonly blockList: Pick<BlockList, 'refusals'>;
  readonly making: MakingDesk;
  readonly logger: Logger;
}

const MakeBody = Type.Object(
  {
    subject: SubjectText,
    action: Type.Optional(ActionSchema),
    until: Type.Union([InstantInput('When it ends.'), Type.Null()], {
      description: 'null: as long as anything may last, 366 days; a second lead has to agree.',
    }),
    reason: Type.Enum([...makingReasons]),
    note: Note,
  },
  { additionalProperties: false },
);

/** Block somebody by hand. */
export const blockMakeRoutes = (api: Api, { blockList, making, logger }: BlockMakeParts): void => {
  api.post(
    '/v1/blocks',
    {
      ...needs('reviewer'),
      schema: {
        operationId: 'createBlock',
        summary: 'Block somebody by hand; what blocks the same subject now is superseded',
        tags: ['blocks'],
        body: MakeBody,
        response: { 201: BlockSchema, 202: AskedSchema, ...problemResponses(409, 503) },
      },
    },
    async ({ body, reviewer }, reply) => {
      const { action = { kind: 'refuse' as const }, until, reason, note } = body;
      const subject = subjectFrom(body.subject, 'body.subject');
      const untilMs = until === null ? null : instantFrom(until, 'body.until');
      const answer = await namingFields(() => making.make(reviewer, { subject, action, untilMs, reason, note }));
      if (answer.kind === 'forbidden') throw oversteps(answer.overstep);
      if (answer.kind === 'refused') {
        const by = `${subjectKeyOf(answer.by.subject)} is on the allow list, by ${answer.by.actor}: ${answer.by.note}`;
        throw new RequestFailure('conflict', by);
      }
      if (answer.kind === 'asked') return reply.code(202).send({ approval: approvalView(answer.approval) });
      const { block } = answer;
      logger.info(
        { block: block.id, subject: subjectKeyOf(subject), actor: reviewer.name, reason },
        'block made by hand',
      );
      void reply.header('etag', etagOf(block.version)).header('location', `/v1/blocks/${encodeURIComponent(block.id)}`);
      return reply.code(201).send(await viewOf(blockList, block));
    },
  );
};
