import { clientPrefixLengths, networkOf } from '../address.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import type { Block, BlockAction, BlockDuration } from './block.ts';
import type { Promotion, SharedAddressTerms } from './block-promoter.ts';
import type { ListImport, ManualBlock, Transition } from './block-review.ts';

export { budgetWindowMs, overBudgetReason } from './budget.ts';

const million = 1_000_000;

/** A duration in whole numbers, as scripts compute with it. */
export interface DurationTerms {
  readonly baseMs: number;
  readonly factorThousandths: number;
  readonly maxMs: number;
  readonly jitterMillionths: number;
}

export const durationTermsOf = (duration: BlockDuration): DurationTerms => ({
  baseMs: duration.baseMs,
  factorThousandths: Math.round(duration.factor * 1000),
  maxMs: duration.maxMs,
  jitterMillionths: Math.round(duration.jitter * million),
});

/** A random number of [0, 1) as millionths. */
export const millionthsOf = (random: number): number =>
  Math.min(million - 1, Math.max(0, Math.floor(random * million)));

/**
 * How long the block of a client with this many active strikes lasts: base × factor^(strikes − 1), at most max, less a
 * random share. The same whole-number arithmetic as `lua/block-promote.lua`.
 */
export const blockDurationMs = (terms: DurationTerms, strikes: number, randomMillionths: number): number => {
  let durationMs = Math.min(terms.baseMs, terms.maxMs);
  for (let strike = 1; strike < strikes && durationMs < terms.maxMs; strike += 1) {
    durationMs = Math.min(terms.maxMs, Math.floor((durationMs * terms.factorThousandths) / 1000));
  }
  const spreadMs = Math.floor((durationMs * terms.jitterMillionths) / million);
  return Math.max(1, durationMs - Math.floor((spreadMs * randomMillionths) / million));
};

/** One block per verdict, so the verdict names it. */
export const blockIdOf = ({ verdict }: Promotion): string => `b-${verdict.id}`;

export const defaultTombstoneMs = 24 * 3_600_000;
/** What a verdict came to is remembered so much longer than its longest block: until after that it would be stale anyway. */
export const verdictMemoryMs = 3_600_000;
/** How long an identity at an address is remembered after it was last noted. */
export const identityMemoryMs = 86_400_000;
export const maxIdentitiesPerAddress = 64;

type Lift = Extract<Transition, { kind: 'lift' }>;

export const liftReason = (lift: Lift): string => (lift.note === '' ? lift.reason : `${lift.reason}: ${lift.note}`);
export const allowedReason = (note: string): string => (note === '' ? 'allow-list' : `allow-list: ${note}`);
export const underReviewReason = (rule: string): string => `rule ${rule} asks for review`;
export const supersededReason = (blockId: string): string => `superseded by ${blockId}`;

/** Whether identities at addresses are asked for: only addresses and networks have any. */
export const isAddressed = ({ kind }: BlockSubject): boolean => kind === 'ip' || kind === 'network';

/** An address as client ids spell it, IPv6 by its /64; null: it is none. */
export const notedAddressOf = (address: string): string | null => networkOf(address, clientPrefixLengths);

/** What a rule does at an address with so many identities behind it; null: suppresses it. */
export const actionAtAddress = (
  { action, shared }: { readonly action: BlockAction; readonly shared: SharedAddressTerms | null },
  identities: number | null,
): BlockAction | null => {
  if (shared === null || identities === null || identities < shared.identities) return action;
  return shared.then.kind === 'suppress' ? null : shared.then;
};

/** What a block costs of a budget. */
export const costOf = ({ verdict }: Promotion): { readonly clients: number; readonly requests: number } => ({
  clients: verdict.evidence.members?.clients ?? 1,
  requests: verdict.evidence.allowed,
});

export interface DetectedFacts {
  readonly state: 'shadow' | 'proposed' | 'active';
  readonly action: BlockAction;
  readonly nowMs: number;
  readonly expiresAtMs: number;
  readonly strikes: number;
  readonly identities: number | null;
  readonly reason: string;
}

/** What nobody has said anything of yet. */
const untouched = { assignee: '', label: null } as const;

/** The block that the detector makes of a verdict. */
export const detectedBlock = (promotion: Promotion, facts: DetectedFacts): Block => {
  const { verdict, owner } = promotion;
  const { identities, nowMs, ...rest } = facts;
  return {
    id: blockIdOf(promotion),
    version: 1,
    subject: verdict.subject,
    origin: 'detector',
    tenant: verdict.tenant,
    rule: verdict.rule,
    ruleHash: verdict.ruleHash,
    verdictId: verdict.id,
    owner,
    blockedAtMs: nowMs,
    evidence: { ...verdict.evidence, collateral: identities === null ? null : { identities } },
    actor: 'detector',
    ...untouched,
    ...rest,
  };
};

/** What blocks have in common that no detector concluded. */
const unconcluded = { state: 'active', ruleHash: '', verdictId: '', strikes: 0, evidence: null, ...untouched } as const;

/** Of a block by hand. No other one has a key's. */
export const manualBlockIdOf = (key: string): string => `m-key-${key}`;

/** A block by hand. */
export const manualBlockOf = (add: ManualBlock, id: string, nowMs: number): Block => ({
  ...unconcluded,
  id,
  version: 1,
  subject: add.subject,
  action: add.action,
  origin: 'person',
  tenant: add.subject.tenant ?? '',
  rule: 'manual',
  owner: add.actor,
  blockedAtMs: nowMs,
  expiresAtMs: add.untilMs,
  reason: add.note,
  actor: add.actor,
});

export const listBlockIdOf = (list: string): string => `l-${list}`;
const listMark = '~list:';
/** Stands for a list itself; its entries have subjects of their own. */
export const listSubjectOf = (list: string): BlockSubject => ({ kind: 'key', id: `${listMark}${list}` });
/** `list:NAME` for what stands for a list, which is no client; else as {@link subjectKeyOf}. For people to read. */
export const subjectForPeople = (subject: BlockSubject): string =>
  subject.kind === 'key' && subject.id.startsWith(listMark) ? subject.id.slice(1) : subjectKeyOf(subject);
export const isListBlock = (block: Pick<Block, 'origin'>): boolean => block.origin === 'list';

/** The block that all entries of a list share, after an import; `before`: as the last import left it. */
export const listBlockOf = (list: ListImport, before: Block | null, nowMs: number): Block => ({
  ...unconcluded,
  id: listBlockIdOf(list.list),
  version: (before?.version ?? 0) + 1,
  subject: listSubjectOf(list.list),
  action: list.action,
  origin: 'list',
  tenant: '',
  rule: list.list,
  owner: list.actor,
  blockedAtMs: before?.blockedAtMs ?? nowMs,
  expiresAtMs: list.untilMs,
  reason: list.note,
  actor: list.actor,
});
