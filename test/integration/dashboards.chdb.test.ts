import { afterAll, beforeAll, expect, it } from 'vitest';
import { selectRows } from '../../src/clickhouse/engine.ts';
import { tables } from '../../src/clickhouse/tables.ts';
import { asOption } from '../support/dashboard-figures.ts';
import { allQueries, nowMs, openStage, type Row, type Stage } from '../support/dashboard-stage.ts';
import { dayMs, hostileNames, hourMs, linesOf, minuteMs, trafficUntil } from '../support/dashboard-traffic.ts';
import { describeWith } from '../support/engines.ts';
import { formats, type MacroContext } from '../support/grafana-macros.ts';

const lastHours: MacroContext = { fromMs: nowMs - 6 * hourMs, toMs: nowMs + minuteMs, intervalMs: minuteMs };
const months: MacroContext = {
  fromMs: nowMs - 95 * dayMs,
  toMs: nowMs,
  intervalMs: 3 * hourMs,
  chosen: { tenant: hostileNames.map(asOption), route: ['GET /orders/:id', "'\\"] },
  typed: { client: "ip:\\'x" },
};

/** What the plugin makes of rows for a chart: one column of time, first; strings are labels; the rest are numbers or nothing. */
const wideProblems = (rows: readonly Row[]): string[] => {
  const [first] = rows;
  if (first === undefined) return [];
  const columns = Object.keys(first);
  const isTime = (value: unknown): boolean =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.test(value);
  const times = rows.map((row) => String(row[columns[0] ?? '']));
  const labels = columns
    .slice(1)
    .filter((name) => rows.some((row) => typeof row[name] === 'string' && Number.isNaN(Number(row[name]))));
  const keys = rows.map((row) => JSON.stringify([row[columns[0] ?? ''], ...labels.map((name) => row[name])]));
  return [
    ...(times.every(isTime) ? [] : ['the first column is no time']),
    ...(columns.slice(1).some((name) => isTime(first[name])) ? ['a second column of time'] : []),
    ...(times.every((time, index) => index === 0 || time >= (times[index - 1] ?? '')) ? [] : ['times go back']),
    ...(new Set(keys).size === keys.length ? [] : ['two values of one series at one time']),
    ...(labels.length < columns.length - 1 ? [] : ['no numbers']),
  ];
};

describeWith('chdb', 'every query of the dashboards', (url) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(url);
  });
  afterAll(() => stage.engine.close());

  it.each(Object.values(tables))('finds in $name the columns that the code names', async ({ name, columns }) => {
    const described = await selectRows<{ name: string }>(stage.engine.reader, `DESCRIBE TABLE ${name}`);
    expect(described.map((column) => column.name)).toEqual(expect.arrayContaining([...columns]));
  });

  it.each(allQueries)('is answered before there is any data: $uid, $name', async ({ rawSql, kind }) => {
    const rows = await stage.ask(rawSql, lastHours);
    if (kind !== 'panel') expect(rows).toEqual([]);
  });

  it('has months of traffic to ask from here on', async () => {
    const { events } = trafficUntil(nowMs);
    await stage.engine.insert({ table: 'decisions_raw', rows: [linesOf(events)], settings: {} });
    const [stored] = await selectRows<{ n: string }>(stage.engine.reader, 'SELECT count() AS n FROM decisions_raw');
    expect(Number(stored?.n)).toBe(events.length);
  });

  const charts = allQueries.filter(({ queryType }) => queryType === 'timeseries');
  it.each(charts)('draws what Grafana can draw: $uid, $name', async ({ rawSql }) => {
    // What processes tell of themselves is not in this data.
    if (!rawSql.includes('health_samples')) expect(wideProblems(await stage.ask(rawSql, lastHours))).toEqual([]);
    expect(wideProblems(await stage.ask(rawSql, months))).toEqual([]);
  });

  const others = allQueries.filter(({ queryType }) => queryType !== 'timeseries');
  it.each(others)('is answered over months, whatever names are chosen: $uid, $name', async ({ rawSql, kind }) => {
    const rows = await stage.ask(rawSql, months);
    if (kind === 'annotation') {
      for (const row of rows) expect(Object.keys(row)).toEqual(expect.arrayContaining(['time', 'title', 'text']));
    }
  });

  it.each(hostileNames)('shows the tenant %j, and it alone', async (tenant) => {
    const of = (name: string): MacroContext => ({ ...lastHours, chosen: { tenant: [name] } });
    const denied = 2 + hostileNames.indexOf(tenant);
    const [total] = await stage.panel('tidegate-overview', 'Denied A', of(asOption(tenant)));
    expect(Number(total?.total)).toBe(denied);
    const options = await stage.panel('tidegate-overview', 'tenant', lastHours);
    expect(options).toContainEqual({ option: asOption(tenant), name: tenant });
    const [client] = await stage.panel('tidegate-drilldown', 'Most denied clients A', {
      ...lastHours,
      typed: { client: `ip:c${tenant}` },
    });
    expect(client).toMatchObject({ who: `ip:c${tenant}`, all_denied: denied, tenants: tenant });
  });

  it('shows several chosen tenants together', async () => {
    const [total] = await stage.panel('tidegate-overview', 'Denied A', {
      ...lastHours,
      chosen: { tenant: hostileNames.map(asOption) },
    });
    expect(Number(total?.total)).toBe(hostileNames.reduce((sum, _, index) => sum + 2 + index, 0));
  });

  it.each(['singlequote', 'sqlstring'])(
    'could not be safe by %s: a backslash ends what it should quote',
    async (format) => {
      const written = formats[format]?.("\\' OR 1=1 --") ?? '';
      const [row] = await selectRows<{ n: string }>(
        stage.engine.reader,
        `SELECT count() AS n FROM (SELECT 1 AS one) WHERE 'a' = ${written}\n`,
      );
      expect(Number(row?.n)).toBe(1);
    },
  );
});
