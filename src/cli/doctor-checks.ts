import { type Breaker, type Switches, switched } from '../blocklist/block-switches.ts';
import type { Database } from '../clickhouse/database.ts';
import { readRuleFile } from '../detect/rule-file.ts';
import { ruleWarnings } from '../detect/rule-warnings.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { topics } from '../event/event-log.ts';
import { misuseCatalogue } from '../misuse.ts';
import { readPolicyFile } from '../policy/policy-file.ts';
import type { ServerFinding } from '../redis/server-check.ts';
import type { Context } from './context.ts';
import { adapter, openAnalytics, openCounters, schemeOf } from './engines.ts';
import { sentence } from './failure.ts';
import { shippedFiles } from './settings.ts';
import { judgeStart } from './start-checks.ts';
import { readStartFacts } from './start-facts.ts';
import { plainText, untilText } from './time-text.ts';

export type CheckState = 'ok' | 'warn' | 'fail';

/** What was looked at, how it is, and what to do about it. */
export interface Check {
  readonly subject: string;
  readonly state: CheckState;
  readonly message: string;
}

const ok = (subject: string, message: string): Check => ({ subject, state: 'ok', message });
const warn = (subject: string, message: string): Check => ({ subject, state: 'warn', message });
const fail = (subject: string, message: string): Check => ({ subject, state: 'fail', message });

/** What stopped a group of checks, as one. */
const failure = (subject: string, thrown: unknown): Check => {
  if (!(thrown instanceof TidegateError)) return fail(subject, messageOf(thrown));
  const problems = thrown.problems.map(({ path, message }) => `\n${path}: ${message}`).join('');
  // The folder is in good hands: a tidegate that runs has it.
  const state = thrown.code === 'DATA_LOCKED' ? warn : fail;
  return state(subject, `${sentence(thrown.message)} ${thrown.next}${problems}`);
};

const oldestRedis = [6, 2] as const;

/** `redis_version:7.0.15` and the like, by name. */
const parseInfo = (text: string): Map<string, string> =>
  new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, name, value] = /^(\w+):(.*?)\r?$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );

/** What an INFO reply says about being fit for counters and blocks. */
export const redisFindings = (infoText: string): Check[] => {
  const info = parseInfo(infoText);
  const version = info.get('redis_version') ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNew = major > oldestRedis[0] || (major === oldestRedis[0] && minor >= oldestRedis[1]);
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  const remedy = 'set maxmemory-policy noeviction, or counters and blocks vanish under memory pressure';
  const eviction = { noeviction: ok, unknown: warn }[policy] ?? (policy.startsWith('volatile-') ? warn : fail);
  const role = info.get('role') ?? 'master';
  return [
    isNew
      ? ok('redis version', version)
      : fail('redis version', `${version}; tidegate needs ${oldestRedis.join('.')} or newer`),
    eviction('redis maxmemory-policy', policy === 'noeviction' ? policy : `${policy}; ${remedy}`),
    role === 'master'
      ? ok('redis role', role)
      : fail('redis role', `${role}; name the primary, a replica takes no writes`),
  ];
};

/** What else was looked at: evictions have the row of their setting. */
const lookedAt = [
  { code: 'TIDEGATE_REDIS_NEARLY_FULL', subject: 'redis memory', fit: 'enough is left' },
  { code: 'TIDEGATE_CLOCK_APART', subject: 'redis clock', fit: 'within a second of this one' },
] as const;

/** One row for each kind, whether it was found or not. */
export const serverChecks = (findings: readonly ServerFinding[]): Check[] =>
  lookedAt.map(({ code, subject, fit }) => {
    const found = findings.find((finding) => finding.code === code);
    return found ? warn(subject, `${found.seen}; ${misuseCatalogue[code].next}`) : ok(subject, fit);
  });

const isTls = (url: string): boolean => /^(?:rediss\b|https:)/i.test(url) || /[?&]ssl=true/.test(url);
const transport = (url: string): string => (schemeOf(url) === 'chdb:' ? 'in process' : isTls(url) ? 'TLS' : 'no TLS');

/** What all nodes of a cluster have in common is told once. */
const distinct = (checks: readonly Check[]): Check[] => [
  ...new Map(checks.map((check) => [`${check.subject} ${check.message}`, check])).values(),
];

const checkRedis = async ({ config: { redisUrl: url }, clock, logger }: Context): Promise<Check[]> => {
  if (schemeOf(url) === 'memory:') return [ok('redis', 'memory: counters and blocks live in the process that runs')];
  const [{ isCluster, openRedis, redisAddress }, { inspectRedis }] = await adapter(() =>
    Promise.all([import('../redis/client.ts'), import('../redis/server-check.ts')]),
  );
  const redis = await openRedis({ url, logger, onMisuse: 'ignore' });
  try {
    const nodes = isCluster(redis) ? redis.nodes('master') : [redis];
    const found = await Promise.all(nodes.map(async (node) => redisFindings(await node.info())));
    const many = isCluster(redis) ? `, ${nodes.length} nodes` : '';
    return [
      ok('redis', `${redisAddress(url)} answers${many}, ${transport(url)}`),
      ...distinct(found.flat()),
      ...serverChecks(await inspectRedis({ redis, clock, logger })),
    ];
  } finally {
    redis.disconnect();
  }
};

