import fc from 'fast-check';
import type { BurnCounts, BurnRow, ToldDimension } from '../../src/alert/told-once.ts';
import { type BurnWindows, fastBurn, slowBurn } from '../../src/clickhouse/alert-objectives.ts';

/** Decisions that agree in all dimensions. Four times: within the short and the long window of the first pair and of the second. */
export interface BurnCell {
  readonly tenant: string;
  readonly route: string;
  readonly policy: string;
  readonly region: string;
  readonly times: readonly BurnCounts[];
}

export type BurnQuestion = 'throttle-burn-fast' | 'throttle-burn-slow';

/** When each of the four times is, minutes ago. */
export const minutesAgo: Readonly<Record<BurnQuestion, readonly [number, number, number, number]>> = {
  'throttle-burn-fast': [3, 20, 50, 200],
  'throttle-burn-slow': [60, 240, 1200, 3600],
};

/** Which of the four times are in the long and in the short window of the first pair and of the second. */
const within = [
  { long: 3, short: 1 },
  { long: 4, short: 2 },
] as const;

const least = { long: 100, short: 30 } as const;

const countsOf = (cells: readonly BurnCell[], times: number): BurnCounts => {
  const counts = cells.flatMap((cell) => cell.times.slice(0, times));
  return {
    decided: counts.reduce((sum, { decided }) => sum + decided, 0),
    denied: counts.reduce((sum, { denied }) => sum + denied, 0),
  };
};

const shareOf = ({ decided, denied }: BurnCounts): number => denied / Math.max(1, decided);

const rowOf = (
  { dimension, value, cells }: { dimension: ToldDimension; value: string; cells: readonly BurnCell[] },
  windows: readonly BurnWindows[],
  objective: number,
): BurnRow => {
  const [first, second] = within.map(({ long, short }, pair) => {
    const counts = { long: countsOf(cells, long), short: countsOf(cells, short) };
    const bound = (windows[pair]?.factor ?? 0) * objective;
    const burns =
      shareOf(counts.long) >= bound &&
      shareOf(counts.short) >= bound &&
      counts.long.denied >= least.long &&
      counts.short.denied >= least.short;
    return { burns, counts: counts.long };
  });
  if (!first || !second) throw new Error('there are two pairs of windows');
  return { dimension, value, burns: [first.burns, second.burns], counts: [first.counts, second.counts] };
};

/** What a question about burns finds in these decisions, of every value of every dimension. */
export const burnRowsOf = (cells: readonly BurnCell[], question: BurnQuestion, objective: number): BurnRow[] => {
  const windows = question === 'throttle-burn-fast' ? fastBurn : slowBurn;
  const named = (['tenant', 'route', 'policy', 'region'] as const).flatMap((dimension) =>
    [...new Set(cells.map((cell) => cell[dimension]))].map((value) => ({
      ...{ dimension, value },
      cells: cells.filter((cell) => cell[dimension] === value),
    })),
  );
  return [{ dimension: 'all' as const, value: '', cells }, ...named].map((one) => rowOf(one, windows, objective));
};

const counted = fc
  .record({ decided: fc.integer({ min: 0, max: 3000 }), share: fc.constantFrom(0, 0.02, 0.1, 0.4, 0.8, 1) })
  .map(({ decided, share }) => ({ decided, denied: Math.floor(decided * share) }));

const named = (name: string, most: number): fc.Arbitrary<string> => fc.nat(most).map((index) => `${name}${index}`);

const cell: fc.Arbitrary<BurnCell> = fc.record({
  ...{ tenant: named('t', 3), route: named('/', 3), policy: named('p', 1), region: named('r', 1) },
  times: fc.oneof(
    fc.array(counted, { minLength: 4, maxLength: 4 }),
    counted.map((steady) => [steady, steady, steady, steady]),
  ),
});

/** Some decisions, and often many that are allowed, so that all of them together do not burn. */
export const burnPlay: fc.Arbitrary<readonly BurnCell[]> = fc
  .tuple(fc.array(cell, { minLength: 1, maxLength: 10 }), fc.constantFrom(0, 3000, 30_000))
  .map(([cells, decided]) => [
    ...cells,
    ...(decided === 0
      ? []
      : [
          {
            ...{ tenant: 'quiet', route: '/quiet', policy: 'quiet', region: 'quiet' },
            times: Array.from({ length: 4 }, () => ({ decided, denied: 0 })),
          },
        ]),
  ]);
