import { randomBytes } from 'node:crypto';
import type { Block } from '../blocklist/block.ts';
import type { Refusals } from '../blocklist/block-feed.ts';
import type {
  Act,
  AddResult,
  AllowEntry,
  BlockReview,
  ImportResult,
  ListImport,
  ManualBlock,
  RuleJudgement,
  Standing,
} from '../blocklist/block-review.ts';
import { checkAct, checkedAllowEntry, checkedManualBlock, checkRefusalQuery } from '../blocklist/checks.ts';
import { allowNotice } from '../blocklist/notices.ts';
import { allowedReason, manualBlockIdOf, manualBlockOf, supersededReason } from '../blocklist/promotion.ts';
import { allowedCode, stepTaken } from '../blocklist/steps.ts';
import { canonicalSubject } from '../blocklist/subject.ts';
import { blockAt } from '../blocklist/transitions.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import { TidegateError } from '../errors.ts';
import { importList } from './block-import.ts';
import { actionText, blockFromFields, blockFromReply, entryFromLine, fixedPartOf } from './block-record.ts';
import { type BlockScripts, brokenReply } from './block-scripts.ts';
import { placed, protectors, senderOf, sortKey } from './block-subject.ts';

/** How many blocks one listing reads at most to find those that match. */
const _maxScanned = 20_000;
/** Allow entries are read as a whole, and sent to every gate. */
const maxAllowEntries = 10_000;
type AllowText = AllowEntry & { readonly key: string; readonly sender: string };

/** What people ask and do, with the list in Redis. */
export class RedisBlockReview implements Omit<BlockReview, 'transition' | 'comment' | 'history' | 'list' | 'count'> {
  readonly #scripts: BlockScripts;

  constructor(scripts: BlockScripts) {
    this.#scripts = scripts;
  }

  async get(blockId: string): Promise<Block | null> {
    const nowMs = await this.#scripts.now();
    const [block] = await this.#read([blockId]);
    return block ? blockAt(block, nowMs) : null;
  }

