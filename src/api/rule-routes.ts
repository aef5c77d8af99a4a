import { Type } from 'typebox';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { namingFields } from './block-refusal.ts';
import { EndingBody, EndingQuery, endingNote } from './ending-note.ts';
import { InstantInput, instantFrom, Note } from './fields.ts';
import { RequestFailure } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';
import { QualitySchema, qualityOf } from './rule-quality.ts';
import { allRuleViews, oneRuleView } from './rule-reading.ts';
import { Mode, RuleSchema } from './rule-view.ts';

const closed = { additionalProperties: false } as const;
const RuleParams = Type.Object({
  rule: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$', examples: ['many-routes'] }),
});
const ModeBody = Type.Object(
  { mode: Mode, until: InstantInput('When the mode of the file holds again: at most 366 days ahead.'), note: Note },
  closed,
);

export interface RuleRoutesOptions {
  readonly list: BlockList;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the detector runs, how right it is, and the modes that people set. */
export const ruleRoutes = (api: Api, options: RuleRoutesOptions): void => {
  const { list, clock } = options;
  api.get(
    '/v1/rules',
    {
      ...needs('viewer', { allTenants: true }),
      schema: {
        operationId: 'listRules',
        summary: 'Every rule: its mode, breaker, labels, precision and what waits for a person',
        tags: ['rules'],
        response: { 200: Type.Object({ rules: Type.Array(RuleSchema) }), ...problemResponses(503) },
      },
    },
    async () => ({ rules: await allRuleViews(list, clock.nowMs()) }),
  );
  api.get(
    '/v1/rules/:rule/quality',
    {
      ...needs('viewer', { allTenants: true }),
      schema: {
        operationId: 'ruleQuality',
        summary: 'How right a rule is, for each content that it had',
        tags: ['rules'],
        params: RuleParams,
        response: { 200: QualitySchema, ...problemResponses(404, 503) },
      },
    },
    async ({ params: { rule } }) => {
      const quality = await qualityOf(list, rule);
      if (quality === null) throw new RequestFailure('not-found', `No rule is known by the name ${rule}.`);
      return quality;
    },
  );
  modeRoutes(api, options);
};

const modeRoutes = (api: Api, { list, clock, logger }: RuleRoutesOptions): void => {
  api.put(
    '/v1/rules/:rule/mode',
    {
      ...needs('lead', { allTenants: true }),
      schema: {
        operationId: 'setRuleMode',
        summary: 'Cap what a rule may do, for a while',
        tags: ['rules'],
        params: RuleParams,
        body: ModeBody,
        response: { 200: RuleSchema, ...problemResponses(503) },
      },
    },
    async ({ params: { rule }, body: { mode, until, note }, reviewer }) => {
      const untilMs = instantFrom(until, 'body.until');
      await namingFields(() => list.override({ rule, mode, untilMs, actor: reviewer.name, note }));
      logger.info({ rule, mode, until, actor: reviewer.name }, 'mode of a rule capped');
      return oneRuleView(list, rule, clock.nowMs());
    },
  );
  api.delete(
    '/v1/rules/:rule/mode',
    {
      ...needs('lead', { allTenants: true }),
      schema: {
        operationId: 'endRuleMode',
        summary: 'Let a rule do again what its file says',
        tags: ['rules'],
        params: RuleParams,
        querystring: Type.Object(EndingQuery, closed),
        body: EndingBody,
        response: { 200: RuleSchema, ...problemResponses(404, 503) },
      },
    },
    async ({ params: { rule }, query, body, reviewer }) => {
      const act = { actor: reviewer.name, note: endingNote(query, body) };
      const isEnded = await namingFields(() => list.endOverride(rule, act));
      if (!isEnded) throw new RequestFailure('not-found', `Nothing caps the mode of ${rule}.`);
      logger.info({ rule, actor: reviewer.name }, 'mode of a rule as its file says');
      return oneRuleView(list, rule, clock.nowMs());
    },
  );
};
