import { digestOf, subjectKeyOf } from '../client.ts';
import { TidegateError } from '../errors.ts';
import type { Block } from './block.ts';
import type { BlockFilter, BlockQuery, BlockSort } from './block-review.ts';

const defaultPage = 100;
const maxPage = 500;
export const mostCounted = 10_000;

export const pageLimitOf = ({ limit = defaultPage }: BlockQuery): number => Math.min(maxPage, Math.max(1, limit));

/** Where a block stands in a list: what it is sorted by, then the order of making. */
export interface BlockPosition {
  readonly score: number;
  readonly order: number;
}

/** A block and what its list knows of it. */
export interface ListedBlock {
  readonly block: Block;
  readonly order: number;
  readonly madeAtMs: number;
}

/** Of blocks without evidence: after all that have some. */
export const noDenied = -1;

export const scoreOf = (sort: BlockSort, { block, order }: Pick<ListedBlock, 'block' | 'order'>): number => {
  if (sort === 'ending') return block.expiresAtMs;
  return sort === 'most-denied' ? (block.evidence?.denied ?? noDenied) : order;
};

export const isDescending = (sort: BlockSort): boolean => sort === 'newest' || sort === 'most-denied';

/** Below 0: the first comes first. */
export const comparePositions = (sort: BlockSort, left: BlockPosition, right: BlockPosition): number => {
  const ascending = left.score - right.score || left.order - right.order;
  return isDescending(sort) ? -ascending : ascending;
};

type Test = (listed: ListedBlock) => boolean;

const has = <T>(asked: readonly T[] | undefined, of: (block: Block) => T): Test[] =>
  asked === undefined ? [] : [({ block }) => asked.includes(of(block))];

/** Whether a block, as it stands now, is meant. */
export const matcherOf = (filter: BlockFilter): Test => {
  const { rule, subjectKey, tenants, assignee, isUnjudged, madeFromMs, madeToMs, minDenied } = filter;
  const tests: Test[] = [
    ...has(filter.states, ({ state }) => state),
    ...has(filter.subjectKinds, ({ subject }) => subject.kind),
    ...has(filter.origins, ({ origin }) => origin),
    ...has(rule === undefined ? undefined : [rule], (block) => block.rule),
    ...has(subjectKey === undefined ? undefined : [subjectKey], ({ subject }) => subjectKeyOf(subject)),
    ...has(assignee === undefined ? undefined : [assignee], (block) => block.assignee),
  ];
  if (tenants)
    tests.push(({ block }) => tenants.includes(block.subject.tenant ?? '') || tenants.includes(block.tenant));
  if (isUnjudged !== undefined) tests.push(({ block }) => (block.label === null) === isUnjudged);
  if (madeFromMs !== undefined) tests.push(({ madeAtMs }) => madeAtMs >= madeFromMs);
  if (madeToMs !== undefined) tests.push(({ madeAtMs }) => madeAtMs < madeToMs);
  if (minDenied !== undefined) tests.push(({ block }) => (block.evidence?.denied ?? noDenied) >= minDenied);
  return (listed) => tests.every((test) => test(listed));
};

/** Names the filter and the sort that a cursor is of. */
const nameOf = ({ sort = 'newest', limit: _, cursor: __, ...filter }: BlockQuery): string => {
  const parts = Object.entries(filter).flatMap(([name, value]) =>
    value === undefined ? [] : [JSON.stringify([name, Array.isArray(value) ? [...value].sort() : value])],
  );
  return digestOf([sort, ...parts.sort()].join('\n')).slice(0, 10);
};

export const cursorOf = (query: BlockQuery, { score, order }: BlockPosition): string =>
  `${nameOf(query)}.${score.toString(36)}.${order.toString(36)}`;

const cursorForm = /^([\w-]{10})\.(-?[0-9a-z]{1,11})\.([0-9a-z]{1,11})$/;

/** Where the page before ended; null: this is the first. Throws INPUT_INVALID. */
export const positionFrom = (query: BlockQuery): BlockPosition | null => {
  if (query.cursor === undefined) return null;
  const [, name, score = '', order = ''] = cursorForm.exec(query.cursor) ?? [];
  const position = { score: Number.parseInt(score, 36), order: Number.parseInt(order, 36) };
  const isSafe = Number.isSafeInteger(position.score) && Number.isSafeInteger(position.order);
  if (name === nameOf(query) && isSafe) return position;
  const message = name === undefined || !isSafe ? 'is no cursor' : 'is of another filter or sort';
  throw new TidegateError('INPUT_INVALID', `the cursor ${message}`, { problems: [{ path: 'cursor', message }] });
};
