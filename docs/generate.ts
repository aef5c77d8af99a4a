import { fileURLToPath } from 'node:url';
import { configurationPage } from '../src/cli/setting-docs.ts';
import { alertQualityPage } from './alert-quality-page.ts';
import { alertsPage } from './alerts-page.ts';
import { algorithmPictures } from './algorithm-picture.ts';
import { dashboardLatencyPage } from './dashboard-latency-page.ts';
import { errorsPage } from './errors-page.ts';
import { type GeneratedFiles, writeOrCheck } from './generated-files.ts';
import { metricsPage } from './metrics-page.ts';
import { misusePage } from './misuse-page.ts';
import { policiesPage, policiesSchema } from './policies-page.ts';
import { ruleQualityPage } from './rule-quality-page.ts';
import { rulesPage, rulesSchema } from './rules-page.ts';
import { scenariosPage } from './scenarios-page.ts';

/** The pages of docs/reference that come from the code. */
export const referencePages = (): GeneratedFiles => ({
  folder: fileURLToPath(new URL('reference', import.meta.url)),
  files: new Map([
    ['alerts.md', alertsPage()],
    ['alert-quality.md', alertQualityPage()],
    ['configuration.md', configurationPage()],
    ['dashboard-latency.md', dashboardLatencyPage()],
    ['errors.md', errorsPage()],
    ['metrics.md', metricsPage()],
    ['misuse.md', misusePage()],
    ['policies.md', policiesPage()],
    ['policies.schema.json', policiesSchema()],
    ['rule-quality.md', ruleQualityPage()],
    ['rules.md', rulesPage()],
    ['rules.schema.json', rulesSchema()],
    ['scenarios.md', scenariosPage()],
  ]),
  command: 'npm run docs',
});

/** The pictures of docs/guides/algorithms.md, drawn by the reference arithmetic. */
export const pictures = (): GeneratedFiles => ({
  folder: fileURLToPath(new URL('images/algorithms', import.meta.url)),
  files: algorithmPictures(),
  command: 'npm run docs',
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = [referencePages(), pictures()].map((generated) => writeOrCheck(generated, process.argv.slice(2)));
  process.exitCode = Math.max(...results);
}
