import type { Block, BlockAction } from '../blocklist/block.ts';
import { isListBlock } from '../blocklist/promotion.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import { leastRole, limitsOf, type RoleLimits } from './limits.ts';
import type { Reviewer, Role } from './roles.ts';

/** Somebody asks for more than their role may do. */
export interface Overstep {
  /** The least role that may; null: none may. */
  readonly needs: Role | null;
  /** Which part of what was asked is too much: `until`, `subject`. */
  readonly part: string;
  readonly detail: string;
}

/** Clocks differ: an end that a browser computed is not a crime for being seconds late. */
const skewMs = 300_000;

/** One thing that the limits of a role must allow. */
interface Demand {
  readonly part: string;
  readonly detail: string;
  readonly allowedBy: (limits: RoleLimits) => boolean;
}

const overstepOf = (reviewer: Reviewer, demands: readonly Demand[]): Overstep | null => {
  const limits = limitsOf(reviewer.role);
  const broken = demands.find(({ allowedBy }) => !allowedBy(limits));
  if (broken === undefined) return null;
  const needs = leastRole((others) => demands.every(({ allowedBy }) => allowedBy(others)));
  const who = needs === null ? 'nobody may' : `this needs the role ${needs}`;
  return { needs, part: broken.part, detail: `${broken.detail}: ${who}; ${reviewer.name} has ${reviewer.role}.` };
};

const days = (ms: number): string => `${Math.round(ms / 86_400_000)} d`;

const changes: Demand = {
  part: 'token',
  detail: 'Changing anything',
  allowedBy: ({ blocksAtOnce }) => blocksAtOnce > 0,
};

/** Of a network its prefix length; null: it is none. */
const prefixOf = ({ kind, id }: BlockSubject): { readonly isV4: boolean; readonly length: number } | null => {
  if (kind !== 'network') return null;
  return { isV4: !id.includes(':'), length: Number(id.slice(id.lastIndexOf('/') + 1)) };
};

const narrow = (subject: BlockSubject): Demand[] => {
  const prefix = prefixOf(subject);
  if (prefix === null) return [];
  return [
    {
      part: 'subject',
      detail: `A network as wide as ${subject.id}`,
      allowedBy: ({ widestV4, widestV6 }) => prefix.length >= (prefix.isV4 ? widestV4 : widestV6),
    },
  ];
};

const lasting = (forMs: number, isAgreed: boolean): Demand => ({
  part: 'until',
  detail: `A block that ends ${days(forMs)} from now${isAgreed ? ', by two people' : ''}`,
  allowedBy: ({ blockMs, blockWithSecondMs }) => forMs - skewMs <= (isAgreed ? blockWithSecondMs : blockMs),
});

/** What somebody wants to do to one block. */
export type Deed =
  | { readonly kind: 'confirm' | 'assign' | 'comment' | 'undo' }
  | { readonly kind: 'activate' }
  | { readonly kind: 'lift'; readonly tombstoneMs?: number }
  | { readonly kind: 'extend'; readonly untilMs: number }
  | { readonly kind: 'change-action'; readonly action: BlockAction };

/** A word about a block changes nothing that a gate does. */
const isWord = (kind: Deed['kind']): boolean => kind === 'confirm' || kind === 'assign' || kind === 'comment';

/** Who wants to do what to which block, as it stands at `nowMs`. */
export interface Intent {
  readonly block: Block;
  readonly deed: Deed;
  readonly nowMs: number;
}

/** What is asked for whatever block it is done to. */
const wishDemands = (deed: Deed, nowMs: number): Demand[] => {
  if (deed.kind === 'extend') return [lasting(deed.untilMs - nowMs, false)];
  if (deed.kind !== 'lift') return [];
  const { tombstoneMs = 0 } = deed;
  const suppresses = ({ tombstoneMs: mostMs }: RoleLimits) => tombstoneMs <= mostMs;
  return [{ part: 'tombstoneMs', detail: `Keeping detectors away for ${days(tombstoneMs)}`, allowedBy: suppresses }];
};

/** A refusal is harsher than any limit; of two limits the one that lets fewer through, at once or over time. */
const isHarsher = (after: BlockAction, before: BlockAction): boolean => {
  if (after.kind === 'refuse' || before.kind === 'refuse') return after.kind !== before.kind && after.kind === 'refuse';
  return after.limit < before.limit || after.limit / after.windowMs < before.limit / before.windowMs;
};

