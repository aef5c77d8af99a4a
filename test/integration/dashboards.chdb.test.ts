import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderDashboards } from '../../dashboards/build.ts';
import { selectRows } from '../../src/clickhouse/engine.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { tables } from '../../src/clickhouse/tables.ts';
import { systemClock } from '../../src/clock.ts';
import { type ChdbEngine, openChdb } from '../../src/embedded/chdb.ts';
import type { DecisionEvent } from '../../src/event/decision-event.ts';
import { encodeEvent } from '../../src/event/event-codec.ts';
import { silentLogger } from '../../src/logger.ts';
import { decisionEvent } from '../support/decision-frames.ts';
import { describeWith } from '../support/engines.ts';
import { expandMacros, type MacroContext } from '../support/grafana-macros.ts';

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly rawSql: string; readonly queryType: 'timeseries' | 'table' }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[];
  };
}
type Row = Record<string, string | number>;

const [dashboard]: Dashboard[] = [...renderDashboards().files.values()].map((text) => JSON.parse(text));
const panels = dashboard?.panels ?? [];
const variables = (dashboard?.templating.list ?? []).filter(({ type }) => type === 'query');

const minuteMs = 60_000;
const nowMs = Math.floor(systemClock.nowMs() / minuteMs) * minuteMs;
const lastHour: MacroContext = { fromMs: nowMs - 60 * minuteMs, toMs: nowMs + minuteMs, intervalMs: minuteMs };
const plain: DecisionEvent = decisionEvent({ timeMs: nowMs - minuteMs, emitter: 'gate-1', early: null });

/** acme: 60 allowed, 30 denied, 10 blocked. umbrella: 100 allowed. An hour and a half ago: more, out of range. */
const events: DecisionEvent[] = [
  { ...plain, count: 60 },
  { ...plain, seq: 2, outcome: 'denied', route: 'POST /login', count: 30 },
  { ...plain, seq: 3, outcome: 'blocked', policy: 'breadth', timeMs: nowMs - 2 * minuteMs, count: 10 },
  { ...plain, seq: 4, tenant: 'umbrella', region: "o'hare", count: 100 },
  { ...plain, seq: 5, outcome: 'denied', timeMs: nowMs - 90 * minuteMs, count: 1000 },
];

