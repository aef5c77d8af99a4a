import { causes } from '../../../src/alert/definition.ts';
import { measureCauses } from './causes.ts';
import { detectors } from './detectors.ts';
import { type FalseAlarms, measureFalseAlarms } from './false-alarms.ts';
import { quietKinds } from './quiet.ts';
import type { RecordedAlarms } from './recorded.ts';
import { measureSpikes, type SpikeKind, type SpikeTrials } from './spikes.ts';

/** What docs/alert-quality.json holds. */
export interface AlertQuality {
  readonly detectors: readonly string[];
  readonly spikes: readonly SpikeTrials[];
  /** Spikes of three times the usual, by how much the denials cluster. */
  readonly noisy: readonly SpikeTrials[];
  readonly quiet: readonly FalseAlarms[];
  readonly causes: readonly string[];
  readonly confusion: readonly (readonly number[])[];
  readonly recorded: readonly RecordedAlarms[];
}

export const trialsOfAKind = 100;
export const causeTrials = 2000;
/** After the eight days of learning: of ours for longer, since it rings seldom. */
export const quietDays = { ours: 21, others: 6 } as const;
export const quietSeeds = [21, 22] as const;

/** Traffic a minute and the share of it that is denied usually. */
const traffics: readonly (readonly [number, number])[] = [
  [50, 0.2],
  [200, 0.05],
  [400, 0.05],
  [1000, 0.01],
  [1000, 0.05],
  [10_000, 0.001],
  [10_000, 0.01],
  [100_000, 0.01],
];

const usualInARow = 1.5;

/** Sizes at one duration, and durations at one size. */
export const spikeKinds: readonly SpikeKind[] = traffics.flatMap(([decidedPerMinute, share]) => [
  ...[2, 3, 5, 10]
    .filter((factor) => share * factor <= 0.95)
    .map((factor) => ({ decidedPerMinute, share, factor, durationSeconds: 300, inARow: usualInARow })),
  { decidedPerMinute, share, factor: 5, durationSeconds: 60, inARow: usualInARow },
]);

/** The edge of the aim, by how much the denials cluster. */
export const noisyKinds: readonly SpikeKind[] = traffics
  .slice(1, 5)
  .flatMap(([decidedPerMinute, share]) =>
    [1, 1.5, 3].map((inARow) => ({ decidedPerMinute, share, factor: 3, durationSeconds: 300, inARow })),
  );

export const measureAlertQuality = (say: (line: string) => void): Omit<AlertQuality, 'recorded'> => {
  const spikes = spikeKinds.map((kind) => measureSpikes(kind, trialsOfAKind));
  const noisy = noisyKinds.map((kind) => measureSpikes(kind, trialsOfAKind));
  say('spikes measured');
  const [ours, ...others] = detectors;
  if (!ours) throw new Error('there is nothing to measure');
  const quiet = quietKinds.flatMap((kind) => {
    say(kind.name);
    return [
      ...quietSeeds.map((seed) => measureFalseAlarms({ kind, seed, days: quietDays.ours, asked: [ours] })),
      measureFalseAlarms({ kind, seed: quietSeeds[0], days: quietDays.others, asked: others }),
    ];
  });
  return {
    detectors: detectors.map(({ name }) => name),
    spikes,
    noisy,
    quiet,
    causes,
    confusion: measureCauses(causeTrials),
  };
};
