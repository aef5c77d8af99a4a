import {
  comparePositions,
  cursorOf,
  type ListedBlock,
  matcherOf,
  mostCounted,
  pageLimitOf,
  positionFrom,
  scoreOf,
} from '../blocklist/block-query.ts';
import type { BlockCount, BlockFilter, BlockPage, BlockQuery, RuleJudgement } from '../blocklist/block-review.ts';
import type { NotedRule } from '../blocklist/rule-book.ts';
import { blockAt } from '../blocklist/transitions.ts';
import type { Book } from './memory-block-list-promote.ts';

const dayMs = 86_400_000;

const matching = ({ state, nowMs }: Book, filter: BlockFilter): readonly ListedBlock[] =>
  [...state.blocks.values()]
    .map(({ block, order, made }) => ({ block: blockAt(block, nowMs), order, madeAtMs: made.blockedAtMs }))
    .filter(matcherOf(filter));

export const listBlocks = (book: Book, query: BlockQuery): BlockPage => {
  const { sort = 'newest' } = query;
  const limit = pageLimitOf(query);
  const after = positionFrom(query);
  const rest = matching(book, query)
    .map((listed) => ({ block: listed.block, position: { score: scoreOf(sort, listed), order: listed.order } }))
    .filter(({ position }) => after === null || comparePositions(sort, after, position) < 0)
    .sort((left, right) => comparePositions(sort, left.position, right.position));
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  const nextCursor = rest.length > limit && last ? cursorOf(query, last.position) : null;
  return { blocks: page.map(({ block }) => block), nextCursor };
};

export const countBlocks = (book: Book, filter: BlockFilter, most: number): BlockCount => {
  const { length } = matching(book, filter);
  const bound = Math.min(mostCounted, most);
  return { count: Math.min(length, bound), isExact: length <= bound };
};

/** `<rule hash> <rule>`, by rule. */
const byRule = ([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number => {
  const turned = (by: string): string => by.split(' ').reverse().join(' ');
  return turned(left) < turned(right) ? -1 : 1;
};

export const judgements = ({ state }: Book): readonly RuleJudgement[] =>
  [...state.judged].sort(byRule).map(([by, { made, labels }]) => {
    const [ruleHash = '', rule = ''] = by.split(' ');
    const given = [...labels.values()];
    const count = (label: string): number => given.filter((one) => one.label === label).length;
    return {
      ...{ rule, ruleHash, made, confirmed: count('confirmed') },
      ...{ falsePositives: count('false-positive'), goodwill: count('goodwill') },
      lastLabelAtMs: given.length === 0 ? null : Math.max(...given.map(({ atMs }) => atMs)),
    };
  });

export const noteRules = ({ state, nowMs }: Book, rules: readonly Omit<NotedRule, 'notedAtMs'>[]): void => {
  for (const rule of rules) {
    const noted = { ...rule, notedAtMs: nowMs };
    state.note(state.rules, rule.name, noted);
    state.note(state.rulesByHash, rule.hash, noted);
  }
};

export const notedRules = ({ state, nowMs }: Book): readonly NotedRule[] =>
  [...state.rules.values()]
    .filter(({ notedAtMs }) => notedAtMs > nowMs - dayMs)
    .sort((left, right) => (left.name < right.name ? -1 : 1));
