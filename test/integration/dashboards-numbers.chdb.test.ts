import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DecisionEvent } from '../../src/event/decision-event.ts';
import {
  asOption,
  countsOf,
  type Dimension,
  eventsOnScreen,
  groupBy,
  mostDenied,
  pointOf,
  quantile,
  rateOf,
  secondsOf,
  stepMsOf,
} from '../support/dashboard-figures.ts';
import { msOf, nowMs, openStage, type Row, type Stage } from '../support/dashboard-stage.ts';
import { dayMs, hostileNames, hourMs, isOld, linesOf, minuteMs, trafficUntil } from '../support/dashboard-traffic.ts';
import { describeWith } from '../support/engines.ts';
import type { MacroContext } from '../support/grafana-macros.ts';

const { events, hole, spike } = trafficUntil(nowMs);
const overview = 'tidegate-overview';
const drilldown = 'tidegate-drilldown';

const upTo = (rangeMs: number, intervalMs: number, chosen: MacroContext['chosen'] = {}): MacroContext => ({
  fromMs: nowMs - rangeMs - 20_000,
  toMs: nowMs - 20_000,
  intervalMs,
  chosen,
});

const screens: readonly (MacroContext & { readonly name: string })[] = [
  { name: 'an hour', ...upTo(hourMs, minuteMs) },
  { name: 'six hours', ...upTo(6 * hourMs, 2 * minuteMs) },
  { name: 'two days', ...upTo(2 * dayMs, 5 * minuteMs) },
  { name: 'a week', ...upTo(7 * dayMs, 10 * minuteMs) },
  { name: 'three months', ...upTo(98 * dayMs, 3 * hourMs) },
  { name: 'a day of two tenants', ...upTo(dayMs, 2 * minuteMs, { tenant: ['tenant-03', asOption(hostileNames[1])] }) },
  { name: 'a week of a tenant', ...upTo(7 * dayMs, 10 * minuteMs, { tenant: ['tenant-03'] }) },
  {
    name: 'a week of a route in a region',
    ...upTo(7 * dayMs, hourMs, { route: ['POST /login'], region: ['us-east'] }),
  },
  {
    name: 'three months of a route in a region',
    ...upTo(98 * dayMs, hourMs, { route: ['POST /login'], region: ['us-east'] }),
  },
];

const pointsOf = (rows: readonly Row[], column: string): Map<number, number | null> =>
  new Map(rows.map((row) => [msOf(row.time_bucket), row[column] === null ? null : Number(row[column])]));

const expectPoints = (drawn: Map<number, number | null>, counted: ReadonlyMap<number, number | null>): void => {
  const newest = Math.max(...drawn.keys());
  for (const [at, value] of drawn) {
    const wanted = counted.get(at) ?? null;
    if (wanted === null || value === null) expect([at, value]).toEqual([at, wanted]);
    // The newest point may still be going on: with every second that passes it is less for each.
    else if (at === newest) expect(value).toBeLessThanOrEqual(wanted * (1 + 1e-9));
    else expect(value, new Date(at).toISOString()).toBeCloseTo(wanted, 9);
  }
  expect([...counted.keys()].filter((at) => !drawn.has(at))).toEqual([]);
};

const perPoint = <Value>(
  list: readonly DecisionEvent[],
  point: (event: DecisionEvent) => number,
  value: (own: readonly DecisionEvent[], at: number) => Value,
): Map<number, Value> => new Map([...groupBy(list, point)].map(([at, own]) => [at, value(own, at)]));

