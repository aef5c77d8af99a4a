import { type Static, Type } from 'typebox';
import type { BlockSwitches, Breaker } from '../blocklist/block-switches.ts';
import type { Logger } from '../logger.ts';
import { namingFields } from './block-refusal.ts';
import { Instant, instantText, Note } from './fields.ts';
import { RequestFailure } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const Count = Type.Integer({ minimum: 0 });

export const BreakerSchema = Type.Object({
  rule: Type.String({ description: '`*`: all rules together.' }),
  state: Type.Enum(['closed', 'open', 'half-open'], {
    description:
      'open: over its budget, and everything is proposed until somebody resets it. half-open: reset; closed by itself an hour later.',
  }),
  since: Type.Union([Instant, Type.Null()], { description: 'null: it never was anything else.' }),
  reason: Type.String(),
  lastHour: Type.Object({ blocks: Count, clients: Count, requests: Count }),
});

export const breakerView = (breaker: Breaker): Static<typeof BreakerSchema> => ({
  rule: breaker.rule,
  state: breaker.state,
  since: breaker.sinceMs > 0 ? instantText(breaker.sinceMs) : null,
  reason: breaker.reason,
  lastHour: { blocks: breaker.blocks, clients: breaker.clients, requests: breaker.requests },
});

const Breakers = Type.Object({
  breakers: Type.Array(BreakerSchema, { description: 'Of all rules together; then those that did something lately.' }),
});

/** What a rule is called; `*` stands for all. */
export const RuleOrAll = Type.String({ pattern: '^(?:\\*|[a-z0-9][a-z0-9._-]{0,63})$', examples: ['many-routes'] });

/** See and reset the breakers of rules that blocked more than their budget. */
export const breakerRoutes = (
  api: Api,
  { list, logger }: { readonly list: Pick<BlockSwitches, 'breakers' | 'resetBreaker'>; readonly logger: Logger },
): void => {
  api.get(
    '/v1/breakers',
    {
      ...needs('viewer', { allTenants: true }),
      schema: {
        operationId: 'listBreakers',
        summary: 'How much each rule blocked within the hour, and whether it may go on',
        tags: ['rules'],
        response: { 200: Breakers, ...problemResponses(503) },
      },
    },
    async () => ({ breakers: (await list.breakers()).map(breakerView) }),
  );
  api.post(
    '/v1/breakers/:rule/reset',
    {
      ...needs('lead', { allTenants: true }),
      schema: {
        operationId: 'resetBreaker',
        summary: 'Let a rule block again that was over its budget',
        tags: ['rules'],
        params: Type.Object({ rule: RuleOrAll }),
        body: Type.Object({ note: Note }, { additionalProperties: false }),
        response: { 200: Breakers, ...problemResponses(409, 503) },
      },
    },
    async ({ params: { rule }, body: { note }, reviewer }) => {
      const isReset = await namingFields(() => list.resetBreaker(rule, { actor: reviewer.name, note }));
      if (!isReset)
        throw new RequestFailure('conflict', `The breaker of ${rule} is not open: there is nothing to reset.`);
      logger.info({ rule, actor: reviewer.name }, 'breaker reset');
      return { breakers: (await list.breakers()).map(breakerView) };
    },
  );
};
