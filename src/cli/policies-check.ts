import type { Command } from 'commander';
import { type Problem, TidegateError } from '../errors.ts';
import type { PolicySet } from '../policy/policy.ts';
import { readPolicyFile } from '../policy/policy-file.ts';
import { columns } from './columns.ts';
import { contextOf, type Host, settingsCommand } from './command-line.ts';
import { exitCodes, oneLine } from './failure.ts';
import { shippedFiles } from './settings.ts';

/** What is to be said of one file. */
export interface PolicyFileReport {
  readonly file: string;
  /** Null: refused. */
  readonly set: PolicySet | null;
  readonly problems: readonly Problem[];
}

/** Throws POLICY_INVALID when there is nothing to look at; what is wrong inside the file is part of the report. */
const reportOn = async (file: string): Promise<PolicyFileReport> => {
  try {
    return { file, set: await readPolicyFile(file), problems: [] };
  } catch (error) {
    if (!(error instanceof TidegateError) || error.problems.length === 0) throw error;
    return { file, set: null, problems: error.problems };
  }
};

const counted = (count: number, one: string): string => `${count} ${count === 1 ? one : `${one}s`}`;

const rowsOf = (word: string, problems: readonly Problem[]): string[][] =>
  problems.map(({ path, message }) => [word, path === '' ? 'the file' : path, oneLine(message)]);

/** The report for people: a line for each problem and warning, and one that sums up. */
export const reportText = ({ file, set, problems }: PolicyFileReport): string => {
  const warnings = set?.warnings ?? [];
  const rows = [...rowsOf('problem', problems), ...rowsOf('warning', warnings)];
  const sum = set
    ? `${set.policies.length === 1 ? '1 policy' : `${set.policies.length} policies`}, version ${set.version}, ${counted(warnings.length, 'warning')}`
    : `refused, ${counted(problems.length, 'problem')}`;
  return `${columns(rows)}${file}: ${sum}\n`;
};

/** The report for programs, one line. */
export const reportJson = ({ file, set, problems }: PolicyFileReport): string => {
  const policies = set?.policies.length ?? null;
  const version = set?.version ?? null;
  return JSON.stringify({ ok: set !== null, file, version, policies, problems, warnings: set?.warnings ?? [] });
};

/** `tidegate policies check`. */
export const policiesCheckCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'check',
    summary: 'Check a policy file: every problem and every warning, each with its path',
    settings: ['policiesFile'],
    help: `
FILE is the policy file; without it the one of the settings. Nothing is changed, and no engine is asked.
A problem is what a running gate would refuse. A warning is valid, but hardly meant: two policies of a group that tie,
one that can never apply or never decide, a candidate for other requests than its live policy.
Exit codes: 0 valid (with warnings too, unless --strict), 1 problems, 2 there is no such file.

Examples:
  $ tidegate policies check policies.yaml
  $ tidegate policies check policies.yaml --strict --json`,
  })
    .argument('[file]', 'the policy file')
    .option('--strict', 'warnings fail as problems do')
    .option('--json', 'print {"ok", "file", "version", "policies", "problems", "warnings"} as one line');
  return command.action(async (named: string | undefined, flags: { json?: boolean; strict?: boolean }) => {
    const { config } = await contextOf(command, host);
    const report = await reportOn(named ?? config.policiesFile ?? shippedFiles.policies);
    host.stdout.write(flags.json === true ? `${reportJson(report)}\n` : reportText(report));
    const failed = report.set === null || (flags.strict === true && report.set.warnings.length > 0);
    if (failed) process.exitCode = exitCodes.failed;
  });
};
