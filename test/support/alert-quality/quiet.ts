import type { Minute } from '../../../src/alert/spike/baseline.ts';
import { type Chance, chanceOf, type DenialSink, drawDenials, seedOf } from './chance.ts';

/** What may trouble an installation in which nothing is wrong. */
export interface QuietKind {
  readonly name: string;
  /** Denials of one client in a row, on average. */
  readonly inARow: number;
  /** How far the share wanders by itself: standard deviation of its logarithm, which it keeps for about ten minutes. */
  readonly wander: number;
  /** How strongly the share follows the load of day and week: 1, twice the load denies twice the share. */
  readonly followsLoad: number;
  /** Jobs a day and a week, at their minute or one beside it, that deny ten times as much for five minutes. */
  readonly daily: number;
  readonly weekly: number;
  /** Bursts of a single client a day: up to 2,000 denials a minute for up to twenty minutes. */
  readonly lonely: number;
  /** Deploys a day: a minute or two without traffic, then twice the traffic, and clients that come back too early. */
  readonly deploys: number;
  /** Holes in the data a week, five to forty minutes. */
  readonly holes: number;
}

const even: Omit<QuietKind, 'name'> = {
  ...{ inARow: 1, wander: 0, followsLoad: 0, daily: 0, weekly: 0, lonely: 0, deploys: 0, holes: 0 },
};

export const quietKinds: readonly QuietKind[] = [
  { ...even, name: 'even share, load by day and week' },
  {
    ...even,
    name: 'share follows the load, jobs by day and week',
    inARow: 2,
    wander: 0.1,
    followsLoad: 1,
    daily: 3,
    weekly: 2,
  },
  { ...even, name: 'overdispersed: denials in a row, wandering share', inARow: 4, wander: 0.25, followsLoad: 0.5 },
  { ...even, name: 'one-client noise', inARow: 2, wander: 0.1, lonely: 8 },
  { ...even, name: 'deploys and holes in the data', inARow: 2, wander: 0.1, deploys: 2, holes: 2 },
  {
    ...{ name: 'all of it', inARow: 3, wander: 0.2, followsLoad: 1, daily: 3, weekly: 2 },
    ...{ lonely: 4, deploys: 1, holes: 1 },
  },
];

export const quartersAMinute = 4;
export const minutesADay = 1440;
const tenants = 4;
const routes = 4;

/** One tenant's requests for one route: what the dimensions are sums of. */
export interface Cell {
  readonly tenant: number;
  readonly route: number;
  readonly region: number;
  readonly policy: number;
  readonly decidedPerMinute: number;
  readonly share: number;
  readonly clients: number;
}

const cellsOf = (chance: Chance): Cell[] =>
  Array.from({ length: tenants * routes }, (_, index) => ({
    tenant: Math.floor(index / routes),
    route: index % routes,
    region: Math.floor(2 * chance.next()),
    policy: (index % routes) % 2,
    decidedPerMinute: 20 * 100 ** chance.next(),
    share: 0.003 * 30 ** chance.next(),
    clients: 20 + Math.floor(400 * chance.next()),
  }));

/** From a minute on, for some minutes. */
interface Span {
  readonly from: number;
  readonly to: number;
}
interface Burst extends Span {
  readonly cell: number;
  readonly client: number;
  readonly perMinute: number;
}
interface Job extends Span {
  readonly cell: number;
}

const within = ({ from, to }: Span, minute: number): boolean => minute >= from && minute < to;

/** A list of spans by day, so that few are looked at. */
const byDay = <Item extends Span>(items: readonly Item[]): Map<number, Item[]> => {
  const days = new Map<number, Item[]>();
  for (const item of items) {
    for (let day = Math.floor(item.from / minutesADay); day <= Math.floor(item.to / minutesADay); day += 1) {
      days.set(day, [...(days.get(day) ?? []), item]);
    }
  }
  return days;
};

const firstLonelyClient = 1_000_000;

/** A quarter of a minute, 0 to 3, of one cell. */
export interface Moment {
  readonly index: number;
  readonly minute: number;
  readonly quarter: number;
}

export interface QuietOptions {
  readonly kind: QuietKind;
  readonly seed: number;
  readonly days: number;
}

