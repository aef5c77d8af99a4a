import type { DecisionFilter } from '../analytics/decision-questions.ts';
import type { TimeRange } from '../analytics/decision-reader.ts';
import type { BlockChangesQuery } from '../analytics/stored-changes.ts';
import { TidegateError } from '../errors.ts';
import type { Pseudonyms } from '../ingest/pseudonyms.ts';
import { matchOf } from './client-match.ts';
import type { QueryParams } from './engine.ts';

/** Tables that say whose decisions they hold, and by which column they are ordered in time. */
const timeColumns = {
  decisions_raw: 'time',
  decisions_per_minute: 'minute',
  decisions_per_hour: 'hour',
  decisions_per_day: 'day',
  denials_by_client_per_minute: 'minute',
} as const;
export type TenantTable = keyof typeof timeColumns;

/** Sums of all tenants together: only who may see all of them is answered from it. */
export const sharedTable = 'decisions_per_hour_by_dimension';

/** Rows to ask about: what stands behind FROM, WHERE included, and the values of its parameters. */
export interface Rows {
  readonly from: string;
  readonly params: QueryParams;
}

export const withinRange = (column: string): string =>
  `${column} >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`;

export const rangeParams = ({ fromMs, toMs }: TimeRange): QueryParams => {
  if (Number.isSafeInteger(fromMs) && Number.isSafeInteger(toMs) && fromMs <= toMs) return { fromMs, toMs };
  throw new TidegateError('INPUT_INVALID', 'A time range goes from an earlier to a later whole millisecond');
};

/** A few digits alone would not be taken for seconds. */
const secondText = (atMs: number): string => new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');

/** A whole number within its bounds. Throws INPUT_INVALID. */
export const bounded = (name: string, value: number, most: number): number => {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new TidegateError('INPUT_INVALID', `${name} must be a whole number from 1 to ${most}`);
};

interface RowsQuery extends DecisionFilter {
  readonly range: TimeRange;
  /** Further conditions, with columns as `r.…`. */
  readonly where?: readonly string[];
  /** Instead of the rows that are the client's own. */
  readonly holding?: boolean;
}

/**
 * Whose rows somebody may read. Every statement about decisions and blocks takes its FROM from here, so that no condition can be
 * forgotten in one of them.
 */
export class RowsInReach {
  /** Null: all. */
  readonly tenants: readonly string[] | null;
  readonly #pseudonyms: Pseudonyms | null;

  constructor(tenants: readonly string[] | null, pseudonyms: Pseudonyms | null) {
    this.tenants = tenants;
    this.#pseudonyms = pseudonyms;
  }

  /** The rows of a range and filter, as `r`. */
  of(table: TenantTable, query: RowsQuery): Rows {
    const match = query.client ? matchOf(query.client, this.#pseudonyms) : null;
    const named = (['tenant', 'route', 'region', 'policy'] as const).filter((name) => query[name] !== undefined);
    const conditions = [
      ...(this.tenants === null ? [] : ['r.tenant IN {reach:Array(String)}']),
      withinRange(`r.${timeColumns[table]}`),
      ...named.map((name) => `r.${name} = {${name}:String}`),
      ...(match ? [query.holding ? `((${match.owned}) OR ${match.beside})` : match.owned] : []),
      ...(query.where ?? []),
    ];
    return {
      from: `${table} AS r WHERE ${conditions.join(' AND ')}`,
      params: {
        ...this.#reach(),
        ...rangeParams(query.range),
        ...Object.fromEntries(named.map((name) => [name, query[name]])),
        ...match?.params,
      },
    };
  }

  /** Whole hours of one dimension over all tenants. Throws where only some are in reach. */
  ofDimension(dimension: 'tenant' | 'route' | 'region' | 'policy', range: TimeRange): Rows {
    if (this.tenants !== null) throw new TidegateError('INPUT_INVALID', `${sharedTable} does not tell tenants apart`);
    const condition = `r.dimension = {dimension:String} AND ${withinRange('r.hour')}`;
    return { from: `${sharedTable} AS r WHERE ${condition}`, params: { ...rangeParams(range), dimension } };
  }

  /** Spikes: of some tenants only their own, since all other dimensions mix them. */
  ofSpikes(range: TimeRange): Rows {
    const { fromMs, toMs } = range;
    const view = `throttle_spikes_between(from_time = {from:DateTime('UTC')}, to_time = {to:DateTime('UTC')}) AS r`;
    const reach = this.tenants === null ? '1' : "r.dimension = 'tenant' AND r.value IN {reach:Array(String)}";
    rangeParams(range);
    const seconds = { from: secondText(fromMs), to: secondText(toMs + 999) };
    return { from: `${view} WHERE r.is_spike = 1 AND ${reach}`, params: { ...this.#reach(), ...seconds } };
  }

  /** Changes of one epoch. What is about all tenants has none, and is in reach only of who may see all of them. */
  ofChanges({ emitter, after, upTo, blockId }: Omit<BlockChangesQuery, 'limit'>): Rows {
    const blocks = blockId === undefined ? null : (this.#pseudonyms?.allOf('block', blockId) ?? [blockId]);
    const conditions = [
      ...(this.tenants === null ? [] : ["r.tenant != '' AND r.tenant IN {reach:Array(String)}"]),
      'r.emitter = {emitter:String} AND r.seq > {after:UInt64} AND r.seq <= {upTo:UInt64}',
      ...(blocks ? ['r.block_id IN {blocks:Array(String)}'] : []),
    ];
    return {
      from: `blocks AS r WHERE ${conditions.join(' AND ')}`,
      params: { ...this.#reach(), emitter, after, upTo, ...(blocks && { blocks }) },
    };
  }

  /** Which epochs there are, and how far: that is everybody's, as it stands in every cursor. */
  ofChangeLogs(): Rows {
    return { from: 'blocks AS r WHERE 1', params: {} };
  }

  #reach(): QueryParams {
    return this.tenants === null ? {} : { reach: [...this.tenants] };
  }
}
