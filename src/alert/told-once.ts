/** In this order an incident that several dimensions show alike is told by the first of them. */
export const dimensionOrder = ['tenant', 'route', 'policy', 'region', 'all'] as const;
export type ToldDimension = (typeof dimensionOrder)[number];

/** What a question found for one value of a dimension. */
export interface FoundRow {
  readonly dimension: ToldDimension;
  readonly value: string;
  /** Whether it is an alert by itself. */
  readonly isFiring: boolean;
  /** Decisions and, of the denials, those beyond the usual or beyond what is promised. */
  readonly decided: number;
  readonly excess: number;
}

/** What is one value's of all: of the excess, and of the decisions. 0 to 1. */
interface Portion {
  readonly explains: number;
  readonly share: number;
}

interface Choice {
  /** How well a value explains what befalls all, at most 1. */
  readonly liftOf: (portion: Portion) => number;
  /** What explains less well by no more than this is as good: of these the first dimension tells. */
  readonly closeLift: number;
}

/** A value with so much lift explains what befalls all. */
export const leastLift = 0.4;
/** Numbers of denials that are so close are taken for the same denials. */
export const alike = { from: 0.75, to: 1.25 } as const;
/** Burns: dimensions that explain all but the same must not take turns as counts waver. */
export const closeBurnLift = 0.2;

const rank = (dimension: ToldDimension): number => dimensionOrder.indexOf(dimension);

const tellerOf = <Row extends FoundRow>(
  rows: readonly Row[],
  all: Row,
  { liftOf, closeLift }: Choice,
): ToldDimension => {
  const lifts = rows.map(({ dimension, excess, decided }) => {
    const portion = {
      explains: Math.min(1, excess / Math.max(1, all.excess)),
      share: decided / Math.max(1, all.decided),
    };
    return { dimension, lift: dimension === 'all' ? 0 : liftOf(portion) };
  });
  const enough = Math.max(leastLift, Math.max(...lifts.map(({ lift }) => lift)) - closeLift);
  const ranks = lifts.filter(({ lift }) => lift >= enough).map(({ dimension }) => rank(dimension));
  return dimensionOrder[Math.min(...ranks)] ?? 'all';
};

/**
 * Which of those that fire are told: one incident shows in every dimension. Where all decisions together fire, one dimension tells of
 * it if one of its values explains much more of the excess than it has of the decisions; else only `all` does. Otherwise what looks
 * like the same denials in a later dimension is left to the earlier one.
 */
const toldOnce = <Row extends FoundRow>(rows: readonly Row[], choice: Choice): readonly Row[] => {
  const firing = rows.filter(({ isFiring }) => isFiring);
  const all = firing.find(({ dimension }) => dimension === 'all');
  if (all) {
    const teller = tellerOf(firing, all, choice);
    return firing.filter(({ dimension }) => dimension === teller);
  }
  const isTwin = (row: Row): boolean =>
    firing.some(
      ({ dimension, excess }) =>
        rank(dimension) < rank(row.dimension) && excess > row.excess * alike.from && excess < row.excess * alike.to,
    );
  return firing.filter((row) => !isTwin(row));
};

/** Spikes: the excess is what is denied beyond the usual. */
export const toldSpikes = <Row extends FoundRow>(rows: readonly Row[]): readonly Row[] =>
  toldOnce(rows, { liftOf: ({ explains, share }) => explains - share, closeLift: 0 });

/** By how much less the budget would burn without it, as a part of how it does. */
const liftOfRest = ({ explains, share }: Portion): number => (share < 1 ? (explains - share) / (1 - share) : 0);

export interface BurnCounts {
  readonly decided: number;
  readonly denied: number;
}

export interface BurnRow {
  readonly dimension: ToldDimension;
  readonly value: string;
  /** Whether it burns by the first, the shorter, pair of windows, and by the second. */
  readonly burns: readonly [boolean, boolean];
  /** What was counted in the long window of each pair. */
  readonly counts: readonly [BurnCounts, BurnCounts];
}

/**
 * Burns: the excess is what is denied beyond the promise. Compared is what was counted in one and the same window: that of the pair by
 * which all decisions burn, else the shorter one if anything burns by it.
 */
export const toldBurns = (rows: readonly BurnRow[], objective: number): readonly BurnRow[] => {
  const isFiring = ({ burns }: BurnRow): boolean => burns.includes(true);
  const all = rows.find((row) => row.dimension === 'all' && isFiring(row));
  const window = (all ? [all] : rows).some(({ burns }) => burns[0]) ? 0 : 1;
  const found = rows.map((row) => {
    const { decided, denied } = row.counts[window];
    const { dimension, value } = row;
    return { dimension, value, row, isFiring: isFiring(row), decided, excess: denied - objective * decided };
  });
  return toldOnce(found, { liftOf: liftOfRest, closeLift: closeBurnLift }).map(({ row }) => row);
};
