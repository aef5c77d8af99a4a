import { renderDashboards } from '../../../dashboards/build.ts';
import { type DecisionReader, throttleDimensions } from '../../../src/analytics/decision-reader.ts';
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

/** What the reader has chosen in the variables. */
const choices = [
  { name: 'all', chosen: {} },
  { name: 'one tenant', chosen: { tenant: ['tenant-7'] } },
] as const;

export interface Question {
  readonly name: string;
  readonly ask: (store: BenchDatabase) => Promise<unknown>;
}

interface Rendered {
  readonly title: string;
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly rawSql: string }[] }[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[];
  };
}

const rendered = (): readonly Rendered[] =>
  [...renderDashboards().files.values()].map((text) => JSON.parse(text) as Rendered);

const panelQuestions = (): readonly Question[] =>
  rendered().flatMap(({ title, panels, templating }) => {
    const variables = templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, query }) => [name, query] as const);
    const queries = panels.flatMap((panel) =>
      (panel.targets ?? []).map(({ rawSql }) => [panel.title, rawSql] as const),
    );
    return ranges.flatMap((range) =>
      [
        ...variables.map(([name, sql]) => ({ name, sql, choice: choices[0] })),
        ...queries.flatMap(([name, sql]) => choices.map((choice) => ({ name, sql, choice }))),
      ].map(({ name, sql, choice }) => {
        const expanded = expandMacros(sql, {
          fromMs: toMs - range.ms,
          toMs,
          intervalMs: intervalMsOf(range.ms),
          chosen: choice.chosen,
        });
        return {
          name: `${title}, ${name}, ${range.name}, ${choice.name}`,
          ask: (store: BenchDatabase) => store.ask(expanded),
        };
      }),
    );
  });

const readerQuestions = (): readonly Question[] =>
  ranges.flatMap(({ name, ms }) => {
    const range = { fromMs: Math.max(firstMs, toMs - ms), toMs };
    const stepMinutes = Math.min(1440, Math.ceil(ms / minuteMs / 500));
    const of = (what: string, ask: (reader: DecisionReader) => Promise<unknown>): Question => ({
      name: `API, ${what}, ${name}`,
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
  { name: 'API, freshness', ask: ({ database }) => database.reader.freshness() },
];
