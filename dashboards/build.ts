import { fileURLToPath } from 'node:url';
import { type GeneratedFiles, writeOrCheck } from '../docs/generated-files.ts';
import { throttleRateDashboard } from './throttle-rate.ts';

/** What dashboards/json should hold. */
export const renderDashboards = (): GeneratedFiles => ({
  folder: fileURLToPath(new URL('json', import.meta.url)),
  files: new Map([['tidegate-overview.json', `${JSON.stringify(throttleRateDashboard(), null, 2)}\n`]]),
  command: 'npm run dashboards',
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = writeOrCheck(renderDashboards(), process.argv.slice(2));
}
