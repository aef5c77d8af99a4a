/** What an ingest process does that lasts, in the order in which it does it with a block. */
export const operations = ['marks', 'intent', 'bury', 'insert', 'ledger', 'ack', 'count', 'repair'] as const;
/**
 * `intent`: the commit that announces a block, the first of a life. `ack`: a later commit, which says that a block is stored
 * (and mostly announces the next). `bury`: dead letters. `count` and `repair` happen only after a failure.
 */
export type Operation = (typeof operations)[number];

export const moments = ['before', 'during', 'after'] as const;
export type Moment = (typeof moments)[number];

/**
 * `kill`: SIGKILL. `freeze`: SIGSTOP, until somebody sends SIGCONT. `reject`: the process lives on, and the operation fails
 * without effect (before), with half of it (during) or with all of it (after).
 */
export type Fault = 'kill' | 'freeze' | 'reject';

/** Where something happens to a process. */
export interface Arm {
  readonly operation: Operation;
  readonly moment: Moment;
  readonly fault: Fault;
  /** Which time the process gets there, from 1. */
  readonly occurrence: number;
  /** How far into the operation, microseconds; for `during`. */
  readonly delayUs: number;
}

export const pointOf = ({ operation, moment }: Pick<Arm, 'operation' | 'moment'>): string => `${moment}-${operation}`;

/** Every point at which a process can die: `after-intent`, `during-insert`, … */
export const crashPoints: readonly Pick<Arm, 'operation' | 'moment'>[] = operations.flatMap((operation) =>
  moments.map((moment) => ({ operation, moment })),
);

/**
 * How often a point is drawn, against 1: where a database is half-way, the moment matters, and each kill shows only one.
 */
const weights: Readonly<Partial<Record<string, number>>> = {
  'during-insert': 10,
  'during-repair': 6,
  'during-ledger': 3,
  'during-intent': 2,
  'during-ack': 2,
  'after-insert': 2,
  'during-bury': 2,
};

const weighted = crashPoints.flatMap((point) => Array.from({ length: weights[pointOf(point)] ?? 1 }, () => point));

/** Longest delay within each operation, microseconds: a little longer than it takes, so that its end is hit, too. */
const longestUs: Readonly<Record<Operation, number>> = {
  marks: 4_000,
  intent: 8_000,
  bury: 8_000,
  insert: 30_000,
  ledger: 10_000,
  ack: 8_000,
  count: 6_000,
  repair: 40_000,
};

/** Once for each block; the others once in a life, or only after a failure. */
const isRepeated = (operation: Operation): boolean => ['insert', 'ledger', 'ack'].includes(operation);

/** The next kill of a series. `random`: 0 ≤ value < 1. */
export const drawKill = (random: () => number): Arm => {
  const point = weighted[Math.floor(random() * weighted.length)] ?? weighted[0];
  if (!point) throw new Error('there are no crash points');
  return {
    ...point,
    fault: 'kill',
    occurrence: isRepeated(point.operation) ? 1 + Math.floor(random() * 3) : 1,
    delayUs: Math.floor(random() * longestUs[point.operation]),
  };
};

/**
 * Ends a life that never comes to its point, because nothing had to be settled or buried: during an insert a little later.
 */
export const lastResort = (random: () => number): Arm => ({
  operation: 'insert',
  moment: 'during',
  fault: 'kill',
  occurrence: 3,
  delayUs: Math.floor(random() * longestUs.insert),
});

/** A generator of numbers from 0 to 1 that gives the same ones for the same seed (mulberry32). */
export const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
};
