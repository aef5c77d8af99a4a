import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureAlertQuality } from '../test/support/alert-quality/measure.ts';
import { measureRecorded, type RecordedAlarms } from '../test/support/alert-quality/recorded.ts';

/** Limits that recorded requests are put through: the shipped one, and one that denies all the time. */
const perClientPerMinute = [60, 10] as const;

/** Measures how good the alert for spikes is, and keeps the figures for the page. Access logs are named by whoever has some. */
const main = async (): Promise<void> => {
  const recorded: RecordedAlarms[] = [];
  for (const file of process.argv.slice(2)) {
    for (const limit of perClientPerMinute) {
      recorded.push(await measureRecorded(file, basename(file).replace(/\.log(\.gz)?$/, ''), limit));
    }
  }
  const quality = { ...measureAlertQuality(console.log), recorded };
  writeFileSync(fileURLToPath(new URL('alert-quality.json', import.meta.url)), `${JSON.stringify(quality, null, 2)}\n`);
  console.log('docs/alert-quality.json is written: now run npm run docs');
};

await main();
