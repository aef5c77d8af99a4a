import type { Client } from '../client.ts';
import { maxMembers } from './rule-schema.ts';

/** Routes told apart in one window of one subject; the gate names as many of a client. More count as `other`. */
export const maxRoutes = 64;
const maxPolicies = 10;

/**
 * Names, each with how often it was denied and allowed, one after the other: `[name, denied, allowed, …]`. A table of a few
 * takes a tenth of what a map of objects would, and there are hundreds of thousands.
 */
export type NameCounts = (string | number)[];
const rowLength = 3;

/** Who sent rows of a partition, and the position of the last one that was read: it moves on with every row. */
export interface Heard {
  readonly emitter: string;
  readonly seq: number;
}

/** Emitters told apart in one window; of more it is only known that they are more. */
export const maxMarks = 32;

/** Why what is stored may say otherwise than what was counted: a bit each. */
export const doubtBits = { late: 1, clock: 2, forgotten: 4 } as const;

/** What one subject did in one window, as far as the rules of one tally look. */
export interface WindowTally {
  readonly startMs: number;
  readonly routes: NameCounts;
  /** Of a network: its clients that were denied. Else null. */
  readonly members: NameCounts | null;
  /** Replaced, not added to: nearly always there is one. */
  policies: readonly string[];
  denied: number;
  allowed: number;
  /** Denied on routes that were folded together: their number says nothing of how many routes there were. */
  other: number;
  /** Routes of the table that were denied. */
  deniedRoutes: number;
  /** Denied decisions of which it is known whether they came early, and how many did. */
  judged: number;
  early: number;
  /** The first and the last denial, milliseconds after the start; -1 when there is none. */
  firstDeniedMs: number;
  lastDeniedMs: number;
  /** Records of the log that hold denied decisions of this window, -1 when there is none. */
  fromOffset: number;
  toOffset: number;
  /** Of the denied decisions: null before the first, '' when there are several. */
  tenant: string | null;
  /** Whose rows were counted: one mostly. Of the others at most {@link maxMarks}, replaced, not added to. */
  heard: Heard | null;
  others: readonly Heard[];
  /** Of {@link doubtBits}. */
  doubts: number;
}

/** The part of a decision event that rules look at. */
export interface TrackedEvent {
  readonly atMs: number;
  readonly offset: number;
  readonly denied: boolean;
  readonly count: number;
  readonly early: number | null;
  readonly policy: string;
  /** Null: folded together with others. */
  readonly route: string | null;
  readonly client: Client;
  readonly tenant: string;
  readonly heard: Heard;
  /** Its emitter said a later time than the log had then: `atMs` is the log's. */
  readonly isClamped: boolean;
}

/** One for all. */
const nobody: readonly Heard[] = [];

export const newTally = (startMs: number, isNetwork: boolean): WindowTally => ({
  startMs,
  routes: [],
  members: isNetwork ? [] : null,
  policies: [],
  denied: 0,
  allowed: 0,
  other: 0,
  deniedRoutes: 0,
  judged: 0,
  early: 0,
  firstDeniedMs: -1,
  lastDeniedMs: -1,
  fromOffset: -1,
  toOffset: -1,
  tenant: null,
  heard: null,
  others: nobody,
  doubts: 0,
});

/** A window, beside its tables, in units of {@link cellsOf}. */
const windowCells = 8;
const othersPerCell = 8;

/** What a window takes, in units of about 60 bytes: a named row of a table is one. */
export const cellsOf = ({ routes, members, others }: WindowTally): number =>
  windowCells + (routes.length + (members === null ? 0 : members.length)) / rowLength + others.length / othersPerCell;

const at = (table: NameCounts, place: number): number => table[place] as number;

/** Where the row of the name begins; -1: there is none, and no room. */
const rowOf = (table: NameCounts, name: string, most: number): number => {
  for (let row = 0; row < table.length; row += rowLength) if (table[row] === name) return row;
  if (table.length >= most * rowLength) return -1;
  return table.push(name, 0, 0) - rowLength;
};