const checkKafka = async ({ config: { kafkaUrl: url }, clock, logger }: Context): Promise<Check[]> => {
  if (schemeOf(url) === 'memory:') return [ok('kafka', 'memory: the event log lives in the process that runs')];
  const { connectKafka } = await adapter(() => import('../kafka/client.ts'));
  const { admin, address, brokerCount } = await connectKafka({ url, clock, logger });
  try {
    const existing = new Set(await admin.listTopics());
    const wanted = Object.values(topics);
    const { topics: described } = await admin.fetchTopicMetadata({
      topics: wanted.filter((topic) => existing.has(topic)),
    });
    return [
      ok('kafka', `${address.text} answers, ${brokerCount} brokers, ${transport(url)}`),
      ...described.map(({ name, partitions }) => ok(`topic ${name}`, `${partitions.length} partitions`)),
      ...wanted
        .filter((topic) => !existing.has(topic))
        .map((topic) => warn(`topic ${topic}`, 'is not there yet; the first process that needs it creates it')),
    ];
  } finally {
    await admin.disconnect();
  }
};

/** What a start of ingest would look at, beyond what the others have said. A log that is away has its own row. */
const checkPipeline = async (context: Context, database: Database): Promise<Check[]> => {
  try {
    const facts = await readStartFacts(context, { database, withRedis: false });
    const said = new Set(facts.database.map(({ subject }) => subject));
    const states = { ok, warn, refuse: fail } as const;
    return judgeStart(facts)
      .findings.filter(({ subject }) => !said.has(subject))
      .map(({ state, subject, message }) => states[state](`pipeline ${subject}`, message));
  } catch (error) {
    if (error instanceof TidegateError && error.code === 'ENGINE_UNREACHABLE') return [];
    return [failure('pipeline', error)];
  }
};

const checkDatabase = async (context: Context): Promise<Check[]> => {
  const { config, clock, logger } = context;
  const database = await openAnalytics({ ...config, clock, logger });
  try {
    // tidegate up brings its own tables up to date; a server that others share waits for tidegate migrate.
    const isOwn = schemeOf(config.clickhouseUrl) === 'chdb:';
    const found = (await database.check()).map(({ ok: isOk, subject, message }) => {
      const state = isOk ? ok : isOwn && subject === 'migrations' ? warn : fail;
      return state(`clickhouse ${subject}`, message);
    });
    const pipeline = await checkPipeline(context, database);
    return [ok('clickhouse', `${database.name} answers, ${transport(config.clickhouseUrl)}`), ...found, ...pipeline];
  } finally {
    await database.close();
  }
};

const checkPolicies = async ({ config }: Context): Promise<Check[]> => {
  const path = config.policiesFile ?? shippedFiles.policies;
  const { policies, version, warnings } = await readPolicyFile(path);
  const found = ok('policies', `${path}: ${policies.length} policies, version ${version}`);
  return [found, ...warnings.map((warning) => warn('policies', `${warning.path} ${warning.message}`))];
};

const checkRules = async ({ config, clock }: Context): Promise<Check[]> => {
  const path = config.rulesFile ?? shippedFiles.rules;
  const set = await readRuleFile(path);
  const warnings = ruleWarnings(set, clock.nowMs());
  const found = ok('rules', `${path}: ${set.rules.length} rules, version ${set.version}`);
  return [found, ...warnings.map((warning) => warn('rules', `${warning.path} ${warning.message}`))];
};

/** What operators have set and may have forgotten, and what waits for them. */
export const listChecks = (switches: Switches, breakers: readonly Breaker[], nowMs: number): Check[] => {
  const off = switched.flatMap((what) => {
    const one = switches[what];
    if (one === null || one.untilMs <= nowMs) return [];
    const who = `${plainText(one.actor)}: ${plainText(one.note)}`;
    return [
      warn('kill switch', `${what} are OFF until ${untilText(one.untilMs, nowMs)}, by ${who}; tidegate panic off`),
    ];
  });
  const open = breakers
    .filter(({ state }) => state === 'open')
    .map(({ rule, reason }) =>
      warn('rule budgets', `${rule} only proposes: ${plainText(reason)}; tidegate blocks list --state proposed`),
    );
  return [
    ...(off.length > 0 ? off : [ok('kill switch', 'blocks and limits are on')]),
    ...(open.length > 0 ? open : [ok('rule budgets', 'no rule is over its budget')]),
  ];
};

const checkBlockList = async ({ config, clock, logger }: Context): Promise<Check[]> => {
  if (schemeOf(config.redisUrl) === 'memory:') return [];
  const counters = await openCounters({ ...config, clock, logger, time: 'wall' });
  try {
    const [switches, breakers] = await Promise.all([counters.blockList.switches(), counters.blockList.breakers()]);
    return listChecks(switches, breakers, clock.nowMs());
  } catch (error) {
    return [failure('block list', error)];
  } finally {
    await counters.close();
  }
};

const checkTokens = ({ config }: Context): Promise<Check[]> => {
  const count = config.apiTokens.length;
  const none = warn('api tokens', 'none: nobody can read or lift blocks over the API; set TIDEGATE_API_TOKENS');
  return Promise.resolve([count === 0 ? none : ok('api tokens', `${count} configured`)]);
};

/** A Redis that is away has its own row. */
const unlessAway = (error: unknown): Check[] => {
  if (error instanceof TidegateError && error.code === 'ENGINE_UNREACHABLE') return [];
  throw error;
};

/** Every check there is; one that cannot be made fails, and the others go on. */
export const checkEverything = async (context: Context): Promise<Check[]> => {
  const groups: Readonly<Record<string, (context: Context) => Promise<Check[]>>> = {
    redis: checkRedis,
    kafka: checkKafka,
    clickhouse: checkDatabase,
    policies: checkPolicies,
    rules: checkRules,
    'block list': (asked) => checkBlockList(asked).catch(unlessAway),
    'api tokens': checkTokens,
  };
  const checks = await Promise.all(
    Object.entries(groups).map(([subject, check]) =>
      check(context).catch((error: unknown) => [failure(subject, error)]),
    ),
  );
  return checks.flat().map((check) => ({ ...check, message: context.redact(check.message) }));
};
