import { type Static, Type } from 'typebox';
import type { DecisionReader } from '../analytics/decision-reader.ts';
import { type AskedRoute, type ExplainQuery, explainSubject } from '../analytics/explain.ts';
import { verdictOf } from '../analytics/verdict.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { BlockSubject } from '../client.ts';
import type { Clock } from '../clock.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { PolicySource } from '../policy/policy.ts';
import { isInReach } from '../review/authority.ts';
import type { Reviewer } from '../review/roles.ts';
import { checkTenant, serverTiming } from './analytics-asking.ts';
import { ExplanationSchema, explanationView } from './explain-view.ts';
import { InstantInput, instantFrom, SubjectText, subjectFrom } from './fields.ts';
import { invalidField } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const ExplainInput = Type.Object(
  {
    subject: SubjectText,
    tenant: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Within which it is meant.' })),
    at: Type.Optional(InstantInput('The instant in question; default: now.')),
    route: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z][A-Za-z-]{0,31} /\\S*$',
        maxLength: 512,
        description: 'Method and route template or path: which policies match it is told, too.',
        examples: ['GET /orders/:id'],
      }),
    ),
  },
  { additionalProperties: false },
);

const skewMs = 60_000;

/** Who sees some tenants only asks about somebody within one of them: what holds for all is told where it hits that one. */
const subjectWithin = (query: Static<typeof ExplainInput>, { tenants }: Reviewer): BlockSubject => {
  const subject = subjectFrom(query.subject, 'query.subject');
  if (query.tenant !== undefined && subject.tenant !== undefined && query.tenant !== subject.tenant) {
    throw invalidField('query.subject', 'is within another tenant than query.tenant');
  }
  const tenant = query.tenant ?? subject.tenant ?? (tenants?.length === 1 ? tenants[0] : undefined);
  if (tenant === undefined && tenants !== null)
    throw invalidField('query.tenant', `must be one of ${tenants.join(', ')}`);
  return tenant === undefined ? subject : { ...subject, tenant };
};

const routeFrom = (text: string): AskedRoute => {
  const [method = '', path = ''] = text.split(' ');
  return { method: method.toUpperCase(), path };
};

const queryFrom = (input: Static<typeof ExplainInput>, reviewer: Reviewer, clock: Clock): ExplainQuery => {
  const atMs = input.at === undefined ? null : instantFrom(input.at, 'query.at');
  if (atMs !== null && (atMs < 0 || atMs > clock.nowMs() + skewMs)) {
    throw invalidField('query.at', 'must not be in the future, or before 1970');
  }
  const subject = subjectWithin(input, reviewer);
  return { subject, atMs, ...(input.route === undefined ? {} : { route: routeFrom(input.route) }) };
};

export interface ExplainRoutesOptions {
  readonly reader: DecisionReader | null;
  readonly blockList: BlockList;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Those in force. Null: not known to this process. */
  readonly policies: PolicySource | null;
}

/** `GET /v1/explain`: why somebody is, or was, refused. */
export const explainRoutes = (api: Api, options: ExplainRoutesOptions): void => {
  const { reader, blockList, clock, logger = silentLogger, policies } = options;
  api.get(
    '/v1/explain',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'explain',
        summary: 'Why somebody is refused, or was at an instant',
        description:
          'From the block list, the decisions stored around the instant and the policies in force. Answers without the database, too, and says so.',
        tags: ['analytics'],
        security: [{ bearer: [] }],
        querystring: ExplainInput,
        response: { 200: ExplanationSchema, ...problemResponses(400, 401, 403, 503) },
      },
    },
    async (request, reply) => {
      const { tenants } = request.reviewer;
      const query = queryFrom(request.query, request.reviewer, clock);
      checkTenant(request, query.subject.tenant);
      const startUs = clock.monotonicUs();
      const facts = await explainSubject(
        {
          blockList,
          nowMs: clock.nowMs(),
          questions: reader === null ? null : reader.within(tenants),
          policies: policies?.current() ?? null,
          tenants,
          maySee: (block) => isInReach(block, tenants),
          onAway: (error) => logger.warn({ err: error }, 'explained without the analytics database'),
        },
        query,
      );
      const ids = facts.blocks.map(({ id }) => id);
      const refusals = ids.length === 0 ? [] : await blockList.refusals(ids);
      void reply.header('server-timing', serverTiming(clock.monotonicUs() - startUs));
      return explanationView(facts, verdictOf(facts), new Map(refusals.map((one) => [one.blockId, one])));
    },
  );
};
