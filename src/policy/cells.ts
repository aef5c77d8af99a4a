import type { Entry } from './rank.ts';

/** What entries are told apart by, besides the path: method, tenant, plan and service, in this order. */
export type Facts = readonly [method: string, tenant: string, plan: string, service: string];

/** For each fact the names that an entry is for; null: any. Those at the end that are null are left out. */
export type Lists = readonly (readonly string[] | null)[];

/** One look-up per fact, so that thousands of tenants' own policies cost a request no more than one. */
export interface Cells {
  /** The first name stands here, all others in the map: most have one, and to compare it takes no look-up. */
  name: string | null;
  named: Cells | null;
  others: Map<string, Cells> | null;
  all: Cells | null;
  /** Most have one entry, which is found a step earlier than in a list. */
  first: Entry | null;
  more: Entry[] | null;
}

export const newCells = (): Cells => ({
  name: null,
  named: null,
  others: null,
  all: null,
  first: null,
  more: null,
});

const cellsFor = (cells: Cells, name: string): Cells | null =>
  cells.name === name ? cells.named : (cells.others?.get(name) ?? null);

const newCellsFor = (cells: Cells, name: string): Cells => {
  const made = newCells();
  if (cells.name === null) {
    cells.name = name;
    cells.named = made;
  } else {
    cells.others ??= new Map();
    cells.others.set(name, made);
  }
  return made;
};

const cellsBelow = (cells: Cells, names: readonly string[] | null): Cells[] => {
  if (names !== null) return names.map((name) => cellsFor(cells, name) ?? newCellsFor(cells, name));
  cells.all ??= newCells();
  return [cells.all];
};

export const addToCells = (cells: Cells, lists: Lists, entry: Entry): void => {
  let level = [cells];
  for (const names of lists) level = level.flatMap((below) => cellsBelow(below, names));
  for (const cell of level) {
    if (cell.first === null) cell.first = entry;
    else {
      cell.more ??= [];
      cell.more.push(entry);
    }
  }
};

/** What is collected for whom. */
export interface Collection {
  readonly facts: Facts;
  /** In no order; one policy may be found by several of its patterns. */
  readonly found: Entry[];
}

/** Adds what is for these facts, of which the first `depth` have been looked up. */
export const collectIn = (cells: Cells, depth: number, into: Collection): void => {
  if (cells.first !== null) into.found.push(cells.first);
  if (cells.more !== null) for (const entry of cells.more) into.found.push(entry);
  if (cells.name !== null) {
    const own = cellsFor(cells, into.facts[depth] ?? '');
    if (own !== null) collectIn(own, depth + 1, into);
    // Who answers GET answers HEAD with the same work.
    const get = depth === 0 && into.facts[0] === 'HEAD' ? cellsFor(cells, 'GET') : null;
    if (get !== null) collectIn(get, 1, into);
  }
  if (cells.all !== null) collectIn(cells.all, depth + 1, into);
};
