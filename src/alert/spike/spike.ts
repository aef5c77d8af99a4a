import { type Baseline, type Minute, rateOf } from './baseline.ts';

/** Fewer denials in three minutes are no spike. */
export const leastDenied = 30;
/** From so far above the usual on. */
export const leastZ = 4.5;
/** And so many times the usual. */
export const leastRatio = 2.2;

/** The newest minutes of a series; the last of them may still be going on. */
export interface Newest {
  readonly two: Minute;
  readonly three: Minute;
  /** What was denied of each client in these three minutes, in any order; `~other` left out, which is many. */
  readonly deniedByClient: readonly number[];
}

export interface Judgement {
  readonly isSpike: boolean;
  /** Distance from the usual, of two or of three minutes, whichever is more: as a normal variable would stray. */
  readonly z: number;
  /** Of three minutes: what chance and habit do to the share. */
  readonly spread: number;
  /** Denials in three minutes beyond what is usual. */
  readonly excess: number;
}

/**
 * What the first two clients were denied beyond the third: nobody counts for more than that one. So one client that hammers, or two,
 * are no spike, however hard they do; three of a kind count in full.
 */
export const aboveThird = (deniedByClient: readonly number[]): number => {
  const [first = 0, second = 0, third = 0] = [...deniedByClient].sort((a, b) => b - a);
  return first + second - 2 * third;
};

/** However few clients share the denials: beyond it a spike of a handful of clients would not be found. */
const mostInARow = 3;

/**
 * Denials that come together, since one client has them: the mean size of such a cluster, as a denial sees it. Clusters stray as much
 * more than single denials do.
 */
export const inARow = (deniedByClient: readonly number[]): number => {
  const third = [...deniedByClient].sort((a, b) => b - a)[2] ?? 0;
  let [sum, squares] = [0, 0];
  for (const denied of deniedByClient) {
    const counted = Math.min(denied, third);
    sum += counted;
    squares += counted * counted;
  }
  return Math.min(mostInARow, Math.max(1, squares / Math.max(1, sum)));
};

/** Over twice the usual share or, where that is above a half, half of what was let through until now. */
export const alarmRate = (usual: number): number => Math.min(leastRatio * usual, (1 + usual) / 2);

/**
 * How far a share is from the usual. Few denials stray further above than below, so that plain standard deviations ring for chance or
 * miss spikes; powers of two thirds are as good as even about the usual (Anscombe's residual of a Poisson count).
 */
export const distance = (rate: number, usual: number, spread: number): number =>
  ((1.5 * usual) / spread) * ((rate / usual) ** (2 / 3) - 1);

interface Distance {
  readonly z: number;
  readonly spread: number;
  readonly isFar: boolean;
}

interface Counting {
  readonly above: number;
  readonly cluster: number;
}

const distanceOf = (sums: Minute, { above, cluster }: Counting, baseline: Baseline): Distance => {
  const counted = { decided: Math.max(1, sums.decided - above), denied: sums.denied - above };
  const rate = rateOf(counted);
  // Of a share that never was above nothing, one denial is what chance does.
  const likely = Math.max(baseline.rate, 1 / counted.decided);
  const chance = Math.sqrt((cluster * likely * (1 - baseline.rate)) / counted.decided);
  // Fewer decisions than those that the spread was seen in stray further.
  const habit = baseline.spread * Math.sqrt(Math.max(1, baseline.decided / counted.decided));
  const spread = Math.max(habit, chance);
  const z = baseline.isKnown && spread > 0 ? distance(rate, likely, spread) : 0;
  return { z, spread, isFar: z >= leastZ && rate >= alarmRate(baseline.rate) };
};

/**
 * Whether the limiter denies far more than is usual. Two minutes find a spike that began at the end of a minute, three one that
 * began at its start, and one that is small; both are asked, so that two minutes from its onset are enough.
 */
export const judgeSpike = ({ two, three, deniedByClient }: Newest, baseline: Baseline): Judgement => {
  const above = Math.min(three.denied, aboveThird(deniedByClient));
  const cluster = inARow(deniedByClient);
  const long = distanceOf(three, { above, cluster }, baseline);
  const short = distanceOf(two, { above: Math.min(two.denied, above), cluster }, baseline);
  return {
    isSpike: three.denied >= leastDenied && (long.isFar || short.isFar),
    z: Math.max(long.z, short.z),
    spread: long.spread,
    excess: Math.max(0, three.denied - baseline.rate * three.decided),
  };
};
