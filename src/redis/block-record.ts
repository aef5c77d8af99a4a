import { type Block, type BlockAction, type BlockState, type Label, labels } from '../blocklist/block.ts';
import type { BlockEntry, Change } from '../blocklist/block-feed.ts';
import { nothingSwitchedOff, type Switch, type Switches } from '../blocklist/block-switches.ts';
import { brokenReply } from './block-scripts.ts';
import { subjectKeyFrom } from './block-subject.ts';

/** What never changes of a block, stored as one JSON text; the rest are fields that scripts write. */
export type FixedPart = Pick<
  Block,
  'subject' | 'origin' | 'tenant' | 'rule' | 'ruleHash' | 'verdictId' | 'owner' | 'evidence'
>;

export const fixedPartOf = (block: FixedPart): string => {
  const { subject, origin, tenant, rule, ruleHash, verdictId, owner, evidence } = block;
  // Made by a release that lists it: block-catch-up.lua looks for those that are not.
  const fixed: FixedPart & { form: number } = {
    form: 1,
    subject,
    origin,
    tenant,
    rule,
    ruleHash,
    verdictId,
    owner,
    evidence,
  };
  return JSON.stringify(fixed);
};

/** A flat list of fields and values. */
export const fieldsOf = (flat: readonly unknown[]): Record<string, string> => {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[String(flat[at])] = String(flat[at + 1]);
  return fields;
};

/** `refuse`, or `<limit>/<window ms>`. */
export const actionText = (action: BlockAction): string =>
  action.kind === 'refuse' ? 'refuse' : `${action.limit}/${action.windowMs}`;

export const actionFrom = (text: string | undefined): BlockAction => {
  const [limit, windowMs] = (text ?? '').split('/');
  return windowMs === undefined
    ? { kind: 'refuse' }
    : { kind: 'limit', limit: Number(limit), windowMs: Number(windowMs) };
};

export const labelFrom = (text: string | undefined): Label | null => labels.find((label) => label === text) ?? null;

/** A stored block; null when nothing is stored. */
export const blockFromFields = (id: string, fields: Readonly<Record<string, string>>): Block | null => {
  const { fixed, state, identities } = fields;
  if (fixed === undefined || state === undefined) return null;
  const { evidence, form: _, ...rest } = JSON.parse(fixed) as FixedPart & { form?: number };
  const collateral = identities === undefined || identities === '' ? null : { identities: Number(identities) };
  return {
    id,
    ...rest,
    state: state as BlockState,
    version: Number(fields.version),
    action: actionFrom(fields.action),
    blockedAtMs: Number(fields.blockedAtMs),
    expiresAtMs: Number(fields.expiresAtMs),
    strikes: Number(fields.strikes),
    evidence: evidence && { ...evidence, log: { ...evidence.log, marks: evidence.log.marks ?? null }, collateral },
    reason: fields.reason ?? '',
    actor: fields.actor ?? '',
    assignee: fields.assignee ?? '',
    label: labelFrom(fields.label),
  };
};

/** Its activation changes since when it blocks: the note of how it was made says when that was. */
export const madeAtMsOf = (block: Block, { made }: Readonly<Record<string, string>>): number =>
  made === undefined ? block.blockedAtMs : Number((JSON.parse(made) as string[])[0]);

/** A reply of `first, block id, fields and values`. */
export const blockFromReply = ([, id, ...flat]: readonly unknown[]): Block => {
  const block = blockFromFields(String(id), fieldsOf(flat));
  if (!block) throw brokenReply('a block');
  return block;
};

/** `<end, base 36> <block id> <rule>[ <action>]`, as scripts write it. */
export const entryFromLine = (stored: string, line: string): BlockEntry => {
  const [ends, blockId, rule, action] = line.split(' ');
  if (ends === undefined || blockId === undefined || rule === undefined) throw brokenReply('a block entry');
  return {
    subjectKey: subjectKeyFrom(stored),
    blockId,
    rule,
    expiresAtMs: Number.parseInt(ends, 36),
    action: actionFrom(action),
  };
};

/** What all entries of one import have in common; `gone`: nothing of it holds any more. */
export interface ImportTerms {
  readonly id: string;
  readonly rule: string;
  readonly action: string;
  readonly ends: number;
  readonly gone?: boolean;
}

export const entryOfImport = (stored: string, terms: ImportTerms): BlockEntry => ({
  subjectKey: subjectKeyFrom(stored),
  blockId: terms.id,
  rule: terms.rule,
  expiresAtMs: terms.ends,
  action: actionFrom(terms.action),
});

/** Fields and values of the switches; those that are over are on again. */
export const switchesFrom = (flat: readonly unknown[], nowMs: number): Switches => {
  const stored = fieldsOf(flat);
  const off = (what: string): Switch | null => {
    const text = stored[what];
    const found = text === undefined ? null : (JSON.parse(text) as Switch);
    return found && found.untilMs > nowMs ? found : null;
  };
  return { ...nothingSwitchedOff, blocks: off('blocks'), limits: off('limits') };
};

const listFrom = (payload: string): string[] => JSON.parse(payload) as string[];

const pairsFrom = (payload: string): Pick<BlockEntry, 'subjectKey' | 'blockId'>[] => {
  const list = listFrom(payload);
  const entries: Pick<BlockEntry, 'subjectKey' | 'blockId'>[] = [];
  for (let at = 0; at + 1 < list.length; at += 2) {
    entries.push({ subjectKey: subjectKeyFrom(list[at] ?? ''), blockId: list[at + 1] ?? '' });
  }
  return entries;
};

/** One record of the change log, for gates. */
export const changeFrom = (sequence: number, flat: readonly unknown[], nowMs: number): Change => {
  const { k: kind, p: payload = '' } = fieldsOf(flat);
  if (kind === 'noted') return { kind, sequence };
  if (kind === 'added') {
    const [line = '', ...subjects] = listFrom(payload);
    return { kind, sequence, entries: subjects.map((stored) => entryFromLine(stored, line)) };
  }
  if (kind === 'removed') return { kind, sequence, entries: pairsFrom(payload) };
  if (kind === 'exempted') {
    const [stored = '', untilMs] = listFrom(payload);
    return { kind, sequence, exemption: { subjectKey: subjectKeyFrom(stored), untilMs: Number(untilMs) } };
  }
  if (kind === 'switched') return { kind, sequence, switches: switchesFrom(listFrom(payload), nowMs) };
  throw brokenReply('a change');
};
