import type { Command } from 'commander';
import { auditedTopics } from '../analytics/audit.ts';
import { reconcile } from '../analytics/audit-reconcile.ts';
import { type ReconciliationView, reconciliationView } from '../api/reconcile-routes.ts';
import { parseDurationMs } from '../duration.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { contextOf, type Host, settingsCommand } from './command-line.ts';
import type { Context } from './context.ts';
import { adapter, checkEngineUrls, openLog, schemeOf } from './engines.ts';
import { exitCodes } from './failure.ts';
import { openingAll } from './opened.ts';
import { logSideOf } from './reconcile-log.ts';
import { reconciliationText } from './reconcile-text.ts';
import { openStoredDatabase } from './stored-database.ts';

interface Flags {
  readonly topic?: string;
  readonly since?: string;
  readonly silent?: string;
  readonly json?: boolean;
}

interface Asked {
  readonly topics: readonly string[];
  readonly sinceMs: number;
  readonly silentMs: number;
}

const durationOf = (flag: string, text: string): number => {
  const ms = parseDurationMs(text);
  if (ms !== null && ms > 0) return ms;
  throw new TidegateError('CONFIG_INVALID', `${flag} must be a duration such as 15m, 12h or 7d`);
};

const askedOf = ({ topic, since, silent }: Flags, nowMs: number): Asked => {
  if (topic !== undefined && !auditedTopics.includes(topic)) {
    throw new TidegateError('CONFIG_INVALID', `--topic must be one of ${auditedTopics.join(', ')}`);
  }
  return {
    topics: topic === undefined ? auditedTopics : [topic],
    sinceMs: since === undefined ? 0 : nowMs - durationOf('--since', since),
    silentMs: durationOf('--silent', silent ?? '10m'),
  };
};

/** Topics that are there: asking a broker for another one would create it. */
const existingTopics = async ({ config, clock, logger }: Context): Promise<ReadonlySet<string>> => {
  if (schemeOf(config.kafkaUrl) === 'memory:') return new Set();
  const { connectKafka } = await adapter(() => import('../kafka/client.ts'));
  const { admin } = await connectKafka({ url: config.kafkaUrl, clock, logger });
  try {
    return new Set(await admin.listTopics());
  } catch (cause) {
    throw new TidegateError('LOG_FAILED', `Kafka does not list its topics: ${messageOf(cause)}`, { cause });
  } finally {
    await admin.disconnect();
  }
};

const askEngines = (context: Context, asked: Asked): Promise<ReconciliationView> =>
  openingAll(async (opened) => {
    const { config, clock, logger } = context;
    const database = await openStoredDatabase(context, opened);
    const existing = await existingTopics(context);
    const log = opened.add(await openLog({ ...config, clock, logger }), (closing) => closing.close());
    const side = logSideOf(log, (topic) => existing.has(topic));
    const answer = await reconcile({ auditor: database.auditor, log: side, ...asked });
    await opened.close();
    return reconciliationView(answer);
  });

/** A folder that a running `tidegate up` holds: null when it has not said where to ask. */
const endpointOfHolder = async ({ config }: Context): Promise<string | null> => {
  if (schemeOf(config.clickhouseUrl) !== 'chdb:') return null;
  const { endpointOf } = await import('../embedded/folder-lock.ts');
  return endpointOf(config.clickhouseUrl.slice('chdb:'.length));
};

const apiAnswerMs = 60_000;

const askApi = async (endpoint: string, { topics }: Asked): Promise<ReconciliationView> => {
  const url = new URL('/v1/reconciliation', endpoint);
  const [topic] = topics;
  if (topics.length === 1 && topic !== undefined) url.searchParams.set('topic', topic);
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(apiAnswerMs) });
    if (!answer.ok) throw new Error(`${answer.status} ${(await answer.text()).slice(0, 300)}`);
    return (await answer.json()) as ReconciliationView;
  } catch (cause) {
    const message = `${url} holds the data, and does not answer: ${messageOf(cause)}`;
    throw new TidegateError('ENGINE_UNREACHABLE', message, { cause });
  }
};

const ask = async (context: Context, flags: Flags): Promise<ReconciliationView> => {
  checkEngineUrls(context.config);
  const asked = askedOf(flags, context.clock.nowMs());
  const endpoint = await endpointOfHolder(context);
  if (endpoint === null) return askEngines(context, asked);
  if (flags.since !== undefined || flags.silent !== undefined) {
    const message = `The data is held by a process at ${endpoint}, which is asked instead, always for all that is kept: leave out --since and --silent`;
    throw new TidegateError('CONFIG_INVALID', message);
  }
  return askApi(endpoint, asked);
};

/** Whatever keeps the question from being answered, a log or a database that is away included, is no drift. */
const unanswered = (thrown: unknown): unknown =>
  thrown instanceof TidegateError && (thrown.code === 'TABLE_FAILED' || thrown.code === 'LOG_FAILED')
    ? new TidegateError('ENGINE_UNREACHABLE', thrown.message, { cause: thrown })
    : thrown;

/** `tidegate reconcile`. */
export const reconcileCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'reconcile',
    summary: 'Compare log, ledger, rows and rollups, and show the drift as a number',
    settings: ['kafkaUrl', 'clickhouseUrl', 'logLevel'],
    help: `
Changes nothing and may run beside everything else: what is on its way is never taken for drift. Where \`tidegate up\` holds the
data folder, its API is asked. What each finding means: docs/guides/reconcile.md.
Exit codes: 0 every number agrees, 1 drift, 2 it could not be asked.

Examples:
  $ tidegate reconcile
  $ tidegate reconcile --kafka-url kafka://kafka:9092 --clickhouse-url http://clickhouse:8123/default --since 24h
  $ tidegate reconcile --json | jq .drift`,
  })
    .option('--topic <name>', `one topic alone: ${auditedTopics.join(', ')} (default: all)`)
    .option(
      '--since <duration>',
      'rows and rollups from the start of that day on, such as 24h or 7d (default: all that is kept)',
    )
    .option('--silent <duration>', 'emitters that have not ended are worth a note after so long (default: 10m)')
    .option('--json', 'print the answer as one line, as GET /v1/reconciliation gives it');
  return command.action(async (flags: Flags) => {
    const context = await contextOf(command, host);
    const view = await ask(context, flags).catch((error: unknown) => {
      throw unanswered(error);
    });
    host.stdout.write(flags.json === true ? `${JSON.stringify(view)}\n` : context.redact(reconciliationText(view)));
    if (view.drift > 0) process.exitCode = exitCodes.failed;
  });
};
