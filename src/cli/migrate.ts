import type { Command } from 'commander';
import { contextOf, type Host, settingsCommand } from './command-line.ts';
import { openAnalytics } from './engines.ts';
import { openingAll } from './opened.ts';
import { retentionSettings } from './settings.ts';

/** `tidegate migrate`. */
export const migrateCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'migrate',
    summary: 'Bring the tables of the analytics database up to date',
    settings: ['clickhouseUrl', 'clickhouseCluster', 'rawTtlDays', ...retentionSettings, 'logLevel'],
    help: `
Running it again changes nothing; of several at once, one works and the others wait for it. Run it before new ingest
processes start.

Example:
  $ tidegate migrate --clickhouse-url http://default:secret@clickhouse:8123/default --raw-ttl-days 14`,
  }).option('--json', 'print {"database", "applied"} as one line');
  return command.action(async (flags: { json?: boolean }) => {
    const { config, clock, logger } = await contextOf(command, host);
    await openingAll(async (opened) => {
      const database = opened.add(await openAnalytics({ ...config, clock, logger }), (closing) => closing.close());
      const applied = await database.migrate();
      const said = applied.length === 0 ? 'up to date' : `applied ${applied.join(', ')}`;
      const line =
        flags.json === true ? JSON.stringify({ database: database.name, applied }) : `${database.name}: ${said}`;
      host.stdout.write(`${line}\n`);
      await opened.close();
    });
  });
};
