import type { Command } from 'commander';
import type { Erasure, TableRows } from '../analytics/client-data.ts';
import {
  actorOf,
  clientSettings,
  type Listed,
  listedOf,
  openStored,
  pseudonymsLine,
  subjectOf,
} from './client-subject.ts';
import { contextOf, type Host, settingsCommand } from './command-line.ts';
import { exitCodes } from './failure.ts';
import { openingAll } from './opened.ts';

interface Flags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** What this command cannot do, said every time: whoever asked for the erasure will ask about it. */
const notReached = [
  'events still in Kafka: what ingest stores later comes back, so run it again once the lag is 0; the topics forget by their own retention',
  'the topic of dead letters: it forgets by its retention',
  'Redis: blocks, allow entries, strikes and counters expire by themselves; a block in force ends with a lift',
  'backups, and exports that were made before',
  'logs of the processes, and of ClickHouse itself',
] as const;

const blocksIn = (listed: Listed): string => {
  if (listed.kind === 'read') return `${listed.blocks.length} blocks, left as they are`;
  return listed.kind === 'away' ? `not read: ${listed.reason}` : 'not asked (--redis-url names a Redis)';
};

const rowsOf = (found: readonly TableRows[]): Record<string, number> =>
  Object.fromEntries(found.map(({ table, rows }) => [table, rows]));

const total = (found: readonly TableRows[]): number => found.reduce((sum, { rows }) => sum + rows, 0);

interface Outcome {
  readonly found: readonly TableRows[];
  /** Null: nothing was to be changed. */
  readonly erasure: Erasure | null;
  readonly listed: Listed;
}

const lines = ({ found, erasure, listed }: Outcome, pseudonyms: string): string[] => {
  const done = erasure ? 'anonymised' : 'hold it';
  const rows = found.map((one) => `${one.table}: ${one.rows} rows ${done}`);
  const left = erasure?.remaining.filter((one) => one.rows > 0) ?? [];
  return [
    ...rows,
    ...(total(found) === 0 ? ['no row of the database holds this client'] : []),
    pseudonyms,
    ...left.map((one) => `${one.table}: ${one.rows} rows came meanwhile or are still there; run it again`),
    ...(erasure && !erasure.isForgotten
      ? ['ClickHouse still keeps statements that name the client in system.mutations, until a hundred newer ones came']
      : []),
    `block list: ${blocksIn(listed)}`,
    ...(erasure ? ['Not reached:', ...notReached.map((what) => `  - ${what}`)] : []),
  ];
};

const jsonOf = ({ found, erasure, listed }: Outcome): object => ({
  erased: erasure !== null,
  found: rowsOf(found),
  ...(erasure
    ? { requestId: erasure.requestId, remaining: rowsOf(erasure.remaining), statementsForgotten: erasure.isForgotten }
    : {}),
  blocks: listed.kind === 'read' ? listed.blocks.length : null,
  notReached,
});

const help = `
Rows are anonymised, not deleted, so that every total stays: the client becomes ~erased and its addresses go, under its id
and its pseudonyms of every key in --pseudonym-keys-file. The history of its blocks keeps what happened, and not to whom.
Without --yes nothing is changed. May be interrupted and run again. Leaves a line in the table erasures: who and when, not whom.
Exit codes: 0 no row holds the client any more, 1 some still do, 2 it cannot start as it was asked to, or --yes is missing.

Examples:
  $ tidegate client erase user:4711 --dry-run
  $ echo user:4711 | tidegate client erase - --yes --actor 'ticket 815'`;

/** `tidegate client erase`. */
export const clientEraseCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'erase',
    summary: 'Anonymise all rows that hold one client',
    settings: [...clientSettings, 'actor'],
    help,
  })
    .argument('<client>', 'key:<id>, user:<id> or ip:<address>; - reads it from the input')
    .option('--dry-run', 'say how many rows hold it, and change nothing')
    .option('--yes', 'change them')
    .option('--json', 'print what was done as one line');
  return command.action(async (given: string, flags: Flags) => {
    const context = await contextOf(command, host);
    const client = await subjectOf(given, process.stdin);
    const actor = actorOf(context.config.actor ?? undefined);
    await openingAll(async (opened) => {
      const { clientData } = await openStored(context, opened);
      const isMeant = flags.yes === true && flags.dryRun !== true;
      const onStep = (step: string): void => {
        if (host.isTerminal) host.stderr.write(`${step} …\n`);
      };
      const erasure = isMeant ? await clientData.erase(client, { actor, onStep }) : null;
      const found = erasure?.found ?? (await clientData.find(client));
      const outcome: Outcome = { found, erasure, listed: await listedOf(context, client, opened) };
      host.stdout.write(
        flags.json === true
          ? `${JSON.stringify(jsonOf(outcome))}\n`
          : `${lines(outcome, pseudonymsLine(context)).join('\n')}\n`,
      );
      if (erasure) {
        const { requestId } = erasure;
        context.logger.info({ requestId, actor, rows: rowsOf(found) }, 'a client was erased');
        if (total(erasure.remaining) > 0) process.exitCode = exitCodes.failed;
      } else if (flags.dryRun !== true) {
        host.stderr.write('Nothing was changed: --yes is missing.\n');
        process.exitCode = exitCodes.unusable;
      }
      await opened.close();
    });
  });
};
