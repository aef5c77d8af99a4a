import { useEffect, useState } from 'preact/hooks';
import type { BlockView } from '../app/api-types.ts';
import { type Live, useLive } from '../app/live.ts';
import type { Failure } from '../app/problem.ts';
import { part } from '../app/router.ts';
import { get } from '../app/session.ts';
import { type ApiFilter, matches, pathOf, type Sort } from './filter.ts';
import { knownBlock, learn } from './known.ts';
import type { BlockPageAnswer } from './types.ts';

/** How often the API is asked for the queue, ms. */
const pauseMs = 3000;
export const pageSizes = [50, 150, 500] as const;
/** Rows that are looked up one by one when they have left the list; the others wait for the next time. */
const mostLookups = 10;

export interface QueueQuestion {
  /** One or two. */
  readonly segments: readonly ApiFilter[];
  readonly sort: Sort;
  readonly limit: number;
}

export interface Queue {
  /** Ids in the order in which they are shown: it changes only when somebody asks for it. Null: not known yet. */
  readonly ids: readonly string[] | null;
  /** Ids that have come in since. */
  readonly fresh: readonly string[];
  /** There are more behind the last one. */
  readonly hasMore: boolean;
  readonly failure: Failure | null;
  readonly askedAtMs: number | null;
  readonly loadedAtMs: number | null;
  /** Shows what has come in. */
  adopt(): void;
  /** Asks now. */
  refresh(): void;
}

/** Every id once, in order. */
const idsOf = (answers: readonly (BlockPageAnswer | null)[]): readonly string[] => [
  ...new Set(answers.flatMap((answer) => answer?.blocks.map(({ id }) => id) ?? [])),
];

/** Rows that the lists do not tell any more: what became of them is asked for one by one. */
const lookUp = async (ids: readonly string[]): Promise<void> => {
  for (const id of ids) {
    try {
      learn([await get<BlockView>(`v1/blocks/${part(id)}`)]);
    } catch {
      // Gone for good, or not known now: the row stays as it was, and is asked for again with the next list.
      return;
    }
  }
};

const isStillDue = (id: string, segments: readonly ApiFilter[]): boolean => {
  const block = knownBlock(id);
  return block !== null && segments.some((segment) => matches(segment, block));
};

interface Shown {
  /** Of the question that it answers. */
  readonly name: string;
  readonly limit: number;
  readonly ids: readonly string[];
}

/** Shown ids that have left the lists although nothing known of them says why. */
const leftOf = (shown: Shown, listed: readonly string[], { segments, limit }: QueueQuestion): readonly string[] => {
  // A list that ends elsewhere may hold them further down.
  if (listed.length >= limit) return [];
  const there = new Set(listed);
  return shown.ids.filter((id) => !there.has(id) && isStillDue(id, segments)).slice(0, mostLookups);
};

const worst = (lives: readonly Live<BlockPageAnswer>[]): Failure | null =>
  lives.find(({ failure }) => failure !== null)?.failure ?? null;

/**
 * The queue as it was when somebody first looked, kept up to date in place: what comes in is told, and shown when asked for.
 */
export const useQueue = (question: QueueQuestion): Queue => {
  const { segments, sort, limit } = question;
  const [head, tail] = segments.map((segment) => pathOf(segment, sort, limit));
  const first = useLive<BlockPageAnswer>(head ?? null, pauseMs);
  const second = useLive<BlockPageAnswer>(tail ?? null, pauseMs);
  const lives = tail === undefined ? [first] : [first, second];
  const isAll = lives.every(({ data }) => data !== null);
  const name = JSON.stringify([segments, sort]);
  const [shown, show] = useState<Shown>({ name: '', limit, ids: [] });
  const listed = idsOf(lives.map(({ data }) => data));
  const mine = new Set(shown.ids);
  const fresh = listed.filter((id) => !mine.has(id));
  useEffect(() => {
    for (const { data } of lives) if (data !== null) learn(data.blocks);
    if (!isAll) return;
    if (shown.name !== name || shown.ids.length === 0) show({ name, limit, ids: listed });
    // What a longer list brings stands below what is looked at.
    else if (shown.limit < limit) show({ name, limit, ids: [...shown.ids, ...fresh] });
    else void lookUp(leftOf(shown, listed, question));
  }, [first.data, second.data, name, limit]);
  return {
    ids: shown.name === name ? shown.ids : null,
    fresh: shown.name === name ? fresh : [],
    hasMore: lives.some(({ data }) => data !== null && data.nextCursor !== null),
    failure: worst(lives),
    askedAtMs: lives.find(({ askedAtMs }) => askedAtMs !== null)?.askedAtMs ?? null,
    loadedAtMs: first.loadedAtMs,
    adopt: () => show({ name, limit, ids: listed }),
    refresh: () => {
      for (const live of lives) live.refresh();
    },
  };
};
