import { randomBytes } from 'node:crypto';
import type { Database } from '../clickhouse/database.ts';
import { type Clock, ManualClock, systemClock } from '../clock.ts';
import { readRuleFile } from '../detect/rule-file.ts';
import { TidegateError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { PolicySource } from '../policy/policy.ts';
import { watchPolicyFile } from '../policy/policy-file.ts';
import { type AccessLog, readAccessLogs } from '../replay/access-log.ts';
import { type ReplayEngines, replay, replayGroups } from '../replay/replay.ts';
import type { PolicyChange, ReplayReport } from '../replay/report.ts';
import { textReport } from '../replay/text-report.ts';
import { checkEngineUrls, openAnalytics, openCounters, openLog, schemeOf } from './engines.ts';
import { createLogger } from './logging.ts';
import { Opened } from './opened.ts';
import { redactorFor } from './redact.ts';
import type { ReplayFlags } from './replay.ts';
import { guardReplay, Interrupted, interruptedExitCode, type ReplayGuard } from './replay-guard.ts';
import { type ReplayProgress, replayProgress } from './replay-progress.ts';

/** What every step of the command needs. */
interface Session {
  readonly flags: ReplayFlags;
  readonly opened: Opened;
  readonly logger: Logger;
  readonly wallClock: Clock;
  readonly logClock: ManualClock;
  readonly progress: ReplayProgress;
  /** Names namespace, topic and groups of this run alone. */
  readonly runName: string;
}

/** The same on every engine: frames, and with them evidence, do not depend on where they are kept. */
const partitions = 12;

/** Longest pause between two instants of the log. */
const stepPatienceMs = 60_000;
/** At the end everything is stored, which takes its time after millions of lines. */
const settlePatienceMs = 900_000;
/** Engines that went away cannot be closed in order. */
const closePatienceMs = 10_000;

const openDatabase = async ({ flags, opened, logger, wallClock }: Session): Promise<Database> => {
  // A replayed log may be ten years old: nothing may expire. That is why it wants a database of its own.
  const options = { clickhouseUrl: flags.clickhouseUrl, clock: wallClock, logger, rawTtlDays: 0 };
  const database = opened.add(await openAnalytics(options), (open) => open.close());
  const held = await database.reader.totals().catch(() => null);
  if (held !== null && held.decisions > 0) {
    const message = `${database.name} holds decisions already; a replay switches retention off and needs an empty database`;
    throw new TidegateError('CONFIG_INVALID', message);
  }
  await database.migrate();
  return database;
};

/** What a run leaves on shared engines goes when everything that uses it is closed. */
const cleanUpLater = async ({ flags, opened, wallClock, logger, runName }: Session): Promise<void> => {
  const { redisUrl, kafkaUrl } = flags;
  if (schemeOf(redisUrl) !== 'memory:') {
    const { forgetNamespace } = await import('../redis/forget-namespace.ts');
    opened.add(runName, async (namespace) => void (await forgetNamespace({ url: redisUrl, namespace })));
  }
  if (schemeOf(kafkaUrl) !== 'memory:') {
    const { forgetTopic } = await import('../kafka/forget-topic.ts');
    const { ingest, detect } = replayGroups(runName);
    const groups = [ingest, detect];
    opened.add(runName, (topic) => forgetTopic({ url: kafkaUrl, clock: wallClock, logger, topic, groups }));
  }
};

const openReplayEngines = async (session: Session): Promise<ReplayEngines> => {
  const { flags, opened, logger, logClock, wallClock, runName } = session;
  await cleanUpLater(session);
  const { redisUrl, kafkaUrl } = flags;
  const counterOptions = { redisUrl, namespace: runName, clock: logClock, logger, time: 'log' } as const;
  const counters = opened.add(await openCounters(counterOptions), (open) => open.close());
  const log = opened.add(await openLog({ kafkaUrl, clock: wallClock, logger, partitions }), (open) => open.close());
  const { table, reader } = await openDatabase(session);
  return { limitStore: counters.limitStore, blockList: counters.blockList, log, table, reader };
};

/** The watched policies, and what became of each new version. */
const openPolicies = async (session: Session): Promise<{ policies: PolicySource; changes: PolicyChange[] }> => {
  const { flags, opened, wallClock, logClock, progress } = session;
  const changes: PolicyChange[] = [];
  const at = (): string => new Date(logClock.nowMs()).toISOString();
  const onRefused = (error: TidegateError): void => {
    changes.push({ at: at(), version: '', accepted: false });
    const problems = error.problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
    progress.say(
      `policies refused, the last good ones stay: ${error.message}${problems === '' ? '' : `: ${problems}`}`,
    );
  };
  const policies = opened.add(await watchPolicyFile({ path: flags.policies, clock: wallClock, onRefused }), (open) =>
    open.close(),
  );
  policies.onChange(({ version }) => {
    changes.push({ at: at(), version, accepted: true });
    progress.say(`policies changed: version ${version} is live from ${at()} (log time)`);
  });
  return { policies, changes };
};

const readLogs = async (
  session: Session,
  files: readonly string[],
): Promise<{ accessLog: AccessLog; readingUs: number }> => {
  const { wallClock, progress } = session;
  const startedUs = wallClock.monotonicUs();
  const onLines = (lines: number): void => progress.reading(lines);
  const accessLog = await readAccessLogs({ files, stdin: process.stdin, onLines });
  return { accessLog, readingUs: wallClock.monotonicUs() - startedUs };
};

const runReplay = async (session: Session, files: readonly string[], guard: ReplayGuard): Promise<ReplayReport> => {
  const { flags, logger, logClock, wallClock, progress, runName } = session;
  checkEngineUrls(flags);
  const { policies, changes } = await openPolicies(session);
  const rules = await readRuleFile(flags.rules);
  const reading = await readLogs(session, files);
  const engines = await openReplayEngines(session);
  const requests = reading.accessLog.requests.length;
  progress.replaying(requests);
  guard.alive(stepPatienceMs);
  return replay({
    ...reading,
    policies,
    policyChanges: () => changes,
    rules,
    engines,
    logClock,
    wallClock,
    logger,
    runName,
    onStep: (decided) => {
      guard.alive(decided === requests ? settlePatienceMs : stepPatienceMs);
      progress.decided(decided);
    },
  });
};

const print = (report: ReplayReport, json: boolean): void => {
  process.stdout.write(`${json ? JSON.stringify(report) : textReport(report)}\n`);
  const { decisions, clickhouse } = report;
  if (clickhouse.decisions === decisions) return;
  throw new TidegateError(
    'TOTALS_DIFFER',
    `ClickHouse holds ${clickhouse.decisions} decisions, ${decisions} were taken`,
  );
};

/** What `tidegate replay` does. Throws TidegateError; TOTALS_DIFFER after the report. */
export const runReplayCommand = async (files: readonly string[], flags: ReplayFlags): Promise<void> => {
  const redact = redactorFor([flags.redisUrl, flags.kafkaUrl, flags.clickhouseUrl], []);
  const progress = replayProgress(process.stderr.isTTY === true);
  const session: Session = {
    flags,
    opened: new Opened(),
    logger: await createLogger({ level: 'warn', redact }),
    wallClock: systemClock,
    logClock: new ManualClock(),
    progress,
    runName: `replay-${randomBytes(6).toString('hex')}`,
  };
  const guard = guardReplay(session.wallClock);
  try {
    const report = await Promise.race([runReplay(session, files, guard), guard.ended]);
    progress.stop();
    print(report, flags.json);
  } catch (error) {
    progress.stop();
    if (!(error instanceof Interrupted)) throw error;
    process.exitCode = interruptedExitCode;
  } finally {
    guard.release();
    await Promise.race([session.opened.close(), session.wallClock.sleep(closePatienceMs)]);
  }
};
