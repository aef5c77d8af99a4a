import { Type } from 'typebox';
import type { Logger } from '../logger.ts';
import type { Approvals } from '../review/approvals.ts';
import { ApprovalSchema, approvalView } from './approval-view.ts';
import { namingFields, oversteps } from './block-refusal.ts';
import { Note } from './fields.ts';
import { RequestFailure } from './problem.ts';
import { NextCursor, pageAsked, RecordPageQuery, RecordParams } from './record-pages.ts';
import { type Api, needs, problemResponses } from './routing.ts';

export interface ApprovalRouteParts {
  readonly approvals: Approvals;
  readonly logger: Logger;
}

const about = { tags: ['blocks'] };

const verdicts = { approve: 'approved', reject: 'rejected' } as const;

/** What waits for a second person. */
export const approvalRoutes = (api: Api, { approvals, logger }: ApprovalRouteParts): void => {
  api.get(
    '/v1/approvals',
    {
      ...needs('viewer'),
      schema: {
        ...about,
        operationId: 'listApprovals',
        summary: 'What waited or waits for a second person, newest first; a page may be short, with more behind it',
        querystring: RecordPageQuery,
        response: {
          200: Type.Object({
            approvals: Type.Array(ApprovalSchema),
            nextCursor: NextCursor,
          }),
          ...problemResponses(503),
        },
      },
    },
    async ({ query, reviewer }) => {
      const page = await approvals.list(reviewer, pageAsked(query));
      return { approvals: page.approvals.map(approvalView), nextCursor: page.nextCursor };
    },
  );
  for (const verdict of ['approve', 'reject'] as const) decideRoute(api, verdict, { approvals, logger });
};

const decideRoute = (api: Api, verdict: keyof typeof verdicts, { approvals, logger }: ApprovalRouteParts): void => {
  api.post(
    `/v1/approvals/:id/${verdict}`,
    {
      ...needs('lead'),
      schema: {
        ...about,
        operationId: `${verdict}Approval`,
        summary: verdict === 'approve' ? 'Agree to what somebody else asked for: it is done at once' : 'Say no to it',
        params: RecordParams,
        body: Type.Object({ note: Note }, { additionalProperties: false }),
        response: { 200: ApprovalSchema, ...problemResponses(404, 409, 503) },
      },
    },
    async ({ params: { id }, body: { note }, reviewer }) => {
      const decision = { verdict: verdicts[verdict], note };
      const answer = await namingFields(() => approvals.decide(reviewer, id, decision));
      if (answer.kind === 'forbidden') throw oversteps(answer.overstep);
      if (answer.kind === 'not-found') throw new RequestFailure('not-found', 'Nothing of that id waits for anybody.');
      if (answer.kind === 'conflict') throw new RequestFailure('conflict', answer.detail);
      logger.info({ approval: id, actor: reviewer.name, verdict: decision.verdict }, 'approval decided');
      return approvalView(answer.approval);
    },
  );
};
