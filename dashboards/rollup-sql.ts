import { byDimension, minutes } from './columns.ts';
import { isShort } from './decision-rows.ts';

const { columns: minute } = minutes;
const { columns: hour } = byDimension;

export type Measure = 'decisions' | 'events' | 'degraded' | 'latency_us';
type Outcome = 'allowed' | 'denied' | 'blocked';

export interface RollupQuestion {
  readonly measures: readonly Measure[];
  /** What the reader chose of regions, in SQL over the column that holds them. */
  readonly whenever?: (column: string) => string;
  /** Default: all. */
  readonly outcomes?: readonly Outcome[];
}

/**
 * Rows `at, outcome, <measures>` of all decisions in the range on screen: minutes, or the hours of one dimension, each of which holds
 * every decision once. Of the two parts the engine reads one.
 */
export const decisionsIn = ({ measures, whenever, outcomes }: RollupQuestion): string => {
  const chosen = (column: string, outcome: string): string =>
    [
      ...(whenever === undefined ? [] : [whenever(column)]),
      ...(outcomes === undefined ? [] : [`${outcome} IN (${outcomes.map((name) => `'${name}'`).join(', ')})`]),
    ]
      .map((condition) => `\n    AND ${condition}`)
      .join('');
  return `(
  SELECT ${minute.minute} AS at, ${minute.outcome}, ${measures.join(', ')}
  FROM ${minutes.name}
  WHERE ${isShort} AND $__timeFilter(${minute.minute})${chosen(minute.region, minute.outcome)}
  UNION ALL
  SELECT ${hour.hour} AS at, ${hour.outcome}, ${measures.join(', ')}
  FROM ${byDimension.name}
  WHERE NOT ${isShort} AND ${hour.dimension} = '${minute.region}'
    AND ${hour.hour} >= toStartOfHour($__fromTime) AND ${hour.hour} <= $__toTime${chosen(hour.value, hour.outcome)}
)`;
};

/** Ends a question over time: points without decisions are null, a hole in the line and not 0. */
export const inOrderOfPoints = (): string => `ORDER BY time_bucket WITH FILL STEP toIntervalSecond(${rollupSeconds})`;

/** Width of a point over {@link decisionsIn}, seconds. */
export const rollupSeconds = `greatest($__interval_s, if(${isShort}, 60, 3600))`;
export const rollupBucket = `toStartOfInterval(at, toIntervalSecond(${rollupSeconds})) AS time_bucket`;
