import type { Command } from 'commander';
import { contextOf, type Host, settingsCommand } from './command-line.ts';
import { type Check, type CheckState, checkEverything } from './doctor-checks.ts';
import { adapter, checkEngineUrls } from './engines.ts';
import { exitCodes } from './failure.ts';

/** Borders and padding of three columns. */
const frameColumns = 10;
const leastMessageColumns = 30;

/** Paths and URLs that are longer than a line go on in the next one: the table would cut them off. */
const broken = (message: string, room: number | null): string =>
  room === null ? message : message.replaceAll(new RegExp(`\\S{${room}}(?=\\S)`, 'g'), '$&\n');

/** As wide as the terminal, where there is one: messages wrap between words. */
export const tableOf = async (checks: readonly Check[], columns: number | undefined): Promise<string> => {
  const [{ default: Table }, { default: colors }] = await adapter(() =>
    Promise.all([import('cli-table3'), import('picocolors')]),
  );
  const paint = { ok: colors.green, warn: colors.yellow, fail: colors.red } as const;
  const taken = 4 + Math.max(...checks.map(({ subject }) => subject.length)) + frameColumns;
  const room = columns === undefined ? null : Math.max(leastMessageColumns, columns - taken);
  const table = new Table({
    head: ['', 'checked', 'found'],
    colWidths: [null, null, room === null ? null : room + 2],
    style: { head: [], border: [] },
    wordWrap: true,
  });
  for (const { state, subject, message } of checks) table.push([paint[state](state), subject, broken(message, room)]);
  return table.toString();
};

const countOf = (checks: readonly Check[], state: CheckState): number =>
  checks.filter((check) => check.state === state).length;

/** `tidegate doctor`. */
export const doctorCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'doctor',
    summary: 'Check engines, settings and files, and say what to do',
    settings: [
      'redisUrl',
      'kafkaUrl',
      'clickhouseUrl',
      'namespace',
      'policiesFile',
      'rulesFile',
      'apiTokens',
      'apiTokensFile',
      'logLevel',
    ],
    help: `
Looks at addresses, TLS and credentials, versions, Redis' maxmemory-policy, Kafka's topics, ClickHouse's tables and
deduplication windows with their margin, clocks, partitions, retention, policies and rules. Changes nothing.
Exit codes: 0 all well or warnings only, 1 a check failed, 2 the settings themselves cannot be used.

Example:
  $ tidegate doctor --redis-url redis://localhost:6379 --json`,
  }).option('--json', 'print {"ok", "checks": [{"subject", "state", "message"}]} as one line');
  return command.action(async (flags: { json?: boolean }) => {
    const context = await contextOf(command, host);
    checkEngineUrls(context.config);
    const checks = await checkEverything(context);
    const failed = countOf(checks, 'fail');
    if (flags.json === true) host.stdout.write(`${JSON.stringify({ ok: failed === 0, checks })}\n`);
    else {
      host.stdout.write(`${await tableOf(checks, process.stdout.columns)}\n`);
      host.stdout.write(`${countOf(checks, 'ok')} ok, ${countOf(checks, 'warn')} to look at, ${failed} failed\n`);
    }
    if (failed > 0) process.exitCode = exitCodes.failed;
  });
};
