import { relative } from 'node:path';
import type { Command } from 'commander';
import { readRuleFile } from '../../detect/rule-file.ts';
import { MemoryBlockList } from '../../embedded/memory-block-list.ts';
import { MemoryEventLog } from '../../embedded/memory-event-log.ts';
import { readPolicyFile } from '../../policy/policy-file.ts';
import type { ScenarioReport } from '../../replay/scenario.ts';
import { contextOf, type Host, settingsCommand } from '../command-line.ts';
import { adapter } from '../engines.ts';
import { exitCodes } from '../failure.ts';
import { type Paint, paintFor } from '../paint.ts';
import { shippedFiles } from '../settings.ts';
import { countText } from '../time-text.ts';

const named = (folder: string): string => relative(process.cwd(), folder) || folder;

/** What came of one folder, for people: a line, and what is not as expected below it. */
export const scenarioText = (report: ScenarioReport, paint: Paint): string => {
  const { folder, passed, problems, runs } = report;
  const head = `${passed ? paint.good('ok  ') : paint.bad('FAIL')}  ${named(folder)}`;
  const failed = runs.filter((run) => !run.passed);
  return [
    `${head}${runs.length > 1 ? paint.faint(`  ${runs.length} starts`) : ''}`,
    ...problems.map(({ path, message }) => `      ${path} ${message}`),
    ...failed.flatMap(({ start, complaints }) => [
      ...(runs.length > 1 ? [`      started ${start} into the hour:`] : []),
      ...complaints.map((complaint) => `      ${complaint}`),
    ]),
    '',
  ].join('\n');
};

interface Flags {
  readonly json?: boolean;
}

const runAll = async (
  host: Host,
  command: Command,
  given: { folders: readonly string[]; flags: Flags },
): Promise<void> => {
  const { config } = await contextOf(command, host);
  const { folders, flags } = given;
  const { runScenarioFolder, scenarioFoldersIn } = await adapter(() => import('../../replay/scenario.ts'));
  const rules = await readRuleFile(config.rulesFile ?? shippedFiles.rules);
  const policies = await readPolicyFile(config.policiesFile ?? shippedFiles.policies);
  const paint = await paintFor(host.stdout);
  const reports: ScenarioReport[] = [];
  for (const folder of await scenarioFoldersIn(folders)) {
    const report = await runScenarioFolder(folder, {
      rules,
      policies,
      open: (clock) => ({
        blockList: new MemoryBlockList({ clock }),
        log: new MemoryEventLog({ clock, partitions: 12 }),
      }),
    });
    reports.push(report);
    if (flags.json !== true) host.stdout.write(scenarioText(report, paint));
  }
  const failed = reports.filter(({ passed }) => !passed).length;
  if (flags.json === true) host.stdout.write(`${JSON.stringify({ ok: failed === 0, scenarios: reports })}\n`);
  else host.stdout.write(`${countText(reports.length, 'scenario')}, ${failed} failed\n`);
  if (failed > 0) process.exitCode = exitCodes.failed;
};

/** `tidegate rules test`. */
export const rulesTestCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'test',
    summary: 'Play scenarios through gate, detector and block list, and compare who is blocked',
    settings: ['rulesFile', 'policiesFile'],
    help: `
A scenario is a folder with expected.json (who is blocked, and who must not be) and one of traffic.yaml, events.jsonl or
access.log(.gz); rules.yaml and policies.yaml where it has its own, else those of the settings. Folders are looked through.
Everything runs in this process, in the scenario's own time: the same files give the same answer everywhere.
Exit codes: 0 all as expected, 1 some are not, 2 a folder holds none.

Examples:
  $ tidegate rules test scenarios --rules rules.yaml
  $ tidegate rules test scenarios/must-not-fire --json     in CI`,
  })
    .argument('<folders...>', 'scenarios, or folders that hold some')
    .option('--json', 'print {"ok", "scenarios"} as one line');
  return command.action((folders: string[], flags: Flags) => runAll(host, command, { folders, flags }));
};