  async judgements(): Promise<readonly RuleJudgement[]> {
    const { redis } = this.#scripts;
    const counts = await this.#scripts.guard(redis.hgetall(this.#scripts.key('judged')));
    const judged = [...new Set(Object.keys(counts).map((field) => field.slice(2)))].sort(byRule);
    const pipeline = redis.pipeline();
    for (const by of judged) pipeline.zrevrange(this.#scripts.key('labels', by), 0, 0, 'WITHSCORES');
    const newest = judged.length === 0 ? [] : await this.#scripts.guard(pipeline.exec());
    return judged.map((by, index) => {
      const [error, last] = newest?.[index] ?? [brokenReply('labels'), null];
      if (error) throw this.#scripts.failure(error);
      const count = (what: string): number => Number(counts[`${what} ${by}`] ?? 0);
      const [ruleHash = '', rule = ''] = by.split(' ');
      const lastLabelAtMs = (last as string[])[1];
      return {
        ...{ rule, ruleHash, made: count('m'), confirmed: count('c') },
        ...{ falsePositives: count('f'), goodwill: count('g') },
        lastLabelAtMs: lastLabelAtMs === undefined ? null : Number(lastLabelAtMs),
      };
    });
  }

  async add(given: ManualBlock): Promise<AddResult> {
    const nowMs = await this.#scripts.now();
    const manual = checkedManualBlock(given, nowMs);
    const { key } = manual;
    const id = key === undefined ? `m-${randomBytes(9).toString('base64url')}` : manualBlockIdOf(key);
    const block = manualBlockOf(manual, id, nowMs);
    const reply = await this.#scripts.run('add', {
      id: block.id,
      fixed: fixedPartOf(block),
      ...placed(block.subject),
      ...protectors(block.subject),
      ends: block.expiresAtMs,
      action: actionText(block.action),
      rule: block.rule,
      reason: block.reason,
      actor: block.actor,
      superseded: supersededReason(block.id),
      taken: JSON.stringify(stepTaken('made', manual)),
      ended: JSON.stringify(stepTaken('superseded', { ...manual, note: supersededReason(block.id) })),
    });
    const [kind, held] = reply;
    if (kind === 'added') return { kind, block: blockFromReply(reply) };
    if (kind !== 'allow-list' && kind !== 'canary') throw brokenReply('the result of a block by hand');
    return { kind: 'refused', reason: kind, by: allowEntryFrom(String(held)) };
  }

  async allow(given: AllowEntry): Promise<void> {
    const nowMs = await this.#scripts.now();
    const entry = checkedAllowEntry(given, nowMs);
    const { subject, kind, untilMs, actor, note } = entry;
    const place = placed(subject);
    const sender = senderOf(subject);
    const text: AllowText = { key: place.subject, sender, subject, kind, untilMs, actor, note };
    const [done] = await this.#scripts.run('allow', {
      ...place,
      sortKey: sortKey(subject),
      sender,
      notice: JSON.stringify(allowNotice(nowMs, entry)),
      entry: JSON.stringify(text),
      ends: untilMs,
      reason: allowedReason(note),
      actor,
      taken: JSON.stringify(stepTaken('lift', entry, allowedCode)),
      most: maxAllowEntries,
    });
    if (done === 1) return;
    const message = `there are ${maxAllowEntries} allow entries already: allow networks instead of single addresses`;
    throw new TidegateError('INPUT_INVALID', message);
  }

  async disallow(given: BlockSubject, act: Act): Promise<boolean> {
    checkAct(act);
    const subject = canonicalSubject(given);
    const key = subjectKeyOf(subject);
    const entry = (await this.allowEntries()).find((held) => subjectKeyOf(held.subject) === key);
    if (!entry) return false;
    const notice = JSON.stringify(allowNotice(await this.#scripts.now(), entry, act));
    const [done] = await this.#scripts.run('allow', {
      ...placed(subject),
      sortKey: sortKey(subject),
      sender: senderOf(subject),
      notice,
    });
    return done === 1;
  }

  async allowEntries(): Promise<readonly AllowEntry[]> {
    const [now, ...texts] = await this.#scripts.run('standing', { about: 'allowed' });
    return texts
      .map((text) => allowEntryFrom(String(text)))
      .filter(({ untilMs }) => untilMs > Number(now))
      .sort((left, right) => left.untilMs - right.untilMs);
  }

  importList(list: ListImport): Promise<ImportResult> {
    return importList(this.#scripts, list);
  }

  async standing(given: BlockSubject): Promise<Standing> {
    const subject = canonicalSubject(given);
    const asked = { about: 'subject', ...placed(subject), ...protectors(subject) };
    const [, entries, allowed, tombstone, strikes, proposal, identities] = await this.#scripts.run('standing', asked);
    return {
      entries: pairsOf(entries).map(([stored, line]) => entryFromLine(stored, line)),
      allowed: (allowed as unknown[]).map((text) => allowEntryFrom(String(text))),
      tombstoneUntilMs: tombstone === 0 ? null : Number(tombstone),
      strikes: pairsOf(strikes).map(([blockId, untilMs]) => ({ blockId, untilMs: Number(untilMs) })),
      proposalId: proposal === '' ? null : String(proposal),
      identities: Number(identities) < 0 ? null : Number(identities),
    };
  }

  async refusals(blockIds: readonly string[]): Promise<readonly Refusals[]> {
    checkRefusalQuery(blockIds);
    if (blockIds.length === 0) return [];
    const pipeline = this.#scripts.redis.pipeline();
    for (const blockId of blockIds) pipeline.hmget(this.#scripts.key('block', blockId), ...refusedFields);
    const replies = await this.#scripts.guard(pipeline.exec());
    return blockIds.flatMap((blockId, index) => {
      const [error, values] = replies?.[index] ?? [brokenReply('refusals'), null];
      if (error) throw this.#scripts.failure(error);
      const sums = refusedOf(values as (string | null)[]);
      return sums.refused > 0 ? [{ blockId, ...sums }] : [];
    });
  }

  async allRefusals(): Promise<Omit<Refusals, 'blockId'>> {
    const key = this.#scripts.key('refused');
    return refusedOf(await this.#scripts.guard(this.#scripts.redis.hmget(key, ...refusedFields)));
  }

  #read(blockIds: readonly string[]): Promise<(Block | null)[]> {
    return readBlocks(this.#scripts, blockIds);
  }
}

/** Blocks as they are stored, in the order of their ids. */
export const readBlocks = async (scripts: BlockScripts, blockIds: readonly string[]): Promise<(Block | null)[]> => {
  if (blockIds.length === 0) return [];
  const pipeline = scripts.redis.pipeline();
  for (const blockId of blockIds) pipeline.hgetall(scripts.key('block', blockId));
  const replies = await scripts.guard(pipeline.exec());
  return blockIds.map((blockId, index) => {
    const [error, fields] = replies?.[index] ?? [brokenReply('a block'), null];
    if (error) throw scripts.failure(error);
    return blockFromFields(blockId, fields as Record<string, string>);
  });
};

/** `<rule hash> <rule>`, by rule. */
const byRule = (left: string, right: string): number => {
  const turned = (by: string): string => by.split(' ').reverse().join(' ');
  return turned(left) < turned(right) ? -1 : 1;
};

const pairsOf = (flat: unknown): [string, string][] => {
  const list = flat as unknown[];
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < list.length; at += 2) pairs.push([String(list[at]), String(list[at + 1])]);
  return pairs;
};

const allowEntryFrom = (text: string): AllowEntry => {
  const { subject, kind, untilMs, actor, note } = JSON.parse(text) as AllowText;
  return { subject, kind, untilMs, actor, note };
};

const refusedFields = ['refused', 'commandsSpared', 'bytesSpared', 'refusedAtMs'] as const;

const refusedOf = ([refused, commands, bytes, lastAtMs]: readonly (string | null | undefined)[]) => ({
  refused: Number(refused ?? 0),
  commands: Number(commands ?? 0),
  bytes: Number(bytes ?? 0),
  lastAtMs: Number(lastAtMs ?? 0),
});
