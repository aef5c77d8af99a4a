import { once } from 'node:events';
import type { Command } from 'commander';
import { clientSettings, type Listed, listedOf, openStored, pseudonymsLine, subjectOf } from './client-subject.ts';
import { contextOf, type Host, settingsCommand } from './command-line.ts';
import { exitCodes } from './failure.ts';
import { openingAll } from './opened.ts';

const write = async (stream: NodeJS.WritableStream, line: object): Promise<void> => {
  if (!stream.write(`${JSON.stringify(line)}\n`)) await once(stream, 'drain');
};

const said = {
  elsewhere: 'not asked: it is inside another process (--redis-url names a Redis)',
  away: 'not read',
} as const;

const blockListLine = (listed: Listed): string => {
  if (listed.kind === 'read') return `${listed.blocks.length} blocks`;
  return listed.kind === 'away' ? `${said.away}: ${listed.reason}` : said.elsewhere;
};

/** `tidegate client export`. */
export const clientExportCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'export',
    summary: 'Print all rows that hold one client, as NDJSON',
    settings: clientSettings,
    help: `
Each line is {"table", "row"}: decisions_raw, denials_by_client_per_minute and blocks of the database, under the client's id
and its pseudonyms of every key in --pseudonym-keys-file, then block_list, as Redis has it. Rows in which an address is beside
another client do not say which. A summary goes to stderr. Counters and what is still in Kafka are not in it.
Exit codes: 0 all was read, 1 something was not, 2 it cannot start as it was asked to.

Example:
  $ tidegate client export user:4711 --clickhouse-url http://clickhouse:8123/default > 4711.ndjson`,
  }).argument('<client>', 'key:<id>, user:<id> or ip:<address>; - reads it from the input');
  return command.action(async (given: string) => {
    const context = await contextOf(command, host);
    const client = await subjectOf(given, process.stdin);
    await openingAll(async (opened) => {
      const { clientData } = await openStored(context, opened);
      const counts = new Map<string, number>();
      for await (const one of clientData.rows(client)) {
        counts.set(one.table, (counts.get(one.table) ?? 0) + 1);
        await write(host.stdout, one);
      }
      const listed = await listedOf(context, client, opened);
      if (listed.kind === 'read') {
        for (const row of listed.blocks) await write(host.stdout, { table: 'block_list', row });
      }
      for (const [table, rows] of counts) host.stderr.write(`${table}: ${rows} rows\n`);
      if (counts.size === 0) host.stderr.write('no row of the database holds this client\n');
      host.stderr.write(`${pseudonymsLine(context)}\n`);
      host.stderr.write(`block list: ${blockListLine(listed)}\n`);
      if (listed.kind === 'away') process.exitCode = exitCodes.failed;
      await opened.close();
    });
  });
};
