/** What the limiter decided in one minute, blocked requests left out. */
export interface Minute {
  readonly decided: number;
  readonly denied: number;
}

/** Minutes by number since the epoch; a minute without a decision is undefined, which is not a minute without a denial. */
export type MinuteSeries = (minute: number) => Minute | undefined;

/** What is usual at one minute. */
export interface Baseline {
  /** Share that is denied, 0 to 1. */
  readonly rate: number;
  /** How far the share strays by itself, as a standard deviation. */
  readonly spread: number;
  /** Decisions of two minutes, on average of the two hours before. */
  readonly decided: number;
  /** Minutes with decisions among the two hours before. */
  readonly recentMinutes: number;
  /** False: there is too little to compare with, so that nothing is a spike. */
  readonly isKnown: boolean;
}

/** Two hours, without the last ten minutes: a spike must not be its own baseline. */
export const recentMinutes = { from: 120, to: 10 } as const;
const leastRecent = 15;
/** The same minutes of yesterday and of a week ago, three before and three behind: clocks and jobs are not that exact. */
export const seasons = [1440, 10_080] as const;
const reach = 3;
const leastSeasonal = 4;
/** Between the quartiles of a normal distribution lie so many of its standard deviations. */
const quartilesApart = 1.349;

/** Sums of the minutes that end with this one. */
export const windowOf = (series: MinuteSeries, minute: number, length: number): Minute => {
  let [decided, denied] = [0, 0];
  for (let at = minute - length + 1; at <= minute; at += 1) {
    const one = series(at);
    decided += one?.decided ?? 0;
    denied += one?.denied ?? 0;
  }
  return { decided, denied };
};

export const rateOf = ({ decided, denied }: Minute): number => denied / Math.max(1, decided);

/** As ClickHouse's quantileExact takes them. */
const quantile = (sorted: ArrayLike<number>, level: number): number => sorted[Math.floor(level * sorted.length)] ?? 0;

interface Recent {
  readonly median: number;
  readonly spread: number;
  readonly decided: number;
  readonly minutes: number;
}

/** Median and quartiles of two minutes at a time: a few odd ones move neither. */
const recentOf = (series: MinuteSeries, minute: number): Recent => {
  const rates: number[] = [];
  let decided = 0;
  for (let at = minute - recentMinutes.from; at <= minute - recentMinutes.to; at += 1) {
    const one = series(at);
    if (!one) continue;
    rates.push(rateOf(windowOf(series, at, 2)));
    decided += one.decided;
  }
  const sorted = Float64Array.from(rates).sort();
  const spread = Math.max(
    (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / quartilesApart,
    (quantile(sorted, 0.9) - quantile(sorted, 0.5)) / 1.2816,
  );
  return {
    median: quantile(sorted, 0.5),
    spread,
    decided: (2 * decided) / Math.max(1, rates.length),
    minutes: rates.length,
  };
};

/** What three minutes showed for certain: two standard deviations below what was counted, so that chance adds nothing. */
const certain = (sums: Minute): number =>
  Math.max(0, sums.denied - 2 * Math.sqrt(sums.denied)) / Math.max(1, sums.decided);

interface Season {
  readonly rate: number;
  readonly minutes: number;
}

const seasonOf = (series: MinuteSeries, center: number): Season => {
  let [rate, minutes] = [0, 0];
  for (let at = center - reach; at <= center + reach; at += 1) {
    if (!series(at)) continue;
    minutes += 1;
    rate = Math.max(rate, certain(windowOf(series, at, 3)));
  }
  return { rate, minutes };
};

/** The highest of what is usual by the two hours before, by yesterday and by a week ago. Minutes are UTC: no clock changes. */
export const baselineOf = (series: MinuteSeries, minute: number): Baseline => {
  const recent = recentOf(series, minute);
  const past = seasons.map((ago) => seasonOf(series, minute - ago));
  const rate = Math.max(recent.median, ...past.map((season) => season.rate));
  return {
    rate,
    // Where more is denied by season, it strays as much more.
    spread: recent.spread * (recent.median > 0 ? rate / recent.median : 1),
    decided: recent.decided,
    recentMinutes: recent.minutes,
    isKnown: recent.minutes >= leastRecent || past.some(({ minutes }) => minutes >= leastSeasonal),
  };
};