describeWith('chdb', 'the numbers in the panels, counted again from the events,', (url) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(url);
    await stage.engine.insert({ table: 'decisions_raw', rows: [linesOf(events)], settings: {} });
  });
  afterAll(() => stage.engine.close());

  it.each(screens)('are the totals of $name', async (screen) => {
    const mine = eventsOnScreen(events, screen);
    const { allowed, denied, blocked } = countsOf(mine);
    const total = async (title: string): Promise<number> =>
      Number((await stage.panel(overview, `${title} A`, screen))[0]?.total);
    expect([await total('Decisions'), await total('Denied'), await total('Blocked')]).toEqual([
      allowed + denied + blocked,
      denied,
      blocked,
    ]);
    const [row] = await stage.panel(overview, 'Throttle rate A', screen);
    expect(row?.rate).toBeCloseTo(rateOf(mine) ?? Number.NaN, 12);
    const [spared] = await stage.panel(overview, 'Spared by the block list A', screen);
    expect(spared?.spared).toBeCloseTo(blocked / (allowed + denied + blocked), 12);
  });

  it.each(screens)(
    'are the decisions per second of $name, point by point, and nothing where nothing was stored',
    async (screen) => {
      const rows = await stage.panel(overview, 'Decisions by outcome A', screen);
      const mine = eventsOnScreen(events, screen);
      for (const outcome of ['allowed', 'denied', 'blocked'] as const) {
        expectPoints(
          pointsOf(rows, outcome),
          perPoint(mine, pointOf(screen), (own, at) => countsOf(own)[outcome] / secondsOf(screen, at, nowMs)),
        );
      }
    },
  );

  it.each(screens)(
    'are the throttle rates by tenant of $name: ten of them, and everybody else as one',
    async (screen) => {
      const by: Dimension = 'tenant';
      const rows = await stage.panel(overview, 'Throttle rate by tenant A', screen);
      const mine = eventsOnScreen(events, screen, [by]);
      const most = mostDenied(mine, by, 10);
      const lines = groupBy(mine, (event) => (most.includes(event.tenant) ? event.tenant : '(other)'));
      expect(new Set(rows.map(({ tenant }) => tenant))).toEqual(new Set(lines.keys()));
      for (const [tenant, own] of lines) {
        const drawn = pointsOf(
          rows.filter((row) => row.tenant === tenant),
          'rate',
        );
        expectPoints(drawn, perPoint(own, pointOf(screen, [by]), rateOf));
      }
    },
  );

  it.each(screens.filter(({ name }) => /^(?:six|a week$|three months$)/.test(name)))(
    'are what is usual before each point of $name',
    async (screen) => {
      const rows = await stage.panel(overview, 'Throttle rate by tenant B', screen);
      const step = stepMsOf(screen, []);
      const isShort = step < hourMs;
      const before = isShort ? 2 * hourMs : Math.max(7 * dayMs, 28 * step);
      const leftOut = Math.max(10 * minuteMs, step);
      const wider = eventsOnScreen(events, { ...screen, fromMs: screen.fromMs - before }, []);
      // The wider range would be answered in a coarser grain: points are as the screen has them.
      const rates = perPoint(wider, pointOf(screen), rateOf);
      const usual = (at: number, level: number): number | null => {
        const points = [...rates]
          .filter(([other]) => other >= at - before && other <= at - leftOut)
          .map(([, rate]) => rate ?? 0);
        return points.length < 6 ? null : quantile(points, level);
      };
      const drawn = pointsOf(rows, 'median');
      expect(drawn.size).toBeGreaterThan(5);
      // Rows that the lookback cut in two are left to the engine: only whole ones are compared.
      const first = screen.fromMs + (isShort ? leftOut : 0);
      for (const [at, median] of [...drawn].filter(([when]) => when > first && rates.has(when))) {
        expect([at, median, Number(rows.find((row) => msOf(row.time_bucket) === at)?.upper)]).toEqual([
          at,
          usual(at, 0.5),
          usual(at, 0.75) ?? 0,
        ]);
      }
    },
  );

  it('draw no line through a hole', async () => {
    const screen = upTo(6 * hourMs, 2 * minuteMs);
    for (const name of ['Decisions by outcome A', 'Throttle rate by region A', 'Latency of decisions A']) {
      const inside = (await stage.panel(overview, name, screen)).filter(
        // Buckets of two minutes: at an odd minute the last one reaches beyond the hole.
        (row) => msOf(row.time_bucket) >= hole.fromMs && msOf(row.time_bucket) + 2 * minuteMs <= hole.toMs,
      );
      expect(inside.length).toBeGreaterThan(5);
      const values = inside.flatMap((row) =>
        Object.entries(row).filter(([column]) => !['time_bucket', 'region'].includes(column)),
      );
      expect(values.filter(([, value]) => value !== null)).toEqual([]);
    }
  });

  it.each(screens.filter((_, index) => index % 2 === 0))('rank where requests are denied in $name', async (screen) => {
    const rows = await stage.panel(overview, 'Where requests are denied A', screen);
    const mine = eventsOnScreen(events, screen, ['tenant', 'route', 'policy']);
    const denied = [...groupBy(mine, ({ tenant, route }) => JSON.stringify([tenant, route]))]
      .map(([pair, own]) => [pair, countsOf(own).denied] as const)
      .filter(([, count]) => count > 0)
      .sort(([, a], [, b]) => b - a);
    expect(rows.map((row) => Number(row.all_denied))).toEqual(denied.slice(0, 100).map(([, count]) => count));
    expect(new Set(rows.map((row) => JSON.stringify([row.tenant, row.route])))).toEqual(
      new Set(denied.map(([pair]) => pair)),
    );
  });

  it('find the spike, whose it is, and lead to the time around it', async () => {
    const rows = await stage.panel(overview, 'Spikes A', upTo(6 * hourMs, minuteMs));
    const mine = rows.find(({ dimension, name }) => dimension === 'tenant' && name === spike.tenant);
    expect(mine).toMatchObject({ to_tenant: spike.tenant, to_route: '$__all' });
    expect(msOf(mine?.first_minute)).toBeGreaterThanOrEqual(spike.fromMs);
    expect(msOf(mine?.first_minute)).toBeLessThanOrEqual(spike.fromMs + 2 * minuteMs);
    expect(Number(mine?.from_ms)).toBeLessThan(spike.fromMs);
    expect(Number(mine?.to_ms)).toBeGreaterThan(spike.toMs);
  });

  it('tell of one client what it was denied, when, and how early it came back', async () => {
    const screen = { ...upTo(6 * hourMs, 2 * minuteMs), typed: { client: 'ip:client-2' } };
    const mine = eventsOnScreen(events, screen).filter(({ client }) => client === 'client-2');
    const { denied } = countsOf(mine);
    const one = async (name: string): Promise<Row | undefined> => (await stage.panel(drilldown, name, screen))[0];
    expect(Number((await one('Denied A'))?.total)).toBe(denied);
    const early = mine.reduce((sum, event) => {
      const isCounted = event.outcome !== 'allowed' && !isOld(event.seq - 1);
      return sum + (isCounted ? (event.early ?? 0) : 0);
    }, 0);
    expect((await one('Early retries A'))?.share).toBeCloseTo(early / denied, 12);
    expect(await one('Most denied clients A')).toMatchObject({ who: 'ip:client-2', all_denied: denied });
    const outcomes = await stage.panel(drilldown, 'Outcomes A', screen);
    expectPoints(
      pointsOf(outcomes, 'denied'),
      perPoint(mine, pointOf(screen), (own, at) => countsOf(own).denied / secondsOf(screen, at, nowMs)),
    );
  });

  it('rank the clients, and draw ten of them and the others so that the sum is right', async () => {
    const screen = upTo(3 * hourMs, 2 * minuteMs);
    const mine = eventsOnScreen(events, screen).filter(({ outcome }) => outcome === 'denied');
    const perClient = [...groupBy(mine, ({ client }) => client)].map(
      ([client, own]) => [client, countsOf(own).denied] as const,
    );
    const top = Math.max(...perClient.map(([, count]) => count));
    const { denied } = countsOf(mine);
    const [share] = await stage.panel(drilldown, 'Most denied client A', screen);
    expect(share?.share).toBeCloseTo(top / denied, 12);
    const [clients] = await stage.panel(drilldown, 'Clients denied A', screen);
    expect(Number(clients?.clients)).toBe(perClient.length);
    const rows = await stage.panel(drilldown, 'Denied, by client A', screen);
    expect(new Set(rows.map(({ who }) => who)).size).toBe(11);
    const drawn = rows.reduce(
      (sum, row) => sum + Number(row.denied_per_second ?? 0) * secondsOf(screen, msOf(row.time_bucket), nowMs),
      0,
    );
    expect(drawn).toBeCloseTo(denied, 3);
  });

  it('show single decisions newest first, and not without end', async () => {
    const rows = await stage.panel(drilldown, 'Decisions A', upTo(30 * dayMs, hourMs, { region: ['us-east'] }));
    expect(rows).toHaveLength(500);
    const times = rows.map((row) => msOf(row.time));
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(new Set(rows.map(({ region }) => region))).toEqual(new Set(['us-east']));
  });
});
