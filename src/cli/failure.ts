import { CommanderError } from 'commander';
import { type ErrorCode, messageOf, TidegateError } from '../errors.ts';

/** What a caller of the process gets: 0 done, 1 failed, 2 cannot work as it was asked to. */
export const exitCodes = { done: 0, failed: 1, unusable: 2 } as const;

/** What the person who ran the command can correct: exit code 2. Everything else that fails is exit code 1. */
const usageCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CONFIG_INVALID',
  'POLICY_INVALID',
  'RULES_INVALID',
  'INPUT_INVALID',
  'ENGINE_UNKNOWN',
  'ENGINE_MISSING',
  'ENGINE_UNREACHABLE',
  'ENGINE_UNFIT',
  'PORT_IN_USE',
  'DATA_LOCKED',
]);

export interface FailureReport {
  /** Goes to stderr as it is; '' when there is nothing more to say. */
  readonly text: string;
  readonly exitCode: number;
}

export interface FailureOptions {
  readonly redact: (text: string) => string;
  /** Adds the stack. */
  readonly debug: boolean;
}

const maxProblems = 50;
export const oneLine = (text: string): string => text.replaceAll(/\s*[\r\n]+\s*/g, ' ').trim();
/** With a full stop where there is none. */
export const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);

const stackOf = (thrown: unknown): string[] => {
  if (!(thrown instanceof Error) || thrown.stack === undefined) return [];
  return [
    thrown.stack,
    ...(thrown.cause === undefined ? [] : stackOf(thrown.cause).map((stack) => `caused by: ${stack}`)),
  ];
};

const knownFailure = (error: TidegateError): string[] => {
  const shown = error.problems.slice(0, maxProblems);
  const hidden = error.problems.length - shown.length;
  return [
    `tidegate: ${sentence(oneLine(error.message))} ${error.next} [${error.code}]`,
    ...shown.map(({ path, message }) => `  ${oneLine(path === '' ? message : `${path}: ${message}`)}`),
    ...(hidden > 0 ? [`  … and ${hidden} more`] : []),
  ];
};

/** One line for anything that ended a command, one more for each problem, and the exit code. */
export const describeFailure = (thrown: unknown, { redact, debug }: FailureOptions): FailureReport => {
  if (thrown instanceof CommanderError) {
    // Commander has said what is wrong already; help and version leave with 0.
    return { text: '', exitCode: thrown.exitCode === 0 ? exitCodes.done : exitCodes.unusable };
  }
  const known = thrown instanceof TidegateError;
  const lines = known
    ? knownFailure(thrown)
    : [
        `tidegate: unexpected: ${sentence(oneLine(messageOf(thrown)))} Run it again with --debug for the stack, and please report it.`,
      ];
  if (debug) lines.push(...stackOf(thrown));
  const exitCode = known && usageCodes.has(thrown.code) ? exitCodes.unusable : exitCodes.failed;
  return { text: `${redact(lines.join('\n'))}\n`, exitCode };
};
