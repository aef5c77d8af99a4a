import {
  type Announced,
  announcedBy,
  type Contest,
  type Detail,
  type Result,
  type Sample,
  type Setting,
} from './contest.ts';

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? upper) + upper) / 2 : upper;
};

/** Enough digits to compare by, no more. */
const rounded = (value: number): number => Number(value.toPrecision(4));

/** Above 1: ours is better, whichever way the unit counts. */
export const ratioOf = (better: Contest['better'], value: number, referenceValue: number): number =>
  better === 'higher' ? value / referenceValue : referenceValue / value;

/** The middle of what the rounds measured of one result. */
const middleOf = (rounds: readonly (number | Sample)[], facet: string): number =>
  rounded(median(rounds.map((value) => (typeof value === 'number' ? value : (value[facet] ?? Number.NaN)))));

/**
 * Measures a contest: one round each that does not count, then rounds in turns, so that whatever else the machine does
 * meets both sides. The side that goes first alternates as well.
 */
export const play = async (contest: Contest, rounds: number, setting: Setting): Promise<readonly Result[]> => {
  const { reference, maxRounds = rounds } = contest;
  const duel = await contest.open(setting);
  const ours: (number | Sample)[] = [];
  const theirs: (number | Sample)[] = [];
  let details: readonly Detail[] | undefined;
  try {
    await duel.ours();
    await duel.theirs();
    for (let round = 0; round < Math.min(rounds, maxRounds); round += 1) {
      if (round % 2 === 0) ours.push(await duel.ours());
      theirs.push(await duel.theirs());
      if (round % 2 === 1) ours.push(await duel.ours());
    }
    details = duel.details?.();
  } finally {
    await duel.close();
  }
  const resultOf = ({ name, unit, better, facet }: Announced): Result => {
    const value = middleOf(ours, facet);
    const referenceValue = middleOf(theirs, facet);
    return { name, unit, value, reference, referenceValue, ratio: rounded(ratioOf(better, value, referenceValue)) };
  };
  return announcedBy(contest).map((announced, index) => ({
    ...resultOf(announced),
    ...(index === 0 && details ? { details } : {}),
  }));
};