const deedDemands = ({ name }: Reviewer, { block, deed, nowMs }: Intent): Demand[] => {
  if (deed.kind === 'activate') return [lasting(block.expiresAtMs - block.blockedAtMs, false)];
  if (deed.kind === 'change-action' && isHarsher(deed.action, block.action)) {
    // Else a limit that may last long would be a way to a refusal that may not.
    return [lasting(block.expiresAtMs - nowMs, false)];
  }
  if (deed.kind === 'undo' && block.actor !== name) {
    const undoes = ({ mayUndoOthers }: RoleLimits) => mayUndoOthers;
    return [{ part: 'id', detail: `Taking back what ${block.actor} did`, allowedBy: undoes }];
  }
  return wishDemands(deed, nowMs);
};

const ofList: Demand = {
  part: 'id',
  detail: 'Changing what a whole list blocks',
  allowedBy: ({ mayLiftLists }) => mayLiftLists,
};

/** What is too much of this for whoever asks; null: they may. */
export const deedOverstep = (reviewer: Reviewer, intent: Intent): Overstep | null => {
  const { block, deed } = intent;
  const shared = isWord(deed.kind) ? [] : [...(isListBlock(block) ? [ofList] : []), ...narrow(block.subject)];
  return overstepOf(reviewer, [changes, ...shared, ...deedDemands(reviewer, intent)]);
};

/** The same before it is known which blocks it will be done to. */
export const wishOverstep = (reviewer: Reviewer, deed: Deed, nowMs: number): Overstep | null =>
  overstepOf(reviewer, [changes, ...wishDemands(deed, nowMs)]);

/** The same of a block by hand. `isAgreed`: a second person decides about it. */
export const makingOverstep = (
  reviewer: Reviewer,
  { subject, forMs, isAgreed }: { readonly subject: BlockSubject; readonly forMs: number; readonly isAgreed: boolean },
): Overstep | null =>
  outsideOverstep(reviewer, subject) ?? overstepOf(reviewer, [changes, ...narrow(subject), lasting(forMs, isAgreed)]);

/** The same of an allow entry, made or ended. */
export const allowOverstep = (
  reviewer: Reviewer,
  { subject, forMs }: { readonly subject: BlockSubject; readonly forMs: number },
): Overstep | null => {
  const single: Demand = {
    part: 'subject',
    detail: `Allowing the network ${subject.id}`,
    allowedBy: ({ mayAllowNetworks }) => mayAllowNetworks || subject.kind !== 'network',
  };
  const short: Demand = {
    part: 'until',
    detail: `An allow entry that ends ${days(forMs)} from now`,
    allowedBy: ({ allowMs }) => forMs - skewMs <= allowMs,
  };
  return outsideOverstep(reviewer, subject) ?? overstepOf(reviewer, [changes, single, short]);
};

/** The same of a change to many blocks. */
export const countOverstep = (reviewer: Reviewer, count: number): Overstep | null =>
  overstepOf(reviewer, [
    changes,
    { part: 'ids', detail: `Changing ${count} blocks at once`, allowedBy: ({ blocksAtOnce }) => count <= blocksAtOnce },
  ]);

/** Whether the end needs a second person, for whoever may ask for one at all. */
export const needsSecond = (reviewer: Reviewer, forMs: number): boolean => {
  const { blockMs, blockWithSecondMs } = limitsOf(reviewer.role);
  return blockWithSecondMs > 0 && forMs - skewMs > blockMs;
};

/** Whether a block's data may be shown to, and it be changed by, who has these tenants; null: all. */
export const isInReach = (
  { subject, tenant }: Pick<Block, 'subject' | 'tenant'>,
  tenants: Reviewer['tenants'],
): boolean =>
  tenants === null || tenants.includes(tenant) || (subject.tenant !== undefined && tenants.includes(subject.tenant));

/** Null: a subject may be blocked or allowed by who has these tenants. */
export const outsideOverstep = ({ name, tenants }: Reviewer, subject: BlockSubject): Overstep | null => {
  if (tenants === null || (subject.tenant !== undefined && tenants.includes(subject.tenant))) return null;
  const detail = `${name} may name subjects within ${tenants.join(', ')} alone, as in ${subjectKeyOf({ ...subject, tenant: tenants[0] ?? 'acme' })}.`;
  return { needs: null, part: 'subject', detail };
};
