import { type Static, Type } from 'typebox';
import { type Block, blockStates, type Evidence, labels } from '../blocklist/block.ts';
import type { Refusals } from '../blocklist/block-feed.ts';
import type { BlockStep } from '../blocklist/block-review.ts';
import { longestLimitWindowMs } from '../blocklist/checks.ts';
import { subjectKinds } from '../client.ts';
import { featuresOf } from '../review/features.ts';
import { Instant, instantText } from './fields.ts';

const EvidenceSchema = Type.Object({
  denied: Type.Integer(),
  allowed: Type.Integer(),
  early: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Denied requests that came back before their retry time; null in replay.',
  }),
  members: Type.Union([Type.Object({ clients: Type.Integer(), most: Type.Array(Type.String()) }), Type.Null()], {
    description: 'Of a network: the clients in it that were denied, and the most denied of them.',
  }),
  collateral: Type.Union([Type.Object({ identities: Type.Integer() }), Type.Null()], {
    description: 'Authenticated identities that were served at this address or network lately; null: it is no address.',
  }),
  windows: Type.Object({
    hit: Type.Integer(),
    weight: Type.Integer(),
    needed: Type.Integer(),
    of: Type.Integer(),
    windowMs: Type.Integer(),
  }),
  distinctRoutes: Type.Integer(),
  routes: Type.Array(Type.Object({ route: Type.String(), denied: Type.Integer() })),
  policies: Type.Array(Type.String()),
  firstSeenAt: Instant,
  lastSeenAt: Instant,
  log: Type.Object({
    partition: Type.Integer(),
    fromOffset: Type.Integer(),
    toOffset: Type.Integer(),
    marks: Type.Union([Type.Array(Type.Object({ emitter: Type.String(), seq: Type.Integer() })), Type.Null()], {
      description: 'Up to which row of each emitter it was concluded from; null: not known.',
    }),
    doubts: Type.Optional(
      Type.Array(Type.Enum(['late', 'clock', 'forgotten']), {
        description:
          'Why the stored rows may say otherwise: some came too late to count, a clock was ahead, earlier ones may be forgotten.',
      }),
    ),
  }),
  features: Type.Record(Type.String(), Type.Number(), { description: 'The same as one vector of numbers, by name.' }),
});

/** A refusal, or so many requests in a window. */
export const ActionSchema = Type.Union([
  Type.Object({ kind: Type.Literal('refuse') }, { additionalProperties: false }),
  Type.Object(
    {
      kind: Type.Literal('limit'),
      limit: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
      windowMs: Type.Integer({ minimum: 1000, maximum: longestLimitWindowMs }),
    },
    { additionalProperties: false },
  ),
]);

export const BlockSchema = Type.Object({
  id: Type.String(),
  state: Type.Enum([...blockStates]),
  version: Type.Integer({ description: 'Grows with every transition; also the ETag.' }),
  subject: Type.Object({
    kind: Type.Enum([...subjectKinds]),
    id: Type.String(),
    tenant: Type.Optional(Type.String({ description: 'Only within this tenant.' })),
  }),
  action: ActionSchema,
  origin: Type.Enum(['detector', 'person', 'list']),
  tenant: Type.String({ description: "Where the evidence is from; '' when there is none, or from several." }),
  rule: Type.String(),
  ruleHash: Type.String(),
  owner: Type.String(),
  blockedAt: Instant,
  expiresAt: Instant,
  strikes: Type.Integer(),
  evidence: Type.Union([EvidenceSchema, Type.Null()], { description: 'null: a person or a list made it.' }),
  refusals: Type.Union(
    [
      Type.Object({
        refused: Type.Integer(),
        savedCommands: Type.Integer(),
        savedBytes: Type.Integer(),
        lastAt: Instant,
      }),
      Type.Null(),
    ],
    { description: 'What it kept away from the counter store, at all gates; null: nothing yet.' },
  ),
  reason: Type.String(),
  actor: Type.String({ description: 'Who made the last transition.' }),
  assignee: Type.String({ description: "Who has taken it on to judge it; '': nobody." }),
  label: Type.Union([Type.Enum([...labels]), Type.Null()], {
    description: 'What a person concluded; null: nobody did.',
  }),
});

/** For `clickhouse-client`. */
export const QuerySchema = Type.Object({
  sql: Type.String(),
  params: Type.Record(Type.String(), Type.String(), {
    description: 'Each as `clickhouse-client --param_<name>=` takes it.',
  }),
});

/** What is told of one block that is asked for by its id. */
export const SingleBlockSchema = Type.Object({
  ...BlockSchema.properties,
  query: Type.Union([QuerySchema, Type.Null()], {
    description: 'The question to the database that gives its evidence again; null: there is none.',
  }),
});

export const StepSchema = Type.Object({
  at: Instant,
  kind: Type.String({
    description: '`made`, `confirm`, `activate`, `lift`, `extend`, `change-action`, `assign`, `undo`, …',
  }),
  actor: Type.String(),
  reasonCode: Type.String(),
  note: Type.String(),
  batchId: Type.String({ description: "The bulk change that it was part of; '': none." }),
  version: Type.Integer(),
  state: Type.Enum([...blockStates]),
  expiresAt: Instant,
  action: ActionSchema,
  assignee: Type.String(),
});

export type BlockView = Static<typeof BlockSchema>;

export const BlockListSchema = Type.Object({
  blocks: Type.Array(BlockSchema),
  nextCursor: Type.Union([Type.String(), Type.Null()]),
});

const logView = ({ marks, doubts, ...log }: Evidence['log']): Static<typeof EvidenceSchema>['log'] => ({
  ...log,
  marks: marks && [...marks],
  ...(doubts && { doubts: [...doubts] }),
});

const evidenceView = (given: Evidence): Static<typeof EvidenceSchema> => {
  const { firstSeenAtMs, lastSeenAtMs, ...evidence } = given;
  return {
    ...evidence,
    members: evidence.members && { ...evidence.members, most: [...evidence.members.most] },
    routes: [...evidence.routes],
    policies: [...evidence.policies],
    firstSeenAt: instantText(firstSeenAtMs),
    lastSeenAt: instantText(lastSeenAtMs),
    log: logView(evidence.log),
    features: { ...featuresOf(given) },
  };
};

const refusalsView = (refusals: Refusals | undefined): BlockView['refusals'] =>
  refusals === undefined
    ? null
    : {
        refused: refusals.refused,
        savedCommands: refusals.commands,
        savedBytes: refusals.bytes,
        lastAt: instantText(refusals.lastAtMs),
      };

/** A block as the API and the commands show it: instants are RFC 3339. */
export const blockView = (block: Block, refusals?: Refusals): BlockView => ({
  id: block.id,
  state: block.state,
  version: block.version,
  subject: block.subject,
  action: block.action,
  origin: block.origin,
  tenant: block.tenant,
  rule: block.rule,
  ruleHash: block.ruleHash,
  owner: block.owner,
  blockedAt: instantText(block.blockedAtMs),
  expiresAt: instantText(block.expiresAtMs),
  strikes: block.strikes,
  evidence: block.evidence && evidenceView(block.evidence),
  refusals: refusalsView(refusals),
  reason: block.reason,
  actor: block.actor,
  assignee: block.assignee,
  label: block.label,
});

export const stepView = ({ atMs, expiresAtMs, ...step }: BlockStep): Static<typeof StepSchema> => ({
  at: instantText(atMs),
  expiresAt: instantText(expiresAtMs),
  ...step,
});
