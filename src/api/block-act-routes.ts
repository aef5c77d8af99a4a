import { type Static, Type } from 'typebox';
import type { BlockList } from '../blocklist/block-list.ts';
import { subjectKeyOf } from '../client.ts';
import type { Logger } from '../logger.ts';
import type { Desk } from '../review/desk.ts';
import type { MakingDesk } from '../review/making.ts';
import type { Reviewer } from '../review/roles.ts';
import { AskedSchema, approvalView } from './approval-view.ts';
import { type ActBodies, actBodies, acts, closed } from './block-acts.ts';
import { namingFields, refusalOf } from './block-refusal.ts';
import { BlockParams, viewOf } from './block-routes.ts';
import { BlockSchema, StepSchema, stepView } from './block-view.ts';
import { etagOf, readIfMatch } from './etag.ts';
import { instantFrom, Note } from './fields.ts';
import { invalidField } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';

export interface BlockActParts {
  readonly blockList: Pick<BlockList, 'refusals'>;
  readonly desk: Desk;
  readonly making: MakingDesk;
  readonly logger: Logger;
}

const summaries: Readonly<Record<keyof ActBodies, string>> = {
  confirm: 'Say that a block is right',
  activate: 'Enforce a proposed block, from now on for as long as it was proposed',
  lift: 'End a block now and keep the detector from making it again for a day',
  extend: 'Let a block end later, or sooner',
  downgrade: 'Limit instead of refusing, or back',
  assign: 'Take a block on, or give it to somebody',
  undo: 'Take back the last step, once',
};

const past: Readonly<Record<keyof ActBodies, string>> = {
  confirm: 'block confirmed',
  activate: 'block activated',
  lift: 'block lifted',
  extend: 'block extended',
  downgrade: 'action of a block changed',
  assign: 'block assigned',
  undo: 'step of a block undone',
};

/** What every change takes along. */
export const ActHeaders = Type.Object({
  'if-match': Type.Optional(
    Type.String({ maxLength: 1024, description: 'The ETag that the decision was made on: of two people one wins.' }),
  ),
});

/** The versions that an If-Match insists on; undefined: any will do. */
const versionsOf = (ifMatch: string | undefined): readonly number[] | undefined => {
  const wanted = readIfMatch(ifMatch);
  if (wanted.kind === 'malformed') throw invalidField('header.if-match', 'must be an ETag such as "3"');
  return wanted.kind === 'versions' ? wanted.versions : undefined;
};

const about = { tags: ['blocks'], params: BlockParams };
const problems = problemResponses(404, 412, 503);

/** A later end than one person may choose, as the question to a second one; null: it is not as late. */
const askedFor = async (
  making: MakingDesk,
  { reviewer, id, body }: { readonly reviewer: Reviewer; readonly id: string; readonly body: ActBodies['extend'] },
): Promise<Static<typeof AskedSchema> | null> => {
  const untilMs = body.until === null ? null : instantFrom(body.until, 'body.until');
  const answer = await namingFields(() => making.askToExtend(reviewer, id, { untilMs, note: body.note }));
  if (answer !== null && answer.kind !== 'asked') throw refusalOf(answer, id);
  return answer && { approval: approvalView(answer.approval) };
};

const actRoute = <Name extends keyof ActBodies>(api: Api, name: Name, parts: BlockActParts): void => {
  const { blockList, desk, making, logger } = parts;
  api.post(
    `/v1/blocks/:id/${name}`,
    {
      ...needs('reviewer'),
      schema: {
        ...about,
        operationId: `${name}Block`,
        summary: summaries[name],
        headers: ActHeaders,
        body: actBodies[name],
        response: { 200: BlockSchema, ...(name === 'extend' ? { 202: AskedSchema } : {}), ...problems },
      },
    },
    async ({ params, body, headers, reviewer }, reply) => {
      const asked =
        name === 'extend'
          ? await askedFor(making, { reviewer, id: params.id, body: body as ActBodies['extend'] })
          : null;
      if (asked) return reply.code(202).send(asked);
      const ifVersions = versionsOf(headers['if-match']);
      const act = acts[name](body as ActBodies[Name]);
      const wanted = ifVersions === undefined ? act : { ...act, ifVersions };
      const answer = await namingFields(() => desk.act(reviewer, params.id, wanted));
      if (answer.kind !== 'done') throw refusalOf(answer, params.id);
      const { block } = answer;
      // Who did what is looked for in the log first. The note may hold anything a person typed: it stays with the block.
      const reason = act.kind === 'lift' ? { reason: act.reason } : {};
      const { id, rule, subject } = block;
      logger.info({ block: id, rule, subject: subjectKeyOf(subject), actor: reviewer.name, ...reason }, past[name]);
      void reply.header('etag', etagOf(block.version));
      return viewOf(blockList, block);
    },
  );
};

/** Everything that one person does to one block. */
export const blockActRoutes = (api: Api, parts: BlockActParts): void => {
  for (const name of Object.keys(actBodies) as (keyof ActBodies)[]) actRoute(api, name, parts);

  api.post(
    '/v1/blocks/:id/comment',
    {
      ...needs('reviewer'),
      schema: {
        ...about,
        operationId: 'commentBlock',
        summary: 'Say something about a block, which stays as it is',
        body: Type.Object({ note: Note }, closed),
        response: { 200: StepSchema, ...problems },
      },
    },
    async ({ params, body, reviewer }) => {
      const answer = await namingFields(() => parts.desk.comment(reviewer, params.id, body.note));
      if (answer.kind !== 'done') throw refusalOf(answer, params.id);
      return stepView(answer.step);
    },
  );
};
