import type { Minute, MinuteSeries } from '../../../src/alert/spike/baseline.ts';
import { type Chance, chanceOf, drawDenials, seedOf } from './chance.ts';
import { type Detector, detectors } from './detectors.ts';

/** Spikes of one kind, put into traffic whose share is even but for chance. */
export interface SpikeKind {
  readonly decidedPerMinute: number;
  /** Share that is denied usually, and by what the spike multiplies it. */
  readonly share: number;
  readonly factor: number;
  readonly durationSeconds: number;
  /** Denials of one client in a row, on average: before the spike and in it. */
  readonly inARow: number;
}

export interface SpikeTrials extends SpikeKind {
  readonly trials: number;
  /** By detector, in their order: spikes found within two minutes of the onset, found while they last, and seconds until then. */
  readonly found: readonly { readonly within2: number; readonly ever: number; readonly medianSeconds: number | null }[];
}

const evaluationSeconds = 15;
/** From a decision to its being stored. */
const ingestSeconds = 2;
const clients = 400;
const onsetMinute = 20_000;

type Known = Map<number, Minute>;

/** What there is to compare with: two hours, and a few minutes of yesterday and of a week ago. */
const history = (chance: Chance, { decidedPerMinute, share, inARow }: SpikeKind, known: Known): void => {
  const put = (minute: number): void => {
    const denied = drawDenials(chance, { mean: decidedPerMinute * share, inARow, clients });
    const allowed = chance.poisson(decidedPerMinute * (1 - share));
    if (allowed + denied > 0) known.set(minute, { decided: allowed + denied, denied });
  };
  for (let minute = onsetMinute - 124; minute < onsetMinute; minute += 1) put(minute);
  for (const ago of [1440, 10_080]) {
    for (let minute = onsetMinute - ago - 6; minute <= onsetMinute - ago + 24; minute += 1) put(minute);
  }
};

interface Second {
  readonly decided: number;
  readonly byClient: ReadonlyMap<number, number>;
}

const secondOf = (chance: Chance, kind: SpikeKind, share: number): Second => {
  const byClient = new Map<number, number>();
  const put = (client: number, denied: number): void => {
    byClient.set(client, (byClient.get(client) ?? 0) + denied);
  };
  const denied = drawDenials(chance, { mean: (kind.decidedPerMinute * share) / 60, inARow: kind.inARow, clients }, put);
  return { decided: chance.poisson((kind.decidedPerMinute * (1 - share)) / 60) + denied, byClient };
};

const sumsOf = (seconds: readonly Second[]): Minute => {
  let [decided, denied] = [0, 0];
  for (const second of seconds) {
    decided += second.decided;
    for (const count of second.byClient.values()) denied += count;
  }
  return { decided, denied };
};

/** Seconds from the onset until each detector told of it, null if it did not. */
const trial = (kind: SpikeKind, seed: number, asked: readonly Detector[]): (number | null)[] => {
  const chance = chanceOf(seed);
  const known: Known = new Map();
  history(chance, kind, known);
  const phase = Math.floor(60 * chance.next());
  const looksAt = Math.floor(evaluationSeconds * chance.next());
  const lasts = Math.max(kind.durationSeconds, 120);
  const seconds: Second[] = [];
  for (let second = 0; second < phase + lasts; second += 1) {
    const isSpike = second >= phase && second < phase + kind.durationSeconds;
    seconds.push(secondOf(chance, kind, isSpike ? Math.min(0.95, kind.share * kind.factor) : kind.share));
  }
  const told: (number | null)[] = asked.map(() => null);
  for (let since = looksAt; since <= lasts && told.includes(null); since += evaluationSeconds) {
    const visible = phase + since - ingestSeconds;
    if (visible <= 0) continue;
    const minute = onsetMinute + Math.floor((visible - 1) / 60);
    const cache = new Map<number, Minute>();
    const series: MinuteSeries = (at) => {
      if (at < onsetMinute) return known.get(at);
      const from = 60 * (at - onsetMinute);
      if (from >= visible) return undefined;
      const sums = cache.get(at) ?? sumsOf(seconds.slice(from, Math.min(from + 60, visible)));
      cache.set(at, sums);
      return sums.decided > 0 ? sums : undefined;
    };
    const deniedByClient = (minutes: number): number[] => {
      const sums = new Map<number, number>();
      for (const { byClient } of seconds.slice(Math.max(0, 60 * (minute - minutes + 1 - onsetMinute)), visible)) {
        for (const [client, denied] of byClient) sums.set(client, (sums.get(client) ?? 0) + denied);
      }
      return [...sums.values()];
    };
    asked.forEach((detector, index) => {
      if (told[index] === null && detector.fires({ series, minute, deniedByClient })) told[index] = since;
    });
  }
  return told;
};

const median = (values: readonly number[]): number | null =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;

export const measureSpikes = (kind: SpikeKind, trials: number, asked = detectors): SpikeTrials => {
  const { decidedPerMinute, share, factor, durationSeconds } = kind;
  const all = Array.from({ length: trials }, (_, index) =>
    trial(kind, seedOf(index, decidedPerMinute, 1000 * share, 10 * factor, durationSeconds), asked),
  );
  return {
    ...kind,
    trials,
    found: asked.map((_, index) => {
      const delays = all.flatMap((told) => told[index] ?? []);
      return {
        within2: delays.filter((seconds) => seconds <= 120).length,
        ever: delays.length,
        medianSeconds: median(delays),
      };
    }),
  };
};
