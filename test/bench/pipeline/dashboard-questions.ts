import { renderDashboards } from '../../../dashboards/build.ts';
import { type DecisionReader, throttleDimensions } from '../../../src/analytics/decision-reader.ts';
import { dashboardsOf, queriesOf } from '../../support/grafana-dashboards.ts';
import { expandMacros } from '../../support/grafana-macros.ts';
import { fromMs as firstMs, toMs } from './dashboard-data.ts';
import type { BenchDatabase } from './database.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** The ranges on offer at the top of a dashboard, each up to the newest row. */
const ranges = [
  { name: '1 h', ms: hourMs },
  { name: '6 h', ms: 6 * hourMs },
  { name: '24 h', ms: dayMs },
  { name: '7 d', ms: 7 * dayMs },
  { name: '30 d', ms: 30 * dayMs },
] as const;

/** As Grafana does: as many points as a panel is wide, no less than the panel's own least. */
const points = 1000;
const intervalMsOf = (rangeMs: number): number => Math.max(minuteMs, Math.ceil(rangeMs / points / minuteMs) * minuteMs);

/** What the reader has chosen in the variables, and typed. */
const choices = [
  { name: 'all', chosen: {}, typed: {} },
  { name: 'one tenant', chosen: { tenant: ['tenant-7'] }, typed: {} },
  { name: 'one client', chosen: {}, typed: { client: 'key:client-7' } },
] as const;

export interface Question {
  /** What is reported together: a dashboard, or the API. */
  readonly part: string;
  /** Which panel, mark or variable of it. */
  readonly panel: string;
  /** Range and choice. */
  readonly screen: string;
  readonly ask: (store: BenchDatabase) => Promise<unknown>;
}

const panelQuestions = (): readonly Question[] =>
  dashboardsOf(renderDashboards().files.values()).flatMap((dashboard) =>
    queriesOf(dashboard).flatMap(({ name, rawSql }) =>
      ranges.flatMap((range) =>
        choices
          .filter(({ chosen, typed }) =>
            Object.keys({ ...chosen, ...typed }).every((one) => rawSql.includes(`{${one}:`)),
          )
          .map(({ name: choice, chosen, typed }) => {
            const context = { fromMs: toMs - range.ms, toMs, intervalMs: intervalMsOf(range.ms), chosen, typed };
            const expanded = expandMacros(rawSql, context);
            return {
              part: dashboard.uid.replace('tidegate-', ''),
              panel: name,
              screen: `${range.name}, ${choice}`,
              ask: (store: BenchDatabase) => store.ask(expanded),
            };
          }),
      ),
    ),
  );

const readerQuestions = (): readonly Question[] =>
  ranges.flatMap(({ name, ms }) => {
    const range = { fromMs: Math.max(firstMs, toMs - ms), toMs };
    const stepMinutes = Math.min(1440, Math.ceil(ms / minuteMs / 500));
    const of = (what: string, ask: (reader: DecisionReader) => Promise<unknown>): Question => ({
      part: 'api',
      panel: what,
      screen: name,
      ask: ({ database }) => ask(database.reader),
    });
    return [
      of('totals', (reader) => reader.totals(range)),
      of('denied clients', (reader) => reader.topDeniedClients(range)),
      ...throttleDimensions.map((by) =>
        of(`throttle rate by ${by}`, (reader) => reader.throttleRates({ ...range, by, stepMinutes })),
      ),
    ];
  });

/** All that the dashboards and the API ask of the database. */
export const dashboardQuestions = (): readonly Question[] => [
  ...panelQuestions(),
  ...readerQuestions(),
  { part: 'api', panel: 'freshness', screen: 'now', ask: ({ database }) => database.reader.freshness() },
];
