import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Clock, systemClock } from '../clock.ts';
import type { RuleSet } from '../detect/rule.ts';
import { parseRules } from '../detect/rules.ts';
import { formatDurationMs, parseDurationMs } from '../duration.ts';
import { fileTroubleOf, messageOf, type Problem, TidegateError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { parsePolicies } from '../policy/parse.ts';
import type { PolicySet } from '../policy/policy.ts';
import { readAccessLogs } from './access-log.ts';
import { parseEvents } from './scenario-events.ts';
import { type Expected, type Parsed, parseExpected, parseTraffic } from './scenario-files.ts';
import { type Got, gotFrom, judgeScenario } from './scenario-judge.ts';
import { runScenario, type ScenarioInput, type ScenarioRunOptions } from './scenario-run.ts';

export interface ScenarioOptions extends Pick<ScenarioRunOptions, 'open'> {
  /** For folders without a `policies.yaml` of their own. */
  readonly policies: PolicySet;
  /** For folders without a `rules.yaml` of their own. */
  readonly rules: RuleSet;
  /** Default: the machine's. Nothing of it is in a report. */
  readonly wallClock?: Clock;
  readonly logger?: Logger;
}

/** One run of a scenario, from one start on. */
export interface ScenarioRunReport {
  /** Where in an hour it begins: `1300ms`. */
  readonly start: string;
  readonly passed: boolean;
  /** What is not as expected, in words. */
  readonly complaints: readonly string[];
  readonly got: Got;
}

export interface ScenarioReport {
  readonly folder: string;
  readonly passed: boolean;
  /** Mistakes in its files, by file and path: then it was not run. */
  readonly problems: readonly Problem[];
  readonly expected: Expected | null;
  readonly runs: readonly ScenarioRunReport[];
}

/** An hour and ten minutes that all windows and incidents divide. */
const baseMs = Date.UTC(2026, 0, 5, 8);
/** Where in a window and in an incident a client begins must not decide what becomes of it. */
const defaultStartsMs = [0, 1300, 4700, 31_000, 58_500, 247_000];
const inputs = ['traffic.yaml', 'events.jsonl', 'access.log', 'access.log.gz'] as const;
const maxFileBytes = 64 * 1024 * 1024;
const maxDepth = 8;
const maxFolders = 10_000;

const unreadable = (folder: string, cause: unknown): TidegateError => {
  const isFile = (cause as NodeJS.ErrnoException).code === 'ENOTDIR';
  const message = isFile
    ? `${folder} is a file: name the folders of scenarios, and a rule file with --rules`
    : `The folder ${folder} cannot be read: ${fileTroubleOf(cause)}`;
  return new TidegateError('INPUT_INVALID', message, { cause });
};

interface Loaded {
  readonly input: ScenarioInput;
  readonly expected: Expected;
  readonly policies: PolicySet;
  readonly rules: RuleSet;
}

/** What a file's reading came to; problems are told by file. */
class Reading {
  readonly problems: Problem[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  add(file: string, problems: readonly Problem[]): void {
    for (const { path, message } of problems) {
      this.problems.push({ path: path === '' ? file : `${file}: ${path}`, message });
    }
  }

  /** Null: there is none, or it cannot be read, which is then a problem. */
  async text(file: string): Promise<string | null> {
    try {
      const text = await readFile(join(this.#folder, file), 'utf8');
      if (text.length <= maxFileBytes) return text;
      this.add(file, [{ path: '', message: 'is over 64 MiB' }]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.add(file, [{ path: '', message: fileTroubleOf(error) }]);
    }
    return null;
  }

  value<T>(file: string, parsed: Parsed<T>): T | null {
    if ('value' in parsed) return parsed.value;
    this.add(file, parsed.problems);
    return null;
  }

  /** For parsers that throw. */
  judged<T>(file: string, parse: () => T): T | null {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof TidegateError)) throw error;
      this.add(file, error.problems.length > 0 ? error.problems : [{ path: '', message: error.message }]);
      return null;
    }
  }
}

const loggedInput = async (reading: Reading, folder: string, file: string): Promise<ScenarioInput | null> => {
  try {
    const { requests } = await readAccessLogs({ files: [join(folder, file)], stdin: Readable.from([]) });
    return { kind: 'access-log', requests };
  } catch (error) {
    reading.add(file, [{ path: '', message: messageOf(error) }]);
    return null;
  }
};

const inputIn = async (reading: Reading, folder: string, files: readonly string[]): Promise<ScenarioInput | null> => {
  const present = inputs.filter((name) => files.includes(name));
  const [file] = present;
  if (file === undefined || present.length > 1) {
    reading.add('', [{ path: folder, message: `needs exactly one of ${inputs.join(', ')}` }]);
    return null;
  }
  if (file === 'access.log' || file === 'access.log.gz') return loggedInput(reading, folder, file);
  const text = (await reading.text(file)) ?? '';
  if (file === 'traffic.yaml') {
    const traffic = reading.value(file, parseTraffic(text));
    return traffic && { kind: 'traffic', traffic };
  }
  const { events, problems } = parseEvents(text);
  reading.add(file, problems);
  return problems.length > 0 ? null : { kind: 'events', events };
};

const load = async (reading: Reading, folder: string, options: ScenarioOptions): Promise<Loaded | null> => {
  const files = await readdir(folder).catch((cause: unknown) => {
    throw unreadable(folder, cause);
  });
  const input = await inputIn(reading, folder, files);
  const expectedText = await reading.text('expected.json');
  if (expectedText === null) reading.add('expected.json', [{ path: '', message: 'is missing' }]);
  const expected = expectedText === null ? null : reading.value('expected.json', parseExpected(expectedText));
  const rulesText = await reading.text('rules.yaml');
  const rules = rulesText === null ? options.rules : reading.judged('rules.yaml', () => parseRules(rulesText));
  const policiesText = await reading.text('policies.yaml');
  const policies =
    policiesText === null ? options.policies : reading.judged('policies.yaml', () => parsePolicies(policiesText));
  if (!input || !expected || !rules || !policies || reading.problems.length > 0) return null;
  return { input, expected, rules, policies };
};

/** What has times of its own happens once, then. */
const startsOf = ({ input, expected }: Loaded): readonly number[] => {
  const isFixed = input.kind === 'access-log' || (input.kind === 'events' && !input.events[0]?.relative);
  if (isFixed) return [0];
  return expected.starts?.map((start) => parseDurationMs(start) ?? 0) ?? defaultStartsMs;
};

/** Plays the scenario in a folder. Mistakes in its files are in the report; throws INPUT_INVALID where there is no folder. */
export const runScenarioFolder = async (folder: string, options: ScenarioOptions): Promise<ScenarioReport> => {
  const { open, wallClock = systemClock, logger } = options;
  const reading = new Reading(folder);
  const loaded = await load(reading, folder, options);
  if (!loaded) return { folder, passed: false, problems: reading.problems, expected: null, runs: [] };
  const { expected, input, policies, rules } = loaded;
  const runs: ScenarioRunReport[] = [];
  for (const start of startsOf(loaded)) {
    const outcome = await runScenario({
      ...{ input, policies, rules, open, wallClock },
      allow: expected.allow ?? [],
      startMs: baseMs + start,
      ...(logger ? { logger } : {}),
    });
    const got = gotFrom(outcome);
    const complaints = judgeScenario(expected, got, outcome.touched);
    runs.push({ start: formatDurationMs(start), passed: complaints.length === 0, complaints, got });
  }
  return { folder, passed: runs.every(({ passed }) => passed), problems: [], expected, runs };
};

const isScenario = (files: readonly string[]): boolean =>
  files.includes('expected.json') || inputs.some((name) => files.includes(name));

const foldersUnder = async (folder: string, depth: number): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(folder, cause);
  });
  if (isScenario(entries.map(({ name }) => name))) return [folder];
  if (depth >= maxDepth) return [];
  const found: string[] = [];
  for (const name of entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()) {
    found.push(...(await foldersUnder(join(folder, name), depth + 1)));
    if (found.length > maxFolders)
      throw new TidegateError('INPUT_INVALID', `${folder} holds over ${maxFolders} scenarios`);
  }
  return found;
};

/** The scenarios in these folders and below them, by name. Throws INPUT_INVALID where a folder holds none. */
export const scenarioFoldersIn = async (folders: readonly string[]): Promise<string[]> => {
  const all: string[] = [];
  for (const folder of folders) {
    const found = await foldersUnder(folder, 0);
    if (found.length === 0) {
      throw new TidegateError(
        'INPUT_INVALID',
        `${folder} holds no scenario: a folder with expected.json and one of ${inputs.join(', ')}`,
      );
    }
    all.push(...found);
  }
  return [...new Set(all)];
};
