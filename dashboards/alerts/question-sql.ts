import type { Bound, FigureQuestion, Term } from '../../src/alert/definition.ts';
import { figureName } from '../../src/alert/figures/figure-name.ts';
import { tables } from '../../src/clickhouse/tables.ts';

const samples = tables.healthSamples.name;
const { time, process, figure, labels, value } = Object.fromEntries(
  tables.healthSamples.columns.map((column) => [column, column]),
) as { readonly [Column in (typeof tables.healthSamples.columns)[number]]: Column };

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const labelSql = (label: string): string => (label === 'process' ? process : `${labels}[${quoted(label)}]`);

/** Growth from one sample to the next; a counter that is smaller than it was began anew. */
const growth = `arraySum(arrayMap((now, before) -> if(now >= before, now - before, now), arrayPopFront(told), arrayPopBack(told)))`;

const readings: Readonly<Record<Term['reading'], (seconds: number) => string>> = {
  last: () => 'told[-1]',
  increase: () => growth,
  rate: (seconds) => `${growth} / ${seconds}`,
};

/** One row for each process and set of labels: what the term reads of it. */
const seriesSql = (term: Term, at: string): string => {
  const { reading, windowMs, where = {}, unless = {} } = term;
  const conditions = [
    `${figure} = ${quoted(figureName(term))}`,
    `${time} > ${at} - INTERVAL ${windowMs / 1000} SECOND`,
    `${time} <= ${at}`,
    ...Object.entries(where).map(([label, wanted]) => `${labelSql(label)} = ${quoted(wanted)}`),
    ...Object.entries(unless).map(([label, wanted]) => `${labelSql(label)} != ${quoted(wanted)}`),
  ];
  // Labels are sorted: two processes may write the same ones in another order.
  return `SELECT ${process}, series AS ${labels}, ${readings[reading](windowMs / 1000)} AS reading
  FROM (
    SELECT ${process}, mapSort(${labels}) AS series, arrayMap(pair -> pair.2, arraySort(groupArray((${time}, ${value})))) AS told
    FROM ${samples}
    WHERE ${conditions.join('\n      AND ')}
    GROUP BY ${process}, series
  )
  WHERE length(told) >= ${reading === 'last' ? 1 : 2}`;
};

const groupBy = (names: readonly string[]): string =>
  names.length === 0 ? 'HAVING count() > 0' : `GROUP BY ${names.join(', ')}`;

const aggregate = (across: Term['across'], of: string): string =>
  across === 'count' ? 'toFloat64(count())' : `${across}(${of})`;

const told = (names: readonly string[]): string => names.map((name) => `${labelSql(name)} AS told_${name}, `).join('');
const listed = (names: readonly string[]): string => names.map((name) => `told_${name}`).join(', ');
const columnsOf = (names: readonly string[]): string => (names.length === 0 ? '' : `${listed(names)}, `);

/** Rows `told_<label>, …, answer` of a term, for each set of these labels that anybody tells of. */
const termSql = ({ term, by, at }: { term: Term; by: readonly string[]; at: string }): string => {
  const { across, eachOnce } = term;
  const grouping = groupBy(by.map((name) => `told_${name}`));
  if (eachOnce === undefined) {
    return `SELECT ${told(by)}${aggregate(across, 'reading')} AS answer
FROM (
  ${seriesSql(term, at)}
)
${grouping}`;
  }
  const fine = [...by, ...eachOnce];
  return `SELECT ${columnsOf(by)}${aggregate(across, 'once')} AS answer
FROM (
  SELECT ${told(fine)}max(reading) AS once
  FROM (
  ${seriesSql(term, at)}
  )
  GROUP BY ${listed(fine)}
)
${grouping}`;
};

/** Of an answer that nobody gives, 0. */
const orZero = (sql: string): string => `SELECT sum(answer) AS answer FROM (${sql})`;

const beyond = (bound: Bound): string => ('above' in bound ? `> ${bound.above}` : `< ${bound.below}`);

export interface QuestionSqlOptions {
  /** The instant that is asked about, in SQL. Default: now. */
  readonly at?: string;
}

/**
 * A question in ClickHouse's SQL: a row for each set of labels of which something is told, with the labels as texts and `value`, the
 * only number, as Grafana wants it of alerts. Whether it is beyond the bound is for the reader to say. No row while `during` does not
 * hold.
 */
export const questionSql = (question: FigureQuestion, { at = 'now64(3)' }: QuestionSqlOptions = {}): string => {
  const { by, value: asked, per, during, whenAbsent } = question;
  const term = termSql({ term: asked, by, at });
  const found = whenAbsent === 'fires' ? orZero(term) : term;
  const names = by.map((name) => `v.told_${name} AS ${name}, `).join('');
  const divisor = per === undefined ? '' : termSql({ term: per, by, at });
  const joined = by.length === 0 ? 'CROSS JOIN' : 'INNER JOIN';
  const using = by.length === 0 ? '' : ` USING (${listed(by)})`;
  const conditions = [
    ...(per === undefined ? [] : ['p.answer != 0']),
    ...(during === undefined
      ? []
      : [
          `(SELECT count() FROM (${termSql({ term: during.value, by: [], at })}) WHERE answer ${beyond(during.bound)}) > 0`,
        ]),
  ];
  return [
    `SELECT ${names}${per === undefined ? 'v.answer' : 'v.answer / p.answer'} AS value`,
    `FROM (${found}) AS v`,
    ...(per === undefined ? [] : [`${joined} (${divisor}) AS p${using}`]),
    ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join('\n  AND ')}`]),
  ].join('\n');
};