/** An installation in which nothing is wrong, quarter of a minute by quarter of a minute, the same for the same seed. */
export class QuietTraffic {
  readonly cells: readonly Cell[];
  readonly #kind: QuietKind;
  readonly #seed: number;
  readonly #wander: Float64Array;
  readonly #bursts: Map<number, Burst[]>;
  readonly #jobs: Map<number, Job[]>;
  readonly #deploys: Map<number, Span[]>;
  readonly #holes: Map<number, Span[]>;

  constructor({ kind, seed, days }: QuietOptions) {
    const chance = chanceOf(seed);
    this.#kind = kind;
    this.#seed = seed;
    this.cells = cellsOf(chance);
    const minutes = days * minutesADay;
    const times = (perDay: number): number[] =>
      Array.from({ length: chance.poisson(perDay * days) }, () => Math.floor(minutes * chance.next()));
    const anyCell = (): number => Math.floor(this.cells.length * chance.next());
    this.#bursts = byDay(
      times(kind.lonely).map((from, index) => ({
        ...{ from, to: from + 1 + Math.floor(20 * chance.next()), cell: anyCell() },
        ...{ client: firstLonelyClient + index, perMinute: 30 * 67 ** chance.next() },
      })),
    );
    this.#jobs = byDay(this.#jobsOf(chance, days));
    this.#deploys = byDay(times(kind.deploys).map((from) => ({ from, to: from + 2 + Math.floor(4 * chance.next()) })));
    this.#holes = byDay(times(kind.holes / 7).map((from) => ({ from, to: from + 5 + Math.floor(36 * chance.next()) })));
    this.#wander = new Float64Array(minutes);
    for (let minute = 1; minute < minutes; minute += 1) {
      this.#wander[minute] =
        0.9 * (this.#wander[minute - 1] ?? 0) + Math.sqrt(1 - 0.81) * kind.wander * chance.normal();
    }
  }

  #jobsOf(chance: Chance, days: number): Job[] {
    const every = (period: number): Job[] => {
      const [cell, at] = [
        Math.floor(this.cells.length * chance.next()),
        Math.floor(period * minutesADay * chance.next()),
      ];
      return Array.from({ length: Math.ceil(days / period) }, (_, index) => {
        const from = index * period * minutesADay + at + Math.floor(3 * chance.next()) - 1;
        return { cell, from, to: from + 5 };
      });
    };
    const times = (count: number, period: number): Job[] => Array.from({ length: count }, () => every(period)).flat();
    return [...times(this.#kind.daily, 1), ...times(this.#kind.weekly, 7)];
  }

  /** Load by hour of day and by day of week, 1 on average or so. */
  #load(minute: number): number {
    const day = Math.floor(minute / minutesADay) % 7;
    const daily = 1 + 0.6 * Math.sin((2 * Math.PI * (minute - 480)) / minutesADay);
    return daily * (day >= 5 ? 0.6 : 1);
  }

  /** What happens in one quarter of a minute in one cell. The sink is told whom it befalls. */
  quarter({ index, minute, quarter }: Moment, sink?: DenialSink): Minute {
    const cell = this.cells[index];
    const day = Math.floor(minute / minutesADay);
    if (!cell || this.#holes.get(day)?.some((hole) => within(hole, minute))) return { decided: 0, denied: 0 };
    const chance = chanceOf(seedOf(this.#seed, index, minute, quarter));
    const deploy = this.#deploys.get(day)?.find((span) => within(span, minute));
    if (deploy && minute < deploy.from + 1) return { decided: 0, denied: 0 };
    const load = this.#load(minute) * (deploy ? 2 : 1);
    const isJob = this.#jobs.get(day)?.some((job) => job.cell === index && within(job, minute)) ?? false;
    const { followsLoad, inARow } = this.#kind;
    const follows = (this.#load(minute) / 1.2) ** followsLoad * Math.exp(this.#wander[minute] ?? 0);
    const share = Math.min(0.8, cell.share * follows * (isJob ? 10 : 1) * (deploy ? 1.3 : 1));
    const decided = (cell.decidedPerMinute * load) / quartersAMinute;
    let denied = drawDenials(chance, { mean: decided * share, inARow, clients: cell.clients }, sink);
    const allowed = chance.poisson(decided * (1 - share));
    for (const burst of this.#bursts.get(day) ?? []) {
      if (burst.cell !== index || !within(burst, minute)) continue;
      const hammered = chance.poisson(burst.perMinute / quartersAMinute);
      denied += hammered;
      if (hammered > 0) sink?.(burst.client, hammered);
    }
    return { decided: allowed + denied, denied };
  }
}
