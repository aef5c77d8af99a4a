import { groupings, type OutcomesQuery, type RatesQuery } from '../analytics/decision-questions.ts';
import { type TimeRange, wholeStep } from '../analytics/decision-reader.ts';
import { TidegateError } from '../errors.ts';
import { bounded, type Rows, type RowsInReach, type TenantTable } from './question-rows.ts';

/** Points of one answer. */
export const maxPoints = 20_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Beyond it hours may have gone, days stay. */
const hoursReachMs = 90 * dayMs;

/** Rows that answer a question in steps. */
export interface Source {
  readonly rows: Rows;
  readonly time: 'time' | 'minute' | 'hour' | 'day';
  /** Decisions of one row; and those of them made without the primary store. */
  readonly count: string;
  readonly degraded: string;
  /** Name of a row's group. */
  readonly group: string;
  readonly stepMinutes: number;
}

const rollup = { count: 'r.decisions', degraded: 'sum(r.degraded)' } as const;
const single = { count: 'r.count', degraded: "sumIf(r.count, r.degraded != '')" } as const;

/** `by` undefined: everything together. */
type Asked = OutcomesQuery & { readonly by?: RatesQuery['by'] | undefined };

const wholeRange = ({ fromMs, toMs }: TimeRange, unitMs: number): TimeRange => ({
  fromMs: Math.floor(fromMs / unitMs) * unitMs,
  toMs,
});

/** Whether everything is meant, so that sums over all other dimensions will do. */
const isEverything = ({ tenant, route, region, policy }: Asked): boolean =>
  [tenant, route, region, policy].every((value) => value === undefined);

const groupOf = (by: Asked['by']): string => {
  if (by === undefined) return "''";
  if (!groupings.includes(by)) throw new TidegateError('INPUT_INVALID', `These go by ${groupings.join(', ')}`);
  return by === 'client' ? "concat(r.client_kind, ':', r.client)" : `r.${by}`;
};

/** The coarsest rows that have what is asked for. Throws INPUT_INVALID. */
export const sourceOf = (reach: RowsInReach, query: Asked): Source => {
  const { by, stepMinutes: asked = 1, ...filter } = query;
  const stepMinutes = wholeStep(bounded('stepMinutes', asked, 1440));
  const group = groupOf(by);
  const from = (table: TenantTable, unitMs: number): Rows =>
    reach.of(table, { ...filter, range: wholeRange(query, unitMs) });
  if (by === 'client' || query.client) {
    return { rows: from('decisions_raw', minuteMs), time: 'time', ...single, group, stepMinutes };
  }
  if (stepMinutes < 60) {
    return { rows: from('decisions_per_minute', minuteMs), time: 'minute', ...rollup, group, stepMinutes };
  }
  if (stepMinutes === 1440 && query.toMs - query.fromMs > hoursReachMs) {
    return { rows: from('decisions_per_day', dayMs), time: 'day', ...rollup, group, stepMinutes };
  }
  if (reach.tenants !== null || !isEverything(query)) {
    return { rows: from('decisions_per_hour', hourMs), time: 'hour', ...rollup, group, stepMinutes };
  }
  // Each dimension holds all; regions are the fewest rows.
  const rows = reach.ofDimension(by ?? 'region', wholeRange(query, hourMs));
  return { rows, time: 'hour', ...rollup, group: by === undefined ? "''" : 'r.value', stepMinutes };
};

/** Where the step of a row begins, seconds since the epoch. */
export const stepStart = ({ time }: Source): string =>
  `toUnixTimestamp(toStartOfInterval(r.${time}, toIntervalMinute({stepMinutes:UInt32})))`;
