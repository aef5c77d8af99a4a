import { baselineOf, type MinuteSeries, rateOf, windowOf } from '../../../src/alert/spike/baseline.ts';
import { alarmRate, judgeSpike, leastDenied } from '../../../src/alert/spike/spike.ts';

/** One look at one series: its minutes, of which the newest may still go on. */
export interface Look {
  readonly series: MinuteSeries;
  readonly minute: number;
  /** Denials of each client in the newest minutes. */
  deniedByClient(minutes: number): readonly number[];
}

export interface Detector {
  readonly name: string;
  fires(look: Look): boolean;
}

/** Whether at least half of the shares that the median is taken of are so high that this one is not twice the median. */
const isUsual = (series: MinuteSeries, minute: number, rate: number): boolean => {
  let [high, low] = [0, 0];
  for (let at = minute - 120; at <= minute - 10; at += 1) {
    const one = series(at);
    if (!one) continue;
    const before = series(at - 1);
    const share = (one.denied + (before?.denied ?? 0)) / Math.max(1, one.decided + (before?.decided ?? 0));
    if (alarmRate(share) > rate) high += 1;
    else low += 1;
    // Of 111 at most, so many above the share decide of the median.
    if (high > 56) return true;
    if (low > 56) return false;
  }
  return false;
};

/** What tidegate does: the statistic of src/alert/spike. */
export const seasonal: Detector = {
  name: 'tidegate',
  fires: ({ series, minute, deniedByClient }) => {
    const [two, three] = [windowOf(series, minute, 2), windowOf(series, minute, 3)];
    if (three.denied < leastDenied) return false;
    if (isUsual(series, minute, Math.max(rateOf(two), rateOf(three)))) return false;
    const baseline = baselineOf(series, minute);
    const judged = (clients: readonly number[]): boolean =>
      judgeSpike({ two, three, deniedByClient: clients }, baseline).isSpike;
    return judged([]) && judged(deniedByClient(3));
  },
};

/** What migration 0013 did: five minutes against the median and quartiles of two hours, three clients. */
export const formerRobust: Detector = {
  name: 'the former statistic: five minutes, z > 6 against two hours',
  fires: ({ series, minute, deniedByClient }) => {
    const five = windowOf(series, minute, 5);
    if (five.denied < 30) return false;
    const rates: number[] = [];
    let [decided, denied, below] = [0, 0, 0];
    for (let at = minute - 124; at <= minute - 10; at += 1) {
      const [one, gone] = [series(at), at - 5 >= minute - 124 ? series(at - 5) : undefined];
      decided += (one?.decided ?? 0) - (gone?.decided ?? 0);
      denied += (one?.denied ?? 0) - (gone?.denied ?? 0);
      if (!one || at < minute - 120) continue;
      rates.push(rateOf({ decided, denied }));
      if (rateOf({ decided, denied }) < rateOf(five)) below += 1;
    }
    if (rates.length < 60 || below < rates.length / 2) return false;
    const sorted = Float64Array.from(rates).sort();
    const at = (level: number): number => sorted[Math.floor(level * sorted.length)] ?? 0;
    const chance = Math.sqrt((at(0.5) * (1 - at(0.5))) / Math.max(1, five.decided));
    const spread = Math.max((at(0.75) - at(0.25)) / 1.349, chance, 0.002);
    return (rateOf(five) - at(0.5)) / spread > 6 && deniedByClient(5).length >= 3;
  },
};

/** The usual recipe: mean and three standard deviations of an hour of minutes. */
export const meanAndDeviations = (name: string, floor: number): Detector => ({
  name,
  fires: ({ series, minute }) => {
    const now = series(minute);
    if (!now || now.denied < floor) return false;
    let [count, sum, squares] = [0, 0, 0];
    for (let at = minute - 60; at < minute; at += 1) {
      const one = series(at);
      if (!one) continue;
      const rate = rateOf(one);
      count += 1;
      sum += rate;
      squares += rate * rate;
    }
    if (count < 30) return false;
    const mean = sum / count;
    return rateOf(now) > mean + 3 * Math.sqrt(Math.max(0, squares / count - mean * mean));
  },
});

/** A share of five minutes that is too much, whatever is usual. */
export const threshold = (share: number): Detector => ({
  name: `more than ${100 * share} % denied in five minutes`,
  fires: ({ series, minute }) => {
    const five = windowOf(series, minute, 5);
    return five.denied >= 30 && rateOf(five) > share;
  },
});

export const detectors: readonly Detector[] = [
  seasonal,
  formerRobust,
  meanAndDeviations('mean + 3 σ of an hour', 1),
  meanAndDeviations('mean + 3 σ of an hour, 30 denials', 30),
  threshold(0.1),
  threshold(0.3),
];
