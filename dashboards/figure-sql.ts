import { tables } from '../src/clickhouse/tables.ts';
import { type InstrumentId, instruments } from '../src/metrics/instruments.ts';
import { prometheusLabel, prometheusName } from '../src/metrics/prometheus-name.ts';

/**
 * Questions about what processes tell of themselves, for ClickHouse. A figure that is renamed, or an attribute that an instrument
 * no longer has, does not compile. A stretch in which nobody told anything has no rows: it is no zero.
 */
const samples = tables.healthSamples.name;
const { time, process, command, region, figure, labels, value } = Object.fromEntries(
  tables.healthSamples.columns.map((column) => [column, column]),
) as { readonly [Column in (typeof tables.healthSamples.columns)[number]]: Column };

export type AttributeOf<Id extends InstrumentId> = (typeof instruments)[Id]['attributes'][number];
/** What tells answers apart: an attribute of the instrument, or whose figure it is. */
export type Told<Id extends InstrumentId> = AttributeOf<Id> | 'process' | 'command' | 'region';
export type Across = 'sum' | 'max' | 'min' | 'uniqExact';

export interface FigureQuestion<Id extends InstrumentId> {
  readonly figure: Id;
  /** Column of the answer → what it says. */
  readonly by?: Readonly<Record<string, Told<Id>>>;
  /** Values that each must have; of several any. */
  readonly where?: Partial<Readonly<Record<Told<Id>, string | readonly string[]>>>;
  /** A further condition, in SQL: what the reader of the dashboard chose. */
  readonly whenever?: string;
  /** Of more processes than so many, those with the smaller numbers are `other`. Default: as many as there are. */
  readonly mostProcesses?: number;
  /** Leaves out the order and the nulls of holes: the rows go into another question. */
  readonly isPart?: true;
  /** How the series of one group become one number. Default sum. */
  readonly across?: Across;
  /** Name of the number in the answer. Default `value`. */
  readonly as?: string;
}

/** Two samples of one process are half a minute apart, so that every whole minute has one. */
export const sampleSeconds = 30;
/** What came before the range begins is read so far back, to know from where a counter went on. */
const lookbackSeconds = 300;
/** Two that tell the same of a gate within so few seconds may do so in the wrong order: no gate starts again as fast. */
const doubledSeconds = 5;
/** A process that has told nothing for so long is gone. */
export const goneAfterSeconds = 120;

/** Width of a point, seconds: a narrower one would lie between two samples. */
export const bucketSeconds = 'greatest($__interval_s, 60)';
/** The point that an instant belongs to. */
export const pointOf = (at: string): string => `toStartOfInterval(${at}, toIntervalSecond(${bucketSeconds}))`;
/** The first point is whole, too. */
const firstBucket = pointOf('$__fromTime');
/** A point that has not ended yet would be drawn as a fall. */
const isWhole = `addSeconds(time_bucket, ${bucketSeconds}) <= $__toTime`;

export const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
export const figureName = (id: InstrumentId): string => prometheusName(instruments[id]);

type Part = '' | '_bucket' | '_sum' | '_count';
const columns = ['process', 'command', 'region'];
const expressionOf = (told: string): string =>
  columns.includes(told) ? told : `${labels}[${quoted(prometheusLabel(told))}]`;

/** An attribute of a sample, in SQL. */
export const labelOf = <Id extends InstrumentId>(_figure: Id, attribute: AttributeOf<Id>): string =>
  expressionOf(attribute);

const conditionsOf = <Id extends InstrumentId>(
  { figure: id, where = {}, whenever }: FigureQuestion<Id>,
  part: Part = '',
): string[] => [
  `${figure} = ${quoted(figureName(id) + part)}`,
  ...(whenever === undefined ? [] : [whenever]),
  ...Object.entries<string | readonly string[] | undefined>(where).map(([told, values = []]) => {
    const wanted = typeof values === 'string' ? [values] : values;
    return `${expressionOf(told)} IN (${wanted.map(quoted).join(', ')})`;
  }),
];