/** The row of a denied route. Routes that were only allowed make room: nobody hides behind what it was served. */
const deniedRowOf = (table: NameCounts, name: string): number => {
  const known = rowOf(table, name, maxRoutes);
  if (known >= 0) return known;
  for (let row = 0; row < table.length; row += rowLength) {
    if (table[row + 1] !== 0) continue;
    table[row] = name;
    table[row + 2] = 0;
    return row;
  }
  return -1;
};

const hear = (tally: WindowTally, { heard, isClamped }: TrackedEvent): void => {
  if (isClamped) tally.doubts |= doubtBits.clock;
  if (tally.heard === heard) return;
  if (tally.heard === null) tally.heard = heard;
  else if (tally.others.length < maxMarks && !tally.others.includes(heard)) tally.others = [...tally.others, heard];
};

/** Adds what was allowed. `byRoute`: some rule asks for the share of a route. */
export const addAllowed = (tally: WindowTally, event: TrackedEvent, byRoute: boolean): void => {
  const { route, count } = event;
  hear(tally, event);
  tally.allowed += count;
  if (!byRoute || route === null) return;
  const row = rowOf(tally.routes, route, maxRoutes);
  if (row >= 0) tally.routes[row + 2] = at(tally.routes, row + 2) + count;
};

const addRoute = (tally: WindowTally, route: string | null, count: number): void => {
  const { routes } = tally;
  const row = route === null ? -1 : deniedRowOf(routes, route);
  if (row < 0) {
    tally.other += count;
    return;
  }
  const before = at(routes, row + 1);
  if (before === 0) tally.deniedRoutes += 1;
  routes[row + 1] = before + count;
};

/** Adds what was denied. `member`: the client, where the tally is a network's. */
export const addDenied = (tally: WindowTally, event: TrackedEvent, member: string | null): void => {
  const { count, route, early, policy, atMs, offset, tenant } = event;
  hear(tally, event);
  tally.denied += count;
  addRoute(tally, route, count);
  if (early !== null) {
    tally.judged += count;
    tally.early += early;
  }
  if (tally.members !== null && member !== null) {
    const row = rowOf(tally.members, member, maxMembers);
    if (row >= 0) tally.members[row + 1] = at(tally.members, row + 1) + count;
  }
  if (tally.policies.length < maxPolicies && !tally.policies.includes(policy)) {
    tally.policies = [...tally.policies, policy];
  }
  const afterMs = atMs - tally.startMs;
  if (tally.firstDeniedMs < 0 || afterMs < tally.firstDeniedMs) tally.firstDeniedMs = afterMs;
  if (afterMs > tally.lastDeniedMs) tally.lastDeniedMs = afterMs;
  if (tally.fromOffset < 0) tally.fromOffset = offset;
  tally.toOffset = offset;
  if (tally.tenant === null) tally.tenant = tenant;
  else if (tally.tenant !== tenant) tally.tenant = '';
};

/** The most that one route was denied, of those denied so often and that share of the time; 0: there is none. */
export const mostDenied = (
  { routes }: WindowTally,
  { denied, deniedShare }: { readonly denied: number; readonly deniedShare: number },
): number => {
  let most = 0;
  for (let row = 0; row < routes.length; row += rowLength) {
    const count = at(routes, row + 1);
    if (count < denied || count <= most) continue;
    if (count >= deniedShare * (count + at(routes, row + 2))) most = count;
  }
  return most;
};

/** Denied decisions by name in several tables, of at most `most` names. */
export const deniedByName = (tables: readonly NameCounts[], most: number): Map<string, number> => {
  const total = new Map<string, number>();
  for (const table of tables) {
    for (let row = 0; row < table.length; row += rowLength) {
      const name = String(table[row]);
      const count = at(table, row + 1);
      if (count > 0 && (total.size < most || total.has(name))) total.set(name, (total.get(name) ?? 0) + count);
    }
  }
  return total;
};
