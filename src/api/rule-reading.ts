import type { BlockList } from '../blocklist/block-list.ts';
import { allRules } from '../blocklist/budget.ts';
import { type KnownRule, type RuleView, ruleView, type Unjudged } from './rule-view.ts';

/** Blocks that are looked at for how long they wait. */
const mostWaiting = 500;
const mostCounted = 10_000;

/** What waits for a person: open blocks for their age, those that have run out for the count alone. */
const unjudgedOf = async (list: BlockList, rule: string, nowMs: number): Promise<Unjudged> => {
  const filter = { rule, isUnjudged: true, origins: ['detector'] } as const;
  const [{ count }, { blocks }] = await Promise.all([
    list.count({ ...filter, states: ['proposed', 'active', 'expired'] }, mostCounted),
    list.list({ ...filter, states: ['proposed', 'active'], sort: 'oldest', limit: mostWaiting }),
  ]);
  return { count, agesMs: blocks.map(({ blockedAtMs }) => Math.max(0, nowMs - blockedAtMs)) };
};

/** Everything about rules that is asked once for all of them. */
const bookOf = async (list: BlockList) => {
  const [noted, overrides, breakers, judgements] = await Promise.all([
    list.notedRules(),
    list.overrides(),
    list.breakers(),
    list.judgements(),
  ]);
  return { noted, overrides, breakers, judgements };
};

type Book = Awaited<ReturnType<typeof bookOf>>;

const knownOf = (book: Book, name: string): Omit<KnownRule, 'unjudged'> => {
  const noted = book.noted.find((rule) => rule.name === name) ?? null;
  return {
    name,
    noted,
    override: book.overrides.find(({ rule }) => rule === name) ?? null,
    breaker: book.breakers.find(({ rule }) => rule === name) ?? null,
    judgement: book.judgements.find(({ rule, ruleHash }) => rule === name && ruleHash === noted?.hash) ?? null,
  };
};

/** Rules of detectors, and whatever else has an override or a breaker, by name. */
const namesIn = ({ noted, overrides, breakers }: Book): string[] => {
  const others = [...overrides, ...breakers].map(({ rule }) => rule).filter((rule) => rule !== allRules);
  return [...new Set([...noted.map(({ name }) => name), ...others])].sort();
};

export const allRuleViews = async (list: BlockList, nowMs: number): Promise<RuleView[]> => {
  const book = await bookOf(list);
  const views: RuleView[] = [];
  // One after the other: a question of a person must not fill the store's connection.
  for (const name of namesIn(book)) {
    views.push(ruleView({ ...knownOf(book, name), unjudged: await unjudgedOf(list, name, nowMs) }));
  }
  return views;
};

export const oneRuleView = async (list: BlockList, name: string, nowMs: number): Promise<RuleView> => {
  const [book, unjudged] = await Promise.all([bookOf(list), unjudgedOf(list, name, nowMs)]);
  return ruleView({ ...knownOf(book, name), unjudged });
};
