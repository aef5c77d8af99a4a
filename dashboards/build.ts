import { fileURLToPath } from 'node:url';
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { type GeneratedFiles, writeOrCheck } from '../docs/generated-files.ts';
import { abuseDashboard } from './abuse/dashboard.ts';
import { renderAlertFiles } from './alerts/files.ts';
import { drilldownDashboard } from './drilldown/dashboard.ts';
import { limiterDashboard } from './limiter/dashboard.ts';
import { overviewDashboard } from './overview/dashboard.ts';
import { pipelineDashboard } from './pipeline/dashboard.ts';

/** Every dashboard: DashboardName → what builds it. */
const dashboards: readonly (() => DashboardBuilder)[] = [
  overviewDashboard,
  drilldownDashboard,
  abuseDashboard,
  limiterDashboard,
  pipelineDashboard,
];

const rendered = (): Map<string, string> =>
  new Map([
    ...dashboards.map((build): [string, string] => {
      const dashboard = build().build();
      return [`${dashboard.uid}.json`, `${JSON.stringify(dashboard, null, 2)}\n`];
    }),
  ]);

/** What dashboards/json should hold. */
export const renderDashboards = (): GeneratedFiles => ({
  folder: fileURLToPath(new URL('json', import.meta.url)),
  files: rendered(),
  command: 'npm run dashboards',
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = [renderDashboards(), ...renderAlertFiles()].map((files) =>
    writeOrCheck(files, process.argv.slice(2)),
  );
  process.exitCode = Math.max(...results);
}
