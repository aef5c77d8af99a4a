/** In this order an incident that several dimensions show alike is told by the first of them. */
export const dimensionOrder = ['tenant', 'route', 'policy', 'region', 'all'] as const;
export type SpikeDimension = (typeof dimensionOrder)[number];

export interface SpikeRow {
  readonly dimension: SpikeDimension;
  readonly value: string;
  readonly isSpike: boolean;
  /** Decisions and, of the denials, those beyond the usual. */
  readonly decided: number;
  readonly excess: number;
}

/** From so much more of the denials than of the traffic on, a value explains what befalls all. */
const leastLift = 0.4;
/** Numbers of denials that are so close are taken for the same denials. */
const alike = { from: 0.75, to: 1.25 } as const;

const rank = (dimension: SpikeDimension): number => dimensionOrder.indexOf(dimension);

/**
 * Which spikes are told: one incident shows in every dimension. Where all decisions together spike, one dimension tells of it if one of
 * its values explains much more of the denials beyond the usual than it has of the traffic; else only `all` does. Otherwise
 * what looks like the same denials in a later dimension is left to the earlier one.
 */
export const toldSpikes = <Row extends SpikeRow>(rows: readonly Row[]): readonly Row[] => {
  const spikes = rows.filter(({ isSpike }) => isSpike);
  const all = rows.find(({ dimension }) => dimension === 'all');
  if (!all?.isSpike) {
    const isTwin = (row: Row): boolean =>
      spikes.some(
        ({ dimension, excess }) =>
          rank(dimension) < rank(row.dimension) && excess > row.excess * alike.from && excess < row.excess * alike.to,
      );
    return spikes.filter((row) => !isTwin(row));
  }
  const liftOf = ({ dimension, excess, decided }: Row): number =>
    dimension === 'all' ? 0 : Math.min(1, excess / Math.max(1, all.excess)) - decided / Math.max(1, all.decided);
  const best = [...spikes].sort((a, b) => liftOf(b) - liftOf(a) || rank(a.dimension) - rank(b.dimension))[0];
  const told = best && liftOf(best) >= leastLift ? best.dimension : 'all';
  return spikes.filter(({ dimension }) => dimension === told);
};
