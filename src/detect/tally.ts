import type { BlockSubject, Client } from '../client.ts';
import { maxMembers } from './rule-schema.ts';

/** Routes told apart in one window of one subject; the gate names as many of a client. More count as `other`. */
const maxRoutes = 64;
const maxPolicies = 10;

/** Names with two numbers each, in two arrays: a table of a few costs a tenth of a map of objects. */
export interface NameCounts {
  readonly names: string[];
  readonly denied: number[];
  readonly allowed: number[];
}

/** What one subject did in one window, as far as the rules of one tally look. */
export interface WindowTally {
  readonly startMs: number;
  readonly routes: NameCounts;
  /** Of a network: its clients that were denied. Else null. */
  readonly members: NameCounts | null;
  readonly policies: string[];
  denied: number;
  allowed: number;
  /** Denied on routes that were folded together: their number says nothing of how many routes there were. */
  other: number;
  /** Routes of the table that were denied. */
  deniedRoutes: number;
  /** Denied decisions of which it is known whether they came early, and how many did. */
  judged: number;
  early: number;
  firstDeniedAtMs: number;
  lastDeniedAtMs: number;
  /** Records of the log that hold denied decisions of this window, -1 when there is none. */
  fromOffset: number;
  toOffset: number;
  /** Of the denied decisions: null before the first, '' when there are several. */
  tenant: string | null;
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
}

/** Who is tallied. */
export interface Tallied {
  readonly subject: BlockSubject;
  /** The client that an event of a network's came from; null where the subject is that client. */
  readonly member: string | null;
}

const newCounts = (): NameCounts => ({ names: [], denied: [], allowed: [] });

export const newTally = (startMs: number, isNetwork: boolean): WindowTally => ({
  startMs,
  routes: newCounts(),
  members: isNetwork ? newCounts() : null,
  policies: [],
  denied: 0,
  allowed: 0,
  other: 0,
  deniedRoutes: 0,
  judged: 0,
  early: 0,
  firstDeniedAtMs: Number.POSITIVE_INFINITY,
  lastDeniedAtMs: Number.NEGATIVE_INFINITY,
  fromOffset: -1,
  toOffset: -1,
  tenant: null,
});

/** A window, beside its tables, in units of {@link cellsOf}. */
const windowCells = 8;

/** What a window takes, in units of about 32 bytes: a named row of a table is one. */
export const cellsOf = ({ routes, members }: WindowTally): number =>
  windowCells + routes.names.length + (members === null ? 0 : members.names.length);

const rowOf = (table: NameCounts, name: string, most: number): number => {
  const known = table.names.indexOf(name);
  if (known >= 0 || table.names.length >= most) return known;
  table.denied.push(0);
  table.allowed.push(0);
  return table.names.push(name) - 1;
};

/** The row of a denied route. Routes that were only allowed make room: nobody hides behind what it was served. */
const deniedRowOf = (table: NameCounts, name: string): number => {
  const row = rowOf(table, name, maxRoutes);
  if (row >= 0) return row;
  const spare = table.denied.indexOf(0);
  if (spare < 0) return -1;
  table.names[spare] = name;
  table.allowed[spare] = 0;
  return spare;
};

const add = (numbers: number[], row: number, count: number): void => {
  numbers[row] = (numbers[row] ?? 0) + count;
};

/** Adds what was allowed. `byRoute`: some rule asks for the share of a route. */
export const addAllowed = (tally: WindowTally, { route, count }: TrackedEvent, byRoute: boolean): void => {
  tally.allowed += count;
  if (!byRoute || route === null) return;
  const row = rowOf(tally.routes, route, maxRoutes);
  if (row >= 0) add(tally.routes.allowed, row, count);
};

export const addDenied = (tally: WindowTally, event: TrackedEvent, member: string | null): void => {
  const { count, route, early, policy, atMs, offset, tenant } = event;
  tally.denied += count;
  const row = route === null ? -1 : deniedRowOf(tally.routes, route);
  if (row >= 0) {
    if (tally.routes.denied[row] === 0) tally.deniedRoutes += 1;
    add(tally.routes.denied, row, count);
  } else tally.other += count;
  if (early !== null) {
    tally.judged += count;
    tally.early += early;
  }
  if (tally.members !== null && member !== null) {
    const place = rowOf(tally.members, member, maxMembers);
    if (place >= 0) add(tally.members.denied, place, count);
  }
  if (tally.policies.length < maxPolicies && !tally.policies.includes(policy)) tally.policies.push(policy);
  tally.firstDeniedAtMs = Math.min(tally.firstDeniedAtMs, atMs);
  tally.lastDeniedAtMs = Math.max(tally.lastDeniedAtMs, atMs);
  if (tally.fromOffset < 0) tally.fromOffset = offset;
  tally.toOffset = offset;
  if (tally.tenant === null) tally.tenant = tenant;
  else if (tally.tenant !== tenant) tally.tenant = '';
};

/** Denied decisions by name over several windows, of a stretch at most `most` names. */
export const deniedByName = (tables: readonly NameCounts[], most: number): Map<string, number> => {
  const total = new Map<string, number>();
  for (const { names, denied } of tables) {
    for (const [row, name] of names.entries()) {
      const count = denied[row] ?? 0;
      if (count === 0 || (total.size >= most && !total.has(name))) continue;
      total.set(name, (total.get(name) ?? 0) + count);
    }
  }
  return total;
};
