import type { ProcessPhase } from '../api/readiness.ts';
import { topics } from '../event/event-log.ts';
import { openAlertSide, readEndpoints } from './alert-side.ts';
import type { Context } from './context.ts';
import { openAnalytics, openCounters, openLog } from './engines.ts';
import { createHealth, type Look } from './health.ts';
import { openHealthSide } from './health-side.ts';
import type { Service } from './lifetime.ts';
import { databaseLook, ingestLook, logLook } from './looks.ts';
import { type MetricsSide, openMetricsSide } from './metrics-side.ts';
import { type Opened, openingAll } from './opened.ts';
import { openDetectSide, openIngestSide, readRules, requireShared } from './pipeline-side.ts';
import { openProbeSide } from './probe-side.ts';
import { checkStart } from './start-facts.ts';

interface WorkerOptions {
  readonly looks: readonly Look[];
  readonly defaultPort: number;
  readonly metrics: MetricsSide;
  readonly opened: Opened;
}

/** A worker that has joined its group: opens its probes and says how it stops. What it has not committed comes again. */
const workerOf = async (context: Context, { looks, defaultPort, metrics, opened }: WorkerOptions): Promise<Service> => {
  let phase: ProcessPhase = 'running';
  const { clock, redact } = context;
  const health = createHealth({ clock, phase: () => phase, looks, redact });
  await openProbeSide(context, { health, defaultPort, metrics, opened });
  return {
    drain: () => {
      phase = 'draining';
    },
    stages: [{ name: 'end the batch at hand, commit, close', run: () => opened.close() }],
    leftBehind: () => null,
  };
};

const defaultPorts = { ingest: 8081, detect: 8082 } as const;

/** Moves events from Kafka to ClickHouse. */
export const startIngest = (context: Context): Promise<Service> =>
  openingAll(async (opened) => {
    const { config, clock, logger } = context;
    requireShared('ingest', { kafkaUrl: config.kafkaUrl });
    const metrics = await openMetricsSide(context, { command: 'ingest', opened });
    const { measuring } = metrics;
    const log = opened.add(await openLog({ ...config, clock, logger }), (closing) => closing.close());
    const database = opened.add(await openAnalytics({ ...config, clock, logger }), (closing) => closing.close());
    const checks = await checkStart(context, { database, withRedis: false });
    measuring.checked(checks);
    openHealthSide(context, { command: 'ingest', log, metrics, opened });
    const { decisions } = await openIngestSide(context, { log, database, measuring, opened });
    const looks = [logLook(log, true), databaseLook(database.reader, true), ingestLook(decisions)];
    return workerOf(context, { looks, defaultPort: defaultPorts.ingest, metrics, opened });
  });

/** Concludes from Kafka whom to block. */
export const startDetect = (context: Context): Promise<Service> =>
  openingAll(async (opened) => {
    const { config, clock, logger } = context;
    requireShared('detect', { redisUrl: config.redisUrl, kafkaUrl: config.kafkaUrl });
    const rules = await readRules(context);
    const endpoints = readEndpoints(context);
    const metrics = await openMetricsSide(context, { command: 'detect', opened });
    const { measuring } = metrics;
    const counters = opened.add(await openCounters({ ...config, clock, logger, time: 'wall' }), (all) => all.close());
    const log = opened.add(await openLog({ ...config, clock, logger }), (closing) => closing.close());
    openHealthSide(context, { command: 'detect', log, metrics, opened });
    openAlertSide(context, { counters, endpoints, measuring, opened });
    const list = counters.blockList;
    const { detector } = await openDetectSide(context, { rules, log, blockList: list, measuring, opened });
    const blockList: Look = {
      name: 'block list',
      required: true,
      look: async () => `at change ${(await counters.blockList.snapshot()).sequence}`,
    };
    const detect: Look = {
      name: 'detect',
      required: true,
      look: async () => {
        const ends = await log.endPositions(topics.decisions);
        const own = [...detector.positions()];
        return `${own.reduce((sum, [partition, at]) => sum + Math.max(0, (ends.get(partition) ?? at) - at), 0)} records behind`;
      },
    };
    const looks = [logLook(log, true), blockList, detect];
    return workerOf(context, { looks, defaultPort: defaultPorts.detect, metrics, opened });
  });
