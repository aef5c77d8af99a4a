import { fileURLToPath } from 'node:url';
import { configurationPage } from '../src/cli/setting-docs.ts';
import { errorsPage } from './errors-page.ts';
import { type GeneratedFiles, writeOrCheck } from './generated-files.ts';
import { metricsPage } from './metrics-page.ts';
import { misusePage } from './misuse-page.ts';

/** The pages of docs/reference that come from the code. */
export const referencePages = (): GeneratedFiles => ({
  folder: fileURLToPath(new URL('reference', import.meta.url)),
  files: new Map([
    ['configuration.md', configurationPage()],
    ['errors.md', errorsPage()],
    ['metrics.md', metricsPage()],
    ['misuse.md', misusePage()],
  ]),
  command: 'npm run docs',
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = writeOrCheck(referencePages(), process.argv.slice(2));
}