/** One process each for those with the largest numbers in the range, and the others together. */
const largestOf = <Id extends InstrumentId>(question: FigureQuestion<Id>, most: number): string =>
  `if(${process} IN (SELECT ${process} FROM ${samples} WHERE ${[...conditionsOf(question), `$__timeFilter(${time})`].join(' AND ')}
    GROUP BY ${process} ORDER BY max(${value}) DESC, ${process} LIMIT ${most}), ${process}, 'other')`;

const groupsOf = <Id extends InstrumentId>(question: FigureQuestion<Id>) => {
  const { by = {}, mostProcesses } = question;
  const told = Object.entries<string>(by);
  const columnOf = (what: string): string =>
    what === 'process' && mostProcesses !== undefined ? largestOf(question, mostProcesses) : expressionOf(what);
  return {
    names: told.map(([name]) => name),
    columns: told.map(([name, what]) => `${columnOf(what)} AS ${name}`),
  };
};

/**
 * Ends a question over time: points of which nobody told anything are null, a hole in the line and not 0. In a filled row a label is
 * that of the row before, or it would be a series of its own.
 */
export const endOfSeries = (names: readonly string[], isPart = false): string => {
  if (isPart) return '';
  const filled = `ORDER BY time_bucket WITH FILL STEP toIntervalSecond(${bucketSeconds})`;
  return names.length === 0
    ? filled
    : `${filled}, ${names.map((name) => `hex(${name})`).join(', ')} INTERPOLATE (${names.join(', ')})`;
};

const list = (...names: readonly string[]): string => names.join(', ');

export interface GaugeQuestion<Id extends InstrumentId> extends FigureQuestion<Id> {
  /** What stands for a point of a series: its newest value, or the largest or smallest within it. Default the newest. */
  readonly within?: 'last' | 'max' | 'min';
  /** Whether several processes may tell the same thing one after the other, so that the newest holds. Default no. */
  readonly handedOver?: boolean;
}

const oneValue = { last: `argMax(${value}, ${time})`, max: `max(${value})`, min: `min(${value})` } as const;

/** Rows `time_bucket, <by>, <as>`: how a gauge stood over the range on screen. */
export const lastOf = <Id extends InstrumentId>(question: GaugeQuestion<Id>): string => {
  const { across = 'sum', as = 'value', within = 'last', handedOver = false } = question;
  const { names, columns: told } = groupsOf(question);
  const series = handedOver ? [labels] : [process, command, region, labels];
  return `SELECT ${list('time_bucket', ...told, `toNullable(${across}(stood)) AS ${as}`)}
FROM (
  SELECT ${list(`${pointOf(time)} AS time_bucket`, ...series, `${oneValue[within]} AS stood`)}
  FROM ${samples}
  WHERE ${[...conditionsOf(question), `${time} >= ${firstBucket}`, `${time} <= $__toTime`].join('\n    AND ')}
  GROUP BY ${list('time_bucket', ...series)}
)
GROUP BY ${list('time_bucket', ...names)}
${endOfSeries(names, question.isPart)}`;
};

/** Rows `<by>, <as>`: how a gauge stands at the end of the range, at processes that are still there. */
export const nowOf = <Id extends InstrumentId>(question: GaugeQuestion<Id>): string => {
  const { across = 'sum', as = 'value', handedOver = false } = question;
  const { names, columns: told } = groupsOf(question);
  const series = handedOver ? [labels] : [process, command, region, labels];
  return `SELECT ${list(...told, `${across}(stood) AS ${as}`)}
FROM (
  SELECT ${list(...series, `argMax(${value}, ${time}) AS stood`)}
  FROM ${samples}
  WHERE ${[...conditionsOf(question), `${time} > greatest($__fromTime, subtractSeconds($__toTime, ${goneAfterSeconds}))`, `${time} <= $__toTime`].join('\n    AND ')}
  GROUP BY ${list(...series)}
)
${names.length === 0 ? 'HAVING count() > 0' : `GROUP BY ${list(...names)}\nORDER BY ${list(...names)}`}`;
};

const uptime = quoted(figureName('processUptime'));
const info = quoted(figureName('info'));
const since = `${time} >= subtractSeconds(${firstBucket}, ${lookbackSeconds}) AND ${time} <= $__toTime`;

