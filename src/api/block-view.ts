import { type Static, Type } from 'typebox';
import { type Block, blockStates } from '../blocklist/block.ts';
import { clientKinds } from '../client.ts';

const Instant = Type.String({ format: 'date-time' });

const EvidenceSchema = Type.Object({
  denied: Type.Integer(),
  allowed: Type.Integer(),
  early: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Denied requests that came back before their retry time; null in replay.',
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
  client: Type.Object({ kind: Type.Enum([...clientKinds]), id: Type.String() }),
  tenant: Type.String(),
  rule: Type.String(),
  ruleHash: Type.String(),
  blockedAt: Instant,
  expiresAt: Instant,
  strikes: Type.Integer(),
  evidence: EvidenceSchema,
  reason: Type.String(),
  actor: Type.String({ description: 'Who made the last transition.' }),
});

export const BlockListSchema = Type.Object({
  blocks: Type.Array(BlockSchema),
  nextCursor: Type.Union([Type.String(), Type.Null()]),
});

/** `active`, `active,proposed`, … */
export const statesPattern = `^(?:${blockStates.join('|')})(?:,(?:${blockStates.join('|')})){0,5}$`;

const instant = (atMs: number): string => new Date(atMs).toISOString();

/** A block as the API shows it: instants are RFC 3339. */
export const blockView = (block: Block): Static<typeof BlockSchema> => {
  const { firstSeenAtMs, lastSeenAtMs, ...evidence } = block.evidence;
  return {
    id: block.id,
    state: block.state,
    version: block.version,
    client: block.client,
    tenant: block.tenant,
    rule: block.rule,
    ruleHash: block.ruleHash,
    blockedAt: instant(block.blockedAtMs),
    expiresAt: instant(block.expiresAtMs),
    strikes: block.strikes,
    evidence: {
      ...evidence,
      routes: [...evidence.routes],
      policies: [...evidence.policies],
      firstSeenAt: instant(firstSeenAtMs),
      lastSeenAt: instant(lastSeenAtMs),
    },
    reason: block.reason,
    actor: block.actor,
  };
};
