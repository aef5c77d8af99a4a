import { type Static, Type } from 'typebox';
import type { StoredDecision } from '../analytics/decision-questions.ts';
import type { SubjectFacts } from '../analytics/explain.ts';
import type { SubjectVerdict } from '../analytics/verdict.ts';
import type { Refusals } from '../blocklist/block-feed.ts';
import type { AllowEntry } from '../blocklist/block-review.ts';
import { subjectKeyOf } from '../client.ts';
import { outcomes } from '../decision/decision.ts';
import type { Explanation } from '../policy/explain.ts';
import { algorithms } from '../policy/policy.ts';
import { Count } from './analytics-fields.ts';
import { ActionSchema, BlockSchema, blockView } from './block-view.ts';
import { Instant, instantText } from './fields.ts';

const StandingSchema = Type.Object(
  {
    entries: Type.Array(
      Type.Object({
        subject: Type.String({ description: 'Its own, or a network around it.' }),
        blockId: Type.String(),
        rule: Type.String(),
        action: ActionSchema,
        expiresAt: Instant,
      }),
      { description: 'What gates enforce, the strictest first.' },
    ),
    allowed: Type.Array(
      Type.Object({
        subject: Type.String(),
        kind: Type.Enum(['allow', 'canary']),
        until: Instant,
        note: Type.String(),
        actor: Type.String(),
      }),
    ),
    tombstoneUntil: Type.Union([Instant, Type.Null()], { description: 'Until then detectors leave it alone.' }),
    strikes: Type.Array(Type.Object({ blockId: Type.String(), until: Instant })),
    proposalId: Type.Union([Type.String(), Type.Null()]),
  },
  { description: 'Now, whatever instant was asked about.' },
);

const DecisionSchema = Type.Object({
  at: Instant,
  route: Type.String(),
  method: Type.String(),
  tenant: Type.String(),
  region: Type.String(),
  outcome: Type.Enum([...outcomes]),
  source: Type.String({ description: 'Who decided: store, lease, deny-cache, fallback, block-list, …' }),
  policy: Type.String({ description: 'The deciding one; of a blocked decision the rule.' }),
  policyVersion: Type.String({ description: 'Of a blocked decision the id of the block.' }),
  scope: Type.String({ description: 'What the limit is keyed by, joined by `+`.' }),
  limit: Count,
  remaining: Count,
  degraded: Type.String({ description: "Why the primary store did not decide; '': it did." }),
  count: Type.Integer({ minimum: 1, description: 'Equal decisions that this stands for.' }),
  isOwn: Type.Boolean({ description: 'false: it is the address beside another client.' }),
});

const PolicySchema = Type.Object({
  name: Type.String(),
  verdict: Type.Enum(['applies', 'loses']),
  reason: Type.String({ description: "In words, to follow the policy's name." }),
  algorithm: Type.Enum([...algorithms]),
  limit: Type.Integer(),
  windowMs: Type.Integer(),
  burst: Type.Integer(),
  scope: Type.Array(Type.String()),
  mode: Type.Enum(['enforce', 'shadow']),
});

export const ExplanationSchema = Type.Object({
  subject: Type.String(),
  at: Instant,
  verdict: Type.String({ description: 'One sentence for people. Ids in it are as they are stored.' }),
  tone: Type.Enum(['bad', 'doubtful', 'good']),
  standing: StandingSchema,
  blocks: Type.Array(BlockSchema, { description: 'Its own, newest first, at most 20.' }),
  decisions: Type.Union([Type.Array(DecisionSchema), Type.Null()], {
    description:
      'Newest first: the 50 refused and the 50 allowed ones that are nearest, within a quarter of an hour. null: the database is out of reach.',
  }),
  policies: Type.Array(PolicySchema, { description: 'That match the route, where one was given.' }),
});

const allowedView = ({ subject, kind, untilMs, note, actor }: AllowEntry) => ({
  subject: subjectKeyOf(subject),
  kind,
  until: instantText(untilMs),
  note,
  actor,
});

const standingView = ({ standing, hits }: SubjectFacts): Static<typeof StandingSchema> => ({
  entries: hits.map(({ entry: { subjectKey, blockId, rule, action, expiresAtMs } }) => ({
    ...{ subject: subjectKey, blockId, rule, action },
    expiresAt: instantText(expiresAtMs),
  })),
  allowed: standing.allowed.map(allowedView),
  tombstoneUntil: standing.tombstoneUntilMs === null ? null : instantText(standing.tombstoneUntilMs),
  strikes: standing.strikes.map(({ blockId, untilMs }) => ({ blockId, until: instantText(untilMs) })),
  proposalId: standing.proposalId,
});

const decisionView = ({ atMs, ...row }: StoredDecision): Static<typeof DecisionSchema> => ({
  at: instantText(atMs),
  ...row,
});

const policyView = ({ policy, verdict, reason }: Explanation): Static<typeof PolicySchema>[] => {
  const { name, algorithm, limit, windowMs, burst, scope, mode } = policy;
  if (verdict === 'differs') return [];
  return [{ name, verdict, reason, algorithm, limit, windowMs, burst, scope: [...scope], mode }];
};

/** An explanation as the API shows it. */
export const explanationView = (
  facts: SubjectFacts,
  verdict: SubjectVerdict,
  refusals: ReadonlyMap<string, Refusals>,
): Static<typeof ExplanationSchema> => ({
  subject: subjectKeyOf(facts.subject),
  at: instantText(facts.atMs),
  verdict: verdict.text,
  tone: verdict.tone,
  standing: standingView(facts),
  blocks: facts.blocks.map((block) => blockView(block, refusals.get(block.id))),
  decisions: typeof facts.decisions === 'string' ? null : facts.decisions.map(decisionView),
  policies: facts.policies.flatMap(policyView),
});