/** A process tells within every so many seconds, early or late. */
const tellsWithinSeconds = 66;
/**
 * Over days a rate needs one sample of a series for each point, its last: what a counter came to is in it. Which those are is known
 * by their time alone. What a process counted after its last one is left out, so that sums are not asked this way.
 */
const lastOfPoint = `(${bucketSeconds} < 600 OR toUnixTimestamp(${time}) % ${bucketSeconds} >= ${bucketSeconds} - ${tellsWithinSeconds})`;
type Grain = 'every' | 'last-of-point';
const keptBy: Readonly<Record<Grain, string>> = { every: since, 'last-of-point': `${since} AND ${lastOfPoint}` };

/**
 * From when on a process would have told a counter if it had one: a counter that shows up later began at 0. So did those of a
 * process that had just started; of one that was not heard for a while nobody knows.
 */
const heardSince = (grain: Grain): string => `(
    SELECT ${process}, if(countIf(${figure} = ${uptime}) > 0 AND argMinIf(${value}, ${time}, ${figure} = ${uptime}) <= ${grain === 'every' ? goneAfterSeconds : `${goneAfterSeconds} + ${bucketSeconds}`},
      toDateTime64(0, 3, 'UTC'), min(${time})) AS heard
    FROM ${samples} WHERE ${figure} IN (${uptime}, ${info}) AND ${keptBy[grain]} GROUP BY ${process}
  )`;

/**
 * Rows of one counter: by how much it has `grown` since the sample before it, and over how many `seconds`. A counter that is smaller
 * than before has started again from 0. Series are gathered in arrays: a window over them would sort rows by their labels, which
 * takes four times as long.
 */
const growthOf = <Id extends InstrumentId>(
  question: FigureQuestion<Id>,
  { part = '', grain = 'every' }: { readonly part?: Part; readonly grain?: Grain } = {},
): string => `(
  SELECT ${list(...['time', 'process', 'command', 'region', 'labels'].map((name) => `s.${name} AS ${name}`))},
    multiIf(nth > 1 AND now_at >= before, now_at - before, nth > 1 AND before_time > subtractSeconds(s.time, ${doubledSeconds}), 0, nth > 1 OR (h.process != '' AND s.${time} > h.heard), now_at, 0) AS grown,
    if(nth > 1, dateDiff('millisecond', before_time, s.${time}) / 1000, ${sampleSeconds}) AS seconds
  FROM (
    SELECT ${list(process, labels)}, told.1 AS ${time}, told.2 AS ${command}, told.3 AS ${region}, told.4 AS now_at,
      told_before.4 AS before, told_before.1 AS before_time, nth
    FROM (
      SELECT ${list(process, labels)}, arraySort(groupArray((${list(time, command, region, value)}))) AS of_one
      FROM ${samples}
      WHERE ${[...conditionsOf(question, part), keptBy[grain]].join(' AND ')}
      GROUP BY ${list(process, labels)}
    )
    ARRAY JOIN of_one AS told, arrayPushFront(arrayPopBack(of_one), of_one[1]) AS told_before, arrayEnumerate(of_one) AS nth
  ) AS s
  LEFT JOIN ${heardSince(grain)} AS h ON h.${process} = s.${process}
  WHERE s.${time} >= ${firstBucket}
)`;

/** Rows `<by>, <as>`: by how much a counter grew within the range. */
export const increaseOf = <Id extends InstrumentId>(question: FigureQuestion<Id>): string => {
  const { as = 'value' } = question;
  const { names, columns: told } = groupsOf(question);
  return `SELECT ${list(...told, `sum(grown) AS ${as}`)}
FROM ${growthOf(question)}
${names.length === 0 ? 'HAVING count() > 0' : `GROUP BY ${list(...names)}\nORDER BY ${list(...names)}`}`;
};

/** Rows `time_bucket, <by>, <as>`: by how much a counter grew within each point. */
export const increasesOf = <Id extends InstrumentId>(question: FigureQuestion<Id>): string => {
  const { as = 'value' } = question;
  const { names, columns: told } = groupsOf(question);
  return `SELECT ${list(`${pointOf(time)} AS time_bucket`, ...told, `toNullable(sum(grown)) AS ${as}`)}
FROM ${growthOf(question)}
GROUP BY ${list('time_bucket', ...names)}
${endOfSeries(names, question.isPart)}`;
};

