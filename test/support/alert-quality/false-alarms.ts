import type { Minute, MinuteSeries } from '../../../src/alert/spike/baseline.ts';
import { type Detector, detectors, seasonal } from './detectors.ts';
import { minutesADay, type QuietKind, QuietTraffic, quartersAMinute } from './quiet.ts';

/** Alarms within half an hour are one that somebody gets up for. */
const episodeMinutes = 30;
/** Until then there is no week to compare with. */
export const learningDays = 8;

/** A row of the alert: some of the cells together. */
interface Watched {
  readonly dimension: 'all' | 'tenant' | 'route' | 'region' | 'policy';
  readonly cells: readonly number[];
  readonly decided: Int32Array;
  readonly denied: Int32Array;
}

const dimensions = ['tenant', 'route', 'region', 'policy'] as const;

const watchedOf = ({ cells }: QuietTraffic, quarters: number): Watched[] => {
  const one = (dimension: Watched['dimension'], of: readonly number[]): Watched => ({
    ...{ dimension, cells: of, decided: new Int32Array(quarters), denied: new Int32Array(quarters) },
  });
  const all = cells.map((_, index) => index);
  return [
    one('all', all),
    ...dimensions.flatMap((dimension) => {
      const values = [...new Set(cells.map((cell) => cell[dimension]))];
      return values.map((value) =>
        one(
          dimension,
          all.filter((index) => cells[index]?.[dimension] === value),
        ),
      );
    }),
  ];
};

const fill = (traffic: QuietTraffic, watched: readonly Watched[], minutes: number): void => {
  for (let minute = 0; minute < minutes; minute += 1) {
    for (let quarter = 0; quarter < quartersAMinute; quarter += 1) {
      const at = minute * quartersAMinute + quarter;
      const sums = traffic.cells.map((_, index) => traffic.quarter({ index, minute, quarter }));
      for (const { cells, decided, denied } of watched) {
        for (const index of cells) {
          decided[at] = (decided[at] ?? 0) + (sums[index]?.decided ?? 0);
          denied[at] = (denied[at] ?? 0) + (sums[index]?.denied ?? 0);
        }
      }
    }
  }
};

interface Lookout {
  readonly traffic: QuietTraffic;
  readonly watched: Watched;
  readonly all: Watched;
  readonly minutes: readonly (Minute | undefined)[];
}

const wholeMinutes = ({ decided, denied }: Watched): (Minute | undefined)[] =>
  Array.from({ length: decided.length / quartersAMinute }, (_, minute) =>
    sumsOf({ decided, denied }, minute, quartersAMinute),
  );

const sumsOf = (
  { decided, denied }: Pick<Watched, 'decided' | 'denied'>,
  minute: number,
  quarters: number,
): Minute | undefined => {
  const sums = { decided: 0, denied: 0 };
  for (let at = minute * quartersAMinute; at < minute * quartersAMinute + quarters; at += 1) {
    sums.decided += decided[at] ?? 0;
    sums.denied += denied[at] ?? 0;
  }
  return sums.decided > 0 ? sums : undefined;
};

/** The minutes that end with this one, of which so many quarters are over. */
interface Newest {
  readonly minute: number;
  readonly quarters: number;
  readonly length: number;
}

/** Clients of a region are not known: those of all are taken. */
const clientsIn = ({ traffic, watched, all }: Lookout, { minute, quarters, length }: Newest): number[] => {
  const sums = new Map<number, number>();
  const { cells } = watched.dimension === 'region' ? all : watched;
  for (const index of cells) {
    for (let at = minute - length + 1; at <= minute; at += 1) {
      for (let quarter = 0; quarter < (at === minute ? quarters : quartersAMinute); quarter += 1) {
        traffic.quarter({ index, minute: at, quarter }, (client, denied) => {
          const key = client * 100 + index;
          sums.set(key, (sums.get(key) ?? 0) + denied);
        });
      }
    }
  }
  return [...sums.values()];
};

/** Minutes in which one detector rings for one series; ours looks four times a minute, the others when it is over. */
const ringing = (lookout: Lookout, detector: Detector, ring: (minute: number) => void): void => {
  const { watched, minutes } = lookout;
  const firstQuarter = detector === seasonal ? 1 : quartersAMinute;
  for (let minute = 0; minute < minutes.length; minute += 1) {
    for (let quarters = firstQuarter; quarters <= quartersAMinute; quarters += 1) {
      const newest = quarters === quartersAMinute ? minutes[minute] : sumsOf(watched, minute, quarters);
      if (!newest) continue;
      const series: MinuteSeries = (at) => (at === minute ? newest : minutes[at]);
      const deniedByClient = (length: number): number[] => clientsIn(lookout, { minute, quarters, length });
      if (!detector.fires({ series, minute, deniedByClient })) continue;
      ring(minute);
      break;
    }
  }
};

const episodes = (rings: Iterable<number>): number[] => {
  const starts: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const minute of [...rings].sort((a, b) => a - b)) {
    if (minute > last + episodeMinutes) starts.push(minute);
    last = minute;
  }
  return starts;
};

export interface FalseAlarms {
  readonly kind: string;
  readonly days: number;
  /** How often an installation rang, after the first eight days and within them. */
  readonly alarms: readonly { readonly detector: string; readonly later: number; readonly learning: number }[];
}

export interface FalseAlarmOptions {
  readonly kind: QuietKind;
  readonly seed: number;
  /** After the first eight. */
  readonly days: number;
  readonly asked?: readonly Detector[];
}

export const measureFalseAlarms = ({ kind, seed, days, asked = detectors }: FalseAlarmOptions): FalseAlarms => {
  const allDays = learningDays + days;
  const traffic = new QuietTraffic({ kind, seed, days: allDays });
  const watched = watchedOf(traffic, allDays * minutesADay * quartersAMinute);
  fill(traffic, watched, allDays * minutesADay);
  const [all] = watched;
  if (!all) throw new Error('an installation has decisions');
  const rings = asked.map(() => new Set<number>());
  for (const one of watched) {
    const lookout = { traffic, watched: one, all, minutes: wholeMinutes(one) };
    asked.forEach((detector, index) => {
      ringing(lookout, detector, (minute) => rings[index]?.add(minute));
    });
  }
  return {
    kind: kind.name,
    days,
    alarms: rings.map((minutes, index) => {
      const starts = episodes(minutes);
      const learning = starts.filter((minute) => minute < learningDays * minutesADay).length;
      return { detector: asked[index]?.name ?? '', later: starts.length - learning, learning };
    }),
  };
};
