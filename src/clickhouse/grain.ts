import { type ThrottleDimension, type TimeRange, wholeStep } from '../analytics/decision-reader.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Beyond it hours may have gone, days stay. */
export const hoursReachMs = 90 * dayMs;

/** Where a question about one dimension, or none, is answered from. */
export interface Source {
  /** FROM, with a condition or `1`. */
  readonly table: string;
  readonly where: string;
  readonly time: 'minute' | 'hour' | 'day';
  /** Column of the dimension. */
  readonly group: string;
  readonly stepMinutes: number;
  /** The range in whole minutes, hours or days. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** The coarsest table that has what is asked for: `by` null is everything together. */
export const sourceOf = (by: ThrottleDimension | null, range: TimeRange, askedMinutes: number): Source => {
  const stepMinutes = wholeStep(askedMinutes);
  const whole = (unitMs: number): TimeRange => ({
    fromMs: Math.floor(range.fromMs / unitMs) * unitMs,
    toMs: range.toMs,
  });
  if (stepMinutes < 60) {
    const group = by ?? "''";
    return { table: 'decisions_per_minute', where: '1', time: 'minute', group, stepMinutes, ...whole(minuteMs) };
  }
  if (stepMinutes === 1440 && range.toMs - range.fromMs > hoursReachMs) {
    return { table: 'decisions_per_day', where: '1', time: 'day', group: by ?? "''", stepMinutes, ...whole(dayMs) };
  }
  // Each dimension holds all; regions are the fewest rows.
  return {
    table: 'decisions_per_hour_by_dimension',
    where: `dimension = '${by ?? 'region'}'`,
    time: 'hour',
    group: by === null ? "''" : 'value',
    stepMinutes,
    ...whole(hourMs),
  };
};