/**
 * Rows `time_bucket, <by>, <as>`: by how much a counter grew, per second. What it grew by while nobody heard of it is spread over
 * that time.
 */
export const rateOf = <Id extends InstrumentId>(question: FigureQuestion<Id>): string => {
  const { across = 'sum', as = 'value' } = question;
  const { names, columns: told } = groupsOf(question);
  return `SELECT ${list('time_bucket', ...told, `toNullable(${across}(per_second)) AS ${as}`)}
FROM (
  SELECT ${list(`${pointOf(time)} AS time_bucket`, process, command, region, labels)}, sum(grown) / greatest(sum(seconds), ${bucketSeconds}) AS per_second
  FROM ${growthOf(question, { grain: 'last-of-point' }).replaceAll('\n', '\n  ')}
  GROUP BY ${list('time_bucket', process, command, region, labels)}
)
WHERE ${isWhole}
GROUP BY ${list('time_bucket', ...names)}
${endOfSeries(names, question.isPart)}`;
};

type HistogramId = {
  [Id in InstrumentId]: (typeof instruments)[Id]['kind'] extends 'histogram' ? Id : never;
}[InstrumentId];

/** The `q` quantile in `bounds`, pairs of an upper bound and how many are at or below it: even within a bucket, as Prometheus has it. */
const interpolated = (q: number): string => `arrayMap((i, rank) -> multiIf(
      bounds[i].1 = inf, bounds[i - 1].1,
      bounds[i].2 = if(i = 1, 0, bounds[i - 1].2), bounds[i].1,
      if(i = 1, 0, bounds[i - 1].1) + (bounds[i].1 - if(i = 1, 0, bounds[i - 1].1))
        * (rank - if(i = 1, 0, bounds[i - 1].2)) / (bounds[i].2 - if(i = 1, 0, bounds[i - 1].2))),
    [arrayFirstIndex(b -> b.2 >= ${q} * bounds[-1].2, bounds)], [${q} * bounds[-1].2])[1]`;

const endOf = (keys: readonly string[], names: readonly string[]): string => {
  if (keys.length > names.length) return endOfSeries(names);
  return keys.length === 0 ? '' : `ORDER BY ${list(...keys)}`;
};

export interface QuantileQuestion<Id extends HistogramId> extends Omit<FigureQuestion<Id>, 'across' | 'as'> {
  /** Column of the answer → which quantile. */
  readonly quantiles: Readonly<Record<string, number>>;
  /** One answer for the whole range, without `time_bucket`. */
  readonly overAll?: boolean;
}

/** Rows `time_bucket, <by>, <quantiles>` of a histogram, in its unit. */
export const quantilesOfFigure = <Id extends HistogramId>(question: QuantileQuestion<Id>): string => {
  const { quantiles, overAll = false } = question;
  const { names, columns: told } = groupsOf(question as FigureQuestion<InstrumentId>);
  const at = overAll ? [] : [`${pointOf(time)} AS time_bucket`];
  const keys = [...(overAll ? [] : ['time_bucket']), ...names];
  return `SELECT ${list(...keys, ...Object.entries(quantiles).map(([name, q]) => `toNullable(${interpolated(q)}) AS ${name}`))}
FROM (
  SELECT ${list(...keys, 'arraySort(groupArray((upper, at_most))) AS bounds')}
  FROM (
    SELECT ${list(...at, ...told, `toFloat64(${labels}['le']) AS upper`, 'sum(grown) AS at_most')}
    FROM ${growthOf(question as FigureQuestion<InstrumentId>, { part: '_bucket', grain: 'last-of-point' }).replaceAll('\n', '\n    ')}
    GROUP BY ${list(...keys, 'upper')}
  )
  ${keys.length === 0 ? '' : `GROUP BY ${list(...keys)}`}
)
WHERE notEmpty(bounds) AND bounds[-1].2 > 0
${question.isPart ? '' : endOf(keys, names)}`;
};
