import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { keptRuleQuality } from '../../docs/rule-quality-page.ts';
import { readAccessLogs } from '../../src/replay/access-log.ts';
import { handLabels } from '../support/hand-labels.ts';
import { busiest, logClients } from '../support/log-clients.ts';
import { measureRuleQuality } from '../support/measured-rule-quality.ts';

/** A real log that is no part of the project: see what a fresh checkout has beside it. */
const file = fileURLToPath(new URL('../../../shared/data/nginx-2025.log.gz', import.meta.url));
const hasLog = existsSync(file);
if (!hasLog) process.stderr.write('\n!!! SKIPPING the quality of the rules: no ../shared/data beside the checkout\n');

describe.skipIf(!hasLog)('the shipped rules on labelled clients of a real log', () => {
  it('are as good as the reference page says', async () => {
    const again = 'npx tsx docs/measure-rule-quality.ts LOG, then npm run docs';
    expect(await measureRuleQuality(file, handLabels()), again).toEqual(keptRuleQuality());
  });

  it('are judged by the labels of its 200 busiest clients', async () => {
    const { requests } = await readAccessLogs({ files: [file], stdin: Readable.from([]) });
    const ranks = busiest(logClients(requests), 200).map(({ rank }) => rank);
    expect(handLabels().map(({ rank }) => rank)).toEqual(ranks);
  });
});