describeWith('chdb', 'the dashboard on ClickHouse', (url) => {
  let engine: ChdbEngine;
  beforeAll(async () => {
    engine = await openChdb({ folder: url.slice('chdb:'.length) });
    const options = { rawTtlDays: 0, minuteTtlDays: 0, dedupWindow: 100 };
    await migrate({ engine, options, logger: silentLogger });
    const rows = [Buffer.from(events.map((event) => `${encodeEvent(event)}\n`).join(''))];
    await engine.insert({ table: 'decisions_raw', rows, settings: {} });
  });
  afterAll(() => engine.close());

  const ask = (sql: string, context = lastHour): Promise<Row[]> =>
    selectRows<Row>(engine.reader, expandMacros(sql, context));
  const askPanel = (title: string, context = lastHour): Promise<Row[]> => {
    const sql = panels.find((panel) => panel.title === title)?.targets[0]?.rawSql;
    if (sql === undefined) throw new Error(`no panel ${title}`);
    return ask(sql, context);
  };

  it.each(Object.values(tables))('finds in $name the columns that the code names', async ({ name, columns }) => {
    const described = await selectRows<{ name: string }>(engine.reader, `DESCRIBE TABLE ${name}`);
    expect(described.map((column) => column.name)).toEqual([...columns]);
  });

  it.each(panels.map(({ title, targets }) => ({ title, targets })))('answers "$title"', async ({ targets }) => {
    for (const { rawSql, queryType } of targets) {
      const rows = await ask(rawSql);
      expect(rows.length).toBeGreaterThan(0);
      if (queryType !== 'timeseries') continue;
      const times = rows.map((row) => String(row.time_bucket));
      expect(Object.keys(rows[0] ?? {})[0]).toBe('time_bucket');
      expect(times).toEqual([...times].sort());
    }
  });

  it('divides what was denied by what the limiter decided, in the range on screen', async () => {
    expect(await askPanel('Throttle rate')).toEqual([{ rate: 30 / 190 }]);
    const [decisions, denied, blocked] = await Promise.all(
      ['Decisions', 'Denied', 'Blocked'].map((title) => askPanel(title)),
    );
    expect([decisions, denied, blocked].map((rows) => Number(rows?.[0]?.total))).toEqual([200, 30, 10]);
  });

  it('draws one line per tenant, route and region', async () => {
    const rates = await askPanel('Throttle rate by tenant');
    expect(rates.find(({ tenant, rate }) => tenant === 'acme' && rate)).toMatchObject({ rate: 30 / 90 });
    expect(rates.find(({ tenant }) => tenant === 'umbrella')).toMatchObject({ rate: 0 });
    expect(await askPanel('Throttle rate by route')).toContainEqual(
      expect.objectContaining({ route: 'POST /login', rate: 1 }),
    );
    expect(new Set((await askPanel('Throttle rate by region')).map(({ region }) => region))).toEqual(
      new Set(['eu-west', "o'hare"]),
    );
  });

  it('shows outcomes per second', async () => {
    const rows = await askPanel('Decisions by outcome');
    const sum = (column: string): number => rows.reduce((total, row) => total + Number(row[column]) * 60, 0);
    expect(sum('allowed_per_second')).toBeCloseTo(160);
    expect(sum('denied_per_second')).toBeCloseTo(30);
    expect(sum('blocked_per_second')).toBeCloseTo(10);
  });

  it('narrows every panel to the chosen tenant and region, whatever they are called', async () => {
    const chosen = { ...lastHour, chosen: { region: ["o'hare", 'nowhere'] } };
    expect(Number((await askPanel('Decisions', chosen))[0]?.total)).toBe(100);
    const acme = { ...lastHour, chosen: { tenant: ['acme'] } };
    expect(new Set((await askPanel('Throttle rate by tenant', acme)).map(({ tenant }) => tenant))).toEqual(
      new Set(['acme']),
    );
  });

  it.each([
    {},
    { tenant: ['acme', 'umbrella'] },
    { policy: ['breadth', 'per-client'] },
    { route: [plain.route, 'POST /login'] },
    { region: ['eu-west', "o'hare"], policy: ['per-client', 'breadth'] },
  ])('shows over days, in hours, what it shows in minutes, chosen %o', async (chosen) => {
    const days: MacroContext = { ...lastHour, fromMs: nowMs - 72 * 60 * minuteMs, intervalMs: 30 * minuteMs, chosen };
    expect(Number((await askPanel('Decisions', days))[0]?.total)).toBe(1200);
    expect(await askPanel('Throttle rate', days)).toEqual([{ rate: 1030 / 1190 }]);
    const outcomes = await askPanel('Decisions by outcome', days);
    const sum = outcomes.reduce((total, row) => total + Number(row['denied_per_second']) * 3600, 0);
    expect(sum).toBeCloseTo(1030);
    const byTenant = await askPanel('Throttle rate by tenant', days);
    expect(new Set(byTenant.map(({ tenant }) => tenant))).toEqual(new Set(['acme', 'umbrella']));
    const ranked = await askPanel('Where requests are denied', days);
    expect(ranked.map(({ all_denied: denied }) => Number(denied))).toEqual([1000, 30]);
    expect(ranked[0]).toMatchObject({ route: plain.route, policies: 'per-client' });
  });

  it('ranks where requests are denied', async () => {
    const rows = await askPanel('Where requests are denied');
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ tenant: 'acme', route: 'POST /login', policies: 'per-client' });
    expect(Number(rows[0]?.all_denied)).toBe(30);
  });

  it('says how old the data is', async () => {
    const age = Number((await askPanel('Age of the data'))[0]?.age_seconds);
    expect(age).toBeGreaterThanOrEqual(60);
    expect(age).toBeLessThan(600);
  });

  it('offers the tenants, routes, regions and policies of the range', async () => {
    const values = await Promise.all(variables.map(({ query }) => ask(query)));
    expect(values.map((rows) => rows.length)).toEqual([2, 2, 2, 2]);
  });
});
