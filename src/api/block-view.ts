import { type Static, Type } from 'typebox';
import { type Block, blockStates, type Evidence } from '../blocklist/block.ts';
import type { Refusals } from '../blocklist/block-feed.ts';
import { subjectKinds } from '../client.ts';

const Instant = Type.String({ format: 'date-time' });

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
  log: Type.Object({ partition: Type.Integer(), fromOffset: Type.Integer(), toOffset: Type.Integer() }),
});

export const BlockSchema = Type.Object({
  id: Type.String(),
  state: Type.Enum([...blockStates]),
  version: Type.Integer({ description: 'Grows with every transition; also the ETag.' }),
  subject: Type.Object({
    kind: Type.Enum([...subjectKinds]),
    id: Type.String(),
    tenant: Type.Optional(Type.String({ description: 'Only within this tenant.' })),
  }),
  action: Type.Union([
    Type.Object({ kind: Type.Literal('refuse') }),
    Type.Object({ kind: Type.Literal('limit'), limit: Type.Integer(), windowMs: Type.Integer() }),
  ]),
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
});

export type BlockView = Static<typeof BlockSchema>;

export const BlockListSchema = Type.Object({
  blocks: Type.Array(BlockSchema),
  nextCursor: Type.Union([Type.String(), Type.Null()]),
});

/** `active`, `active,proposed`, … */
export const statesPattern = `^(?:${blockStates.join('|')})(?:,(?:${blockStates.join('|')})){0,${blockStates.length - 1}}$`;

const instant = (atMs: number): string => new Date(atMs).toISOString();

const evidenceView = ({ firstSeenAtMs, lastSeenAtMs, ...evidence }: Evidence): Static<typeof EvidenceSchema> => ({
  ...evidence,
  members: evidence.members && { ...evidence.members, most: [...evidence.members.most] },
  routes: [...evidence.routes],
  policies: [...evidence.policies],
  firstSeenAt: instant(firstSeenAtMs),
  lastSeenAt: instant(lastSeenAtMs),
});

const refusalsView = (refusals: Refusals | undefined): BlockView['refusals'] =>
  refusals === undefined
    ? null
    : {
        refused: refusals.refused,
        savedCommands: refusals.commands,
        savedBytes: refusals.bytes,
        lastAt: instant(refusals.lastAtMs),
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
  blockedAt: instant(block.blockedAtMs),
  expiresAt: instant(block.expiresAtMs),
  strikes: block.strikes,
  evidence: block.evidence && evidenceView(block.evidence),
  refusals: refusalsView(refusals),
  reason: block.reason,
  actor: block.actor,
});
