import { type BlockState, blockStates } from '../blocklist/block.ts';
import {
  type BlockPosition,
  cursorOf,
  isDescending,
  type ListedBlock,
  matcherOf,
  mostCounted,
  pageLimitOf,
  positionFrom,
  scoreOf,
} from '../blocklist/block-query.ts';
import type { BlockCount, BlockFilter, BlockPage, BlockQuery, BlockSort } from '../blocklist/block-review.ts';
import { blockAt } from '../blocklist/transitions.ts';
import { subjectFromKey } from '../client.ts';
import { blockFromFields, fieldsOf, madeAtMsOf } from './block-record.ts';
import type { BlockScripts } from './block-scripts.ts';

/** Looked at by one call: some milliseconds, in which Redis serves nobody else. */
const candidatesPerCall = 4000;
/** Looked at for one page. */
const candidatesPerPage = 40_000;

const stateLetters: Readonly<Record<BlockState, string>> = {
  shadow: 's',
  proposed: 'p',
  active: 'a',
  confirmed: 'c',
  lifted: 'l',
  expired: 'x',
  superseded: 'u',
};
const sortLetters: Readonly<Record<BlockSort, string>> = { newest: 'o', oldest: 'o', ending: 'e', 'most-denied': 'd' };

const initialsOf = (words: readonly string[] | undefined): string => (words ?? []).map(([first]) => first).join('');

/** As the listing spells the order of making. */
const memberOf = (order: number): string => order.toString(36).padStart(9, '0');

/** What is asked for, in the words of the script. Null: nothing can match. */
const askedOf = (filter: BlockFilter) => {
  const { states = blockStates, subjectKey, assignee, tenants, isUnjudged, rule = '', minDenied } = filter;
  const { subjectKinds, origins, madeFromMs, madeToMs } = filter;
  const subject = subjectKey === undefined ? undefined : subjectFromKey(subjectKey);
  const lists: readonly (readonly unknown[] | undefined)[] = [states, subjectKinds, origins, tenants];
  if (subject === null || lists.some((list) => list?.length === 0)) return null;
  const names = [
    ...(assignee ? [[`assigned:${assignee}`]] : []),
    ...(tenants && !tenants.includes('') ? [tenants.map((tenant) => `tenant:${tenant}`)] : []),
  ];
  return {
    states: states.map((state) => stateLetters[state]).join(''),
    judged: isUnjudged === undefined ? '' : isUnjudged ? '0' : '1',
    kinds: initialsOf(subjectKinds),
    origins: initialsOf(origins),
    rule,
    names,
    outside: assignee === '' ? 'assigned' : undefined,
    subject,
    denied: minDenied,
    madeFrom: madeFromMs,
    madeTo: madeToMs,
  };
};

interface Part {
  readonly hasMore: boolean;
  readonly looked: number;
  readonly found: number;
  /** Of the last candidate. */
  readonly last: BlockPosition | null;
  readonly blocks: readonly ListedBlock[];
}

/** Listings of the blocks in Redis. */
export class RedisBlockPages {
  readonly #scripts: BlockScripts;

  constructor(scripts: BlockScripts) {
    this.#scripts = scripts;
  }

  async list(query: BlockQuery): Promise<BlockPage> {
    const { sort = 'newest' } = query;
    const limit = pageLimitOf(query);
    const found: ListedBlock[] = [];
    const positioned = (listed: ListedBlock): BlockPosition => ({ score: scoreOf(sort, listed), order: listed.order });
    const pageOf = (blocks: readonly ListedBlock[], next: BlockPosition | null | undefined): BlockPage => ({
      blocks: blocks.map(({ block }) => block),
      nextCursor: next ? cursorOf(query, next) : null,
    });
    let after = positionFrom(query);
    for (let looked = 0; ; ) {
      const part = await this.#part(query, { after, blocks: limit + 1 - found.length });
      if (part === null) return pageOf([], null);
      found.push(...part.blocks);
      looked += part.looked;
      after = part.last ?? after;
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      if (found.length > limit) return pageOf(shown, last && positioned(last));
      if (!part.hasMore) return pageOf(shown, null);
      if (looked >= candidatesPerPage) return pageOf(shown, after);
    }
  }

  async count(filter: BlockFilter, most: number): Promise<BlockCount> {
    const bound = Math.min(mostCounted, most);
    const counted = (count: number, isExact = true): BlockCount => ({
      count: Math.min(count, bound),
      isExact: isExact && count <= bound,
    });
    let count = 0;
    let after: BlockPosition | null = null;
    for (let looked = 0; ; ) {
      const part: Part | null = await this.#part(filter, { after, blocks: bound + 1 - count, counts: true });
      if (part === null) return counted(0);
      count += part.found;
      looked += part.looked;
      after = part.last;
      if (!part.hasMore || count > bound) return counted(count);
      if (looked >= candidatesPerPage) return counted(count, false);
    }
  }

  /** The next blocks that match, as they are now; null: none can. */
  async #part(
    query: BlockQuery,
    { after, ...bounds }: { readonly after: BlockPosition | null; readonly blocks: number; readonly counts?: boolean },
  ): Promise<Part | null> {
    const { sort = 'newest' } = query;
    const asked = askedOf(query);
    if (asked === null) return null;
    for (;;) {
      const reply = await this.#scripts.run('page', {
        ...asked,
        ...bounds,
        ...(after && { score: String(after.score), member: memberOf(after.order) }),
        sort: sortLetters[sort],
        isDown: isDescending(sort),
        most: candidatesPerCall,
      });
      const [isBehind, now, more, looked, score, member, found, ...flat] = reply;
      if (isBehind === 1) continue;
      return {
        hasMore: more === 1,
        looked: Number(looked),
        found: Number(found),
        last: member === '' ? null : { score: Number(score), order: Number.parseInt(String(member), 36) },
        blocks: blocksFrom(flat, Number(now)).filter(matcherOf(query)),
      };
    }
  }
}

/** Orders, ids, and fields and values as lists. */
const blocksFrom = (flat: readonly unknown[], nowMs: number): ListedBlock[] => {
  const blocks: ListedBlock[] = [];
  for (let at = 0; at + 2 < flat.length; at += 3) {
    const fields = fieldsOf(flat[at + 2] as unknown[]);
    const block = blockFromFields(String(flat[at + 1]), fields);
    if (block) {
      const listed = { order: Number(flat[at]), madeAtMs: madeAtMsOf(block, fields) };
      blocks.push({ ...listed, block: blockAt(block, nowMs) });
    }
  }
  return blocks;
};
