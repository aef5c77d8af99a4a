import { auditedTopics } from '../analytics/audit.ts';
import type { Database } from '../clickhouse/database.ts';
import type { Clock } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { Positions } from '../event/event-log.ts';
import type { TopicFacts } from '../kafka/topic-facts.ts';
import type { Context } from './context.ts';
import { adapter, schemeOf } from './engines.ts';
import {
  type ClockReading,
  judgeStart,
  type StartChecks,
  type StartFacts,
  tolerableSkewMs,
  unusableSkewMs,
} from './start-checks.ts';

/** How far another clock is off, as far as the way of the question does not explain it. */
export const readClock = async (name: string, clock: Clock, ask: () => Promise<number>): Promise<ClockReading> => {
  const askedAtMs = clock.nowMs();
  const theirsMs = await ask();
  const answeredAtMs = clock.nowMs();
  if (theirsMs > answeredAtMs) return { name, aheadMs: theirsMs - answeredAtMs };
  return { name, aheadMs: Math.min(0, theirsMs - askedAtMs) };
};

const kafkaTopics = async ({ config, clock, logger }: Context): Promise<readonly TopicFacts[]> => {
  if (schemeOf(config.kafkaUrl) === 'memory:') return [];
  const [{ connectKafka, logFailed }, { readTopicFacts }] = await adapter(() =>
    Promise.all([import('../kafka/client.ts'), import('../kafka/topic-facts.ts')]),
  );
  const connection = await connectKafka({ url: config.kafkaUrl, clock, logger });
  const thresholdsMs = [tolerableSkewMs, unusableSkewMs];
  try {
    return await readTopicFacts({ connection, topics: auditedTopics, thresholdsMs, logger });
  } catch (error) {
    throw logFailed('cannot look at the topics', error, true);
  } finally {
    await connection.admin.disconnect();
  }
};

const redisClocks = async ({ config, clock, logger }: Context): Promise<ClockReading[]> => {
  if (schemeOf(config.redisUrl) === 'memory:') return [];
  const [{ isCluster, openRedis }, { redisNowMs }] = await adapter(() =>
    Promise.all([import('../redis/client.ts'), import('../redis/server-check.ts')]),
  );
  const redis = await openRedis({ url: config.redisUrl, logger, onMisuse: 'ignore' });
  try {
    const [node] = isCluster(redis) ? redis.nodes('master') : [redis];
    return node ? [await readClock('Redis', clock, () => redisNowMs(node))] : [];
  } catch (error) {
    logger.debug({ cause: messageOf(error) }, 'the time of Redis could not be read');
    return [];
  } finally {
    redis.disconnect();
  }
};

export interface StartFactsOptions {
  readonly database: Database;
  /** The process uses Redis. */
  readonly withRedis: boolean;
}

/** Gathers what {@link judgeStart} judges. Changes nothing; rejects when the log or the database cannot be asked. */
export const readStartFacts = async (context: Context, options: StartFactsOptions): Promise<StartFacts> => {
  const { database, withRedis } = options;
  const { auditor } = database;
  const { clock } = context;
  const [topics, redis, fitness] = await Promise.all([
    kafkaTopics(context),
    withRedis ? redisClocks(context) : [],
    database.check(),
  ]);
  // Without its tables there is nothing to ask of it: that is what it is refused for.
  const hasTables = !fitness.some(({ ok, subject }) => !ok && (subject === 'migrations' || subject === 'version'));
  const ends = hasTables
    ? await Promise.all(topics.map(async ({ topic }) => [topic, await auditor.ledgerEnds(topic)] as const))
    : [];
  return {
    topics,
    ledgerEnds: new Map<string, Positions>(ends),
    database: fitness,
    busiestMinuteBlocks: hasTables ? await auditor.busiestMinuteBlocks() : null,
    clocks: [...redis, await readClock('ClickHouse', clock, () => auditor.nowMs())],
  };
};

/**
 * Looks at everything that exactness depends on before the first block is stored: warns of what is near a limit.
 *
 * @throws TidegateError ENGINE_UNFIT with every reason why it cannot start, and what to do.
 */
export const checkStart = async (context: Context, options: StartFactsOptions): Promise<StartChecks> => {
  const checks = judgeStart(await readStartFacts(context, options));
  for (const { state, subject, message } of checks.findings) {
    if (state === 'warn') context.logger.warn({ subject }, `${subject}: ${message}`);
  }
  const refused = checks.findings.filter(({ state }) => state === 'refuse');
  if (refused.length === 0) return checks;
  const problems = refused.map(({ subject, message }) => ({ path: subject, message }));
  const advice = problems.some(({ path }) => path === 'migrations') ? ': run tidegate migrate' : '';
  throw new TidegateError('ENGINE_UNFIT', `${options.database.name} and the event log are not ready${advice}`, {
    problems,
  });
};
