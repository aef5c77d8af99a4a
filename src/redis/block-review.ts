import { randomBytes } from 'node:crypto';
import type { Block, BlockState } from '../blocklist/block.ts';
import type { Refusals } from '../blocklist/block-feed.ts';
import type {
  Act,
  AddResult,
  AllowEntry,
  BlockPage,
  BlockQuery,
  BlockReview,
  ImportResult,
  ListImport,
  ManualBlock,
  Standing,
  Transition,
} from '../blocklist/block-review.ts';
import { checkedAllowEntry, checkedManualBlock, checkRefusalQuery, checkTransition } from '../blocklist/checks.ts';
import { allowNotice } from '../blocklist/notices.ts';
import {
  allowedReason,
  defaultTombstoneMs,
  isListBlock,
  manualBlockOf,
  supersededReason,
} from '../blocklist/promotion.ts';
import { canonicalSubject } from '../blocklist/subject.ts';
import { afterTransition, blockAt, conflictOf, unknownBlock } from '../blocklist/transitions.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import { TidegateError } from '../errors.ts';
import { dropEnded, importList } from './block-import.ts';
import { actionText, blockFromFields, blockFromReply, entryFromLine, fixedPartOf } from './block-record.ts';
import { type BlockScripts, brokenReply } from './block-scripts.ts';
import { placed, protectors, senderOf, sortKey } from './block-subject.ts';

const defaultPage = 100;
const maxPage = 500;
/** How many blocks one listing reads at most to find those that match. */
const maxScanned = 20_000;
/** Allow entries are read as a whole, and sent to every gate. */
const maxAllowEntries = 10_000;
/** Somebody else was faster each time: more tries would meet the same. */
const maxTries = 10;

type AllowText = AllowEntry & { readonly key: string; readonly sender: string };

/** What people ask and do, with the list in Redis. */
export class RedisBlockReview implements BlockReview {
  readonly #scripts: BlockScripts;

  constructor(scripts: BlockScripts) {
    this.#scripts = scripts;
  }

  async get(blockId: string): Promise<Block | null> {
    const nowMs = await this.#scripts.now();
    const [block] = await this.#read([blockId]);
    return block ? blockAt(block, nowMs) : null;
  }

  async list(query: BlockQuery): Promise<BlockPage> {
    const limit = Math.min(maxPage, Math.max(1, query.limit ?? defaultPage));
    const nowMs = await this.#scripts.now();
    const matches = matcherOf(query);
    const found: Block[] = [];
    let cursor = query.cursor !== undefined && /^\d{1,15}$/.test(query.cursor) ? query.cursor : '+inf';
    let lastOrder = cursor;
    for (let scanned = 0; scanned < maxScanned; scanned += maxPage) {
      const page = await this.#page(cursor);
      const blocks = await this.#read(page.map(({ id }) => id));
      for (const [index, { order }] of page.entries()) {
        const stored = blocks[index];
        const block = stored ? blockAt(stored, nowMs) : null;
        if (block && matches(block)) {
          if (found.length === limit) return { blocks: found, nextCursor: lastOrder };
          found.push(block);
        }
        lastOrder = order;
      }
      if (page.length < maxPage) return { blocks: found, nextCursor: null };
      cursor = lastOrder;
    }
    return { blocks: found, nextCursor: lastOrder };
  }

  /** Decided here, from the block as it was read, and written only where it still is that version. */
  async transition(blockId: string, transition: Transition): Promise<Block> {
    for (let tries = 1; ; tries += 1) {
      const nowMs = await this.#scripts.now();
      checkTransition(transition, nowMs);
      const [stored] = await this.#read([blockId]);
      if (!stored) throw unknownBlock(blockId);
      const before = blockAt(stored, nowMs);
      const after = afterTransition(before, transition, nowMs);
      const reply = await this.#scripts.run('transition', askedOf(before, after, transition));
      if (reply[0] === 'done') {
        if (isListBlock(after) && transition.kind === 'lift') await dropEnded(this.#scripts);
        return blockFromReply(reply);
      }
      if (reply[0] === 'protected' || tries >= maxTries) throw conflictOf(before);
    }
  }

  async add(given: ManualBlock): Promise<AddResult> {
    const nowMs = await this.#scripts.now();
    const manual = checkedManualBlock(given, nowMs);
    const block = manualBlockOf(manual, `m-${randomBytes(9).toString('base64url')}`, nowMs);
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
      most: maxAllowEntries,
    });
    if (done === 1) return;
    const message = `there are ${maxAllowEntries} allow entries already: allow networks instead of single addresses`;
    throw new TidegateError('INPUT_INVALID', message);
  }

  async disallow(given: BlockSubject, act: Act): Promise<boolean> {
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

  /** Up to a page of ids below the cursor, newest first. */
  async #page(cursor: string): Promise<{ id: string; order: string }[]> {
    const { redis } = this.#scripts;
    const below = cursor === '+inf' ? cursor : `(${cursor}`;
    const key = this.#scripts.key('blocks');
    const flat = await this.#scripts.guard(
      redis.zrevrangebyscore(key, below, '-inf', 'WITHSCORES', 'LIMIT', 0, maxPage),
    );
    return pairsOf(flat).map(([id, order]) => ({ id, order }));
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

const matcherOf =
  ({ states, rule, subjectKey }: BlockQuery) =>
  (block: Block): boolean =>
    (states === undefined || states.includes(block.state)) &&
    (rule === undefined || block.rule === rule) &&
    (subjectKey === undefined || subjectKeyOf(block.subject) === subjectKey);

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

/** What a step changes, for the script. */
const askedOf = (before: Block, after: Block, transition: Transition) => {
  const { subject, state, blockedAtMs, expiresAtMs, reason, actor, action, rule } = after;
  const fields = { state, blockedAtMs, expiresAtMs, reason, actor, action: actionText(action) };
  const lift =
    transition.kind === 'lift'
      ? {
          tombstoneMs: transition.tombstoneMs ?? defaultTombstoneMs,
          sortKey: sortKey(subject),
          takesStrikeBack: transition.reason === 'false-positive',
        }
      : {};
  return {
    id: before.id,
    version: String(before.version),
    kind: transition.kind,
    ...placed(subject),
    ...(transition.kind === 'activate' ? protectors(subject) : {}),
    fields: Object.entries(fields).flatMap(([name, value]) => [name, String(value)]),
    state: state satisfies BlockState,
    ends: expiresAtMs,
    action: actionText(action),
    rule,
    isList: isListBlock(after),
    superseded: supersededReason(before.id),
    actor,
    ...lift,
  };
};
