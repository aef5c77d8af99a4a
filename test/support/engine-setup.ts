import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { messageOf } from '../../src/errors.ts';
import { compileForRun } from '../services/compiled.ts';
import { killDaemon } from '../services/daemon.ts';
import { type EngineName, type EngineState, engineNames, type Launch } from '../services/engine.ts';
import { openRunFolder, removeFolder } from '../services/folders.ts';
import { launchKafka } from '../services/kafka.ts';
import { launchRedis } from '../services/redis.ts';
import { testEnvironmentNames } from '../services/services.ts';
import type { TestEngines } from './engines.ts';

const launchers: Readonly<Record<EngineName, Launch>> = { redis: launchRedis, kafka: launchKafka };

interface Started {
  readonly engines: TestEngines;
  stop(): Promise<void>;
}

interface Shared {
  started: Promise<Started> | null;
  users: number;
}

// Each vitest project loads this file anew, so what they share hangs on the process.
const sharedKey = Symbol.for('tidegate.test-engines');
const holder = globalThis as typeof globalThis & { [sharedKey]?: Shared };
holder[sharedKey] ??= { started: null, users: 0 };
const shared = holder[sharedKey];

/** Starts Redis and Kafka once for the whole run, whichever projects take part; the last one to end stops them. */
export const setup = async (project: TestProject): Promise<void> => {
  shared.users++;
  shared.started ??= start();
  project.provide('engines', (await shared.started).engines);
};

export const teardown = async (): Promise<void> => {
  shared.users--;
  const { started } = shared;
  if (shared.users > 0 || started === null) return;
  shared.started = null;
  await (await started).stop();
};

const start = async (): Promise<Started> => {
  const folder = openRunFolder('engines');
  const running: EngineState[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((engine) => killDaemon(engine.id)));
    removeFolder(folder);
  };
  const missing: string[] = [];
  const urls: Partial<Record<EngineName, string>> = {};
  const bring = async (name: EngineName): Promise<void> => {
    const given = process.env[testEnvironmentNames[name]];
    if (given) {
      urls[name] = given;
      return;
    }
    try {
      const engine = await launchers[name]({ folder: `${folder}/${name}`, tied: true });
      running.push(engine);
      urls[name] = engine.url;
    } catch (error) {
      missing.push(`no ${name}: ${messageOf(error)}`);
    }
  };
  const [chdb] = await Promise.all([chdbProblem(), compiled(`${folder}/code`), ...engineNames.map(bring)]);
  if (chdb !== null) missing.push(chdb);
  const found = findTools();
  missing.push(...missingTools(found));
  await report(missing, stop);
  return {
    engines: { redis: urls.redis ?? null, kafka: urls.kafka ?? null, chdb: chdb === null ? folder : null, ...found },
    stop,
  };
};

/** What does not compile fails the tests that start processes, each with the reason, and no others. */
const compiled = (folder: string): Promise<void> =>
  compileForRun(folder).catch((error: unknown) => void process.stderr.write(`\n!!! ${messageOf(error)}\n`));

/** One loud line for each engine that cannot be had; the end of the run when all are required. */
const report = async (missing: readonly string[], stop: () => Promise<void>): Promise<void> => {
  for (const reason of missing) process.stderr.write(`\n!!! SKIPPING every test that needs it: ${reason}\n`);
  if (missing.length === 0 || process.env.TIDEGATE_REQUIRE !== 'all') return;
  await stop();
  throw new Error(`TIDEGATE_REQUIRE=all, but ${missing.join('; ')}`);
};

interface Tool {
  readonly variable: string;
  readonly debianPackage: string;
  readonly paths: readonly string[];
}

const tools = {
  chromium: {
    variable: 'CHROMIUM_PATH',
    debianPackage: 'chromium',
    paths: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  },
  prometheus: { variable: 'PROMETHEUS_PATH', debianPackage: 'prometheus', paths: ['/usr/bin/prometheus'] },
  promtool: { variable: 'PROMTOOL_PATH', debianPackage: 'prometheus', paths: ['/usr/bin/promtool'] },
  alertmanager: {
    variable: 'ALERTMANAGER_PATH',
    debianPackage: 'prometheus-alertmanager',
    paths: ['/usr/bin/prometheus-alertmanager', '/usr/bin/alertmanager'],
  },
} satisfies Readonly<Record<string, Tool>>;
type ToolName = keyof typeof tools;
const toolNames = Object.keys(tools) as ToolName[];

type FoundTools = Readonly<Record<ToolName, string | null>>;

const pathOf = ({ variable, paths }: Tool): string | null => {
  const named = process.env[variable];
  return (named === undefined ? paths : [named]).find((path) => existsSync(path)) ?? null;
};

const findTools = (): FoundTools =>
  Object.fromEntries(toolNames.map((name) => [name, pathOf(tools[name])])) as FoundTools;

const missingTools = (found: FoundTools): string[] =>
  toolNames
    .filter((name) => found[name] === null)
    .map((name) => {
      const { debianPackage, variable } = tools[name];
      return `no ${name}: install it (Debian: apt install ${debianPackage}), or set ${variable}`;
    });

/** In a process of its own: a native library that does not fit this machine may take its process down. */
const chdbProblem = async (): Promise<string | null> => {
  const script = "await import('chdb/connection')";
  try {
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    return null;
  } catch (error) {
    const said =
      messageOf(error)
        .split('\n')
        .find((line) => line.includes('Error')) ?? 'it cannot be loaded';
    return `no chdb: ${said.trim()}; get it with: npm install --include=optional`;
  }
};
