import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { handLabels } from '../test/support/hand-labels.ts';
import { measureRuleQuality } from '../test/support/measured-rule-quality.ts';

/** Measures the shipped rules on the labelled log, which whoever runs this has, and keeps the figures for the page. */
const main = async (): Promise<void> => {
  const [file] = process.argv.slice(2);
  if (file === undefined) throw new Error('usage: npx tsx docs/measure-rule-quality.ts nginx-2025.log.gz');
  const quality = await measureRuleQuality(file, handLabels());
  writeFileSync(fileURLToPath(new URL('rule-quality.json', import.meta.url)), `${JSON.stringify(quality, null, 2)}\n`);
  console.log('docs/rule-quality.json is written: now run npm run docs');
};

await main();
