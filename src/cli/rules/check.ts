import type { Command } from 'commander';
import type { RuleSet } from '../../detect/rule.ts';
import { readRuleFile } from '../../detect/rule-file.ts';
import { ruleWarnings } from '../../detect/rule-warnings.ts';
import { type Problem, TidegateError } from '../../errors.ts';
import { columns } from '../columns.ts';
import { contextOf, type Host, settingsCommand } from '../command-line.ts';
import { exitCodes, oneLine } from '../failure.ts';
import { shippedFiles } from '../settings.ts';
import { countText } from '../time-text.ts';

/** What is to be said of one file. */
export interface RuleFileReport {
  readonly file: string;
  /** Null: refused. */
  readonly set: RuleSet | null;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Throws RULES_INVALID when there is nothing to look at; what is wrong inside the file is part of the report. */
const reportOn = async (file: string, nowMs: number): Promise<RuleFileReport> => {
  try {
    const set = await readRuleFile(file);
    return { file, set, problems: [], warnings: ruleWarnings(set, nowMs) };
  } catch (error) {
    if (!(error instanceof TidegateError) || error.problems.length === 0) throw error;
    return { file, set: null, problems: error.problems, warnings: [] };
  }
};

const rowsOf = (word: string, problems: readonly Problem[]): string[][] =>
  problems.map(({ path, message }) => [word, path === '' ? 'the file' : path, oneLine(message)]);

/** `3 enforce, 1 shadow`. */
const modesText = ({ rules }: RuleSet): string => {
  const counts = new Map<string, number>();
  for (const { mode } of rules) counts.set(mode, (counts.get(mode) ?? 0) + 1);
  return [...counts].map(([mode, count]) => `${count} ${mode}`).join(', ');
};

/** The report for people: a line for each problem and warning, and one that sums up. */
export const reportText = ({ file, set, problems, warnings }: RuleFileReport): string => {
  const rows = [...rowsOf('problem', problems), ...rowsOf('warning', warnings)];
  const sum = set
    ? `${countText(set.rules.length, 'rule')} (${modesText(set)}), version ${set.version}, ${countText(warnings.length, 'warning')}`
    : `refused, ${countText(problems.length, 'problem')}`;
  return `${columns(rows)}${file}: ${sum}\n`;
};

/** The report for programs, one line. */
export const reportJson = ({ file, set, problems, warnings }: RuleFileReport): string => {
  const rules = set?.rules.map(({ name, hash, mode }) => ({ name, hash, mode })) ?? null;
  return JSON.stringify({ ok: set !== null, file, version: set?.version ?? null, rules, problems, warnings });
};

/** `tidegate rules check`. */
export const rulesCheckCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'check',
    summary: 'Check a rule file: every problem and every warning, each with its path',
    settings: ['rulesFile'],
    help: `
FILE is the rule file; without it the one of the settings. Nothing is changed, and no engine is asked.
A problem is what a detector would refuse. A warning is valid, but hardly meant: a rule without an owner or past its review date,
one that another covers, addresses refused however many people share them.
Exit codes: 0 valid (with warnings too, unless --strict), 1 problems, 2 there is no such file.

Examples:
  $ tidegate rules check rules.yaml
  $ tidegate rules check rules.yaml --strict --json     in CI`,
  })
    .argument('[file]', 'the rule file')
    .option('--strict', 'warnings fail as problems do')
    .option('--json', 'print {"ok", "file", "version", "rules", "problems", "warnings"} as one line');
  return command.action(async (named: string | undefined, flags: { json?: boolean; strict?: boolean }) => {
    const { config, clock } = await contextOf(command, host);
    const report = await reportOn(named ?? config.rulesFile ?? shippedFiles.rules, clock.nowMs());
    host.stdout.write(flags.json === true ? `${reportJson(report)}\n` : reportText(report));
    const failed = report.set === null || (flags.strict === true && report.warnings.length > 0);
    if (failed) process.exitCode = exitCodes.failed;
  });
};
