import type { ProcessPhase } from '../api/readiness.ts';
import { MemoryEventLog } from '../embedded/memory-event-log.ts';
import { openEvaluationSide, readAlertPlan } from './alert-evaluation.ts';
import { openAlertSide, readEndpoints } from './alert-side.ts';
import { generateToken, openApiSide, requireFreePort } from './api-side.ts';
import { checkClickHousePort, openClickHouseSide } from './clickhouse-side.ts';
import type { Context } from './context.ts';
import { checkEngineUrls, type Engines, openEngines, schemeOf } from './engines.ts';
import { type GateSide, openGateSide, openPolicies } from './gate-side.ts';
import { createHealth, type Look } from './health.ts';
import { openHealthSide } from './health-side.ts';
import type { Service, Stage } from './lifetime.ts';
import { blockListLook, databaseLook, ingestLook, logLook } from './looks.ts';
import { openMetricsSide } from './metrics-side.ts';
import { openingAll } from './opened.ts';
import { type DetectSide, type IngestSide, openDetectSide, openIngestSide, readRules } from './pipeline-side.ts';
import { reconciling } from './reconcile-side.ts';
import { checkStart } from './start-facts.ts';

/** A process that runs, and where it can be asked. */
export interface RunningService extends Service {
  readonly url: string;
  /** Made for this run; null: tokens are configured, or nobody is there to read it. */
  readonly generatedToken: string | null;
}

/** Decisions that no log has, in words. */
export const unsentOf = ({ emitter }: GateSide): string | null => {
  const { waiting, lost } = emitter.stats();
  return waiting + lost > 0 ? `${waiting + lost} decisions never reached the event log` : null;
};

/** Sends what was decided; half of the time is left for what comes behind it. */
export const emitStage = ({ emitter }: GateSide, { config }: Context): Stage => ({
  name: 'send events',
  run: () => emitter.close(config.shutdownTimeoutMs / 2),
});

/** For the last changes of a block list that ends with the process, too. */
const settleMs = 2000;

/** A log in this process ends with it: everything in it must be stored first. Kafka keeps it for the next start. */
const catchUpStage = (side: IngestSide, detectSide: DetectSide): Stage => ({
  name: 'ingest',
  run: async () => {
    await detectSide.settle(settleMs);
    await side.catchUp();
  },
});

type Parts = Pick<Engines, 'log' | 'database'> & { readonly gateSide: GateSide; readonly ingestSide: IngestSide };

const looksAt = ({ log, database, gateSide, ingestSide }: Parts): readonly Look[] => [
  blockListLook(gateSide.replica, false),
  logLook(log, false),
  ingestLook(ingestSide.decisions),
  databaseLook(database.reader, true),
];

/** Everything in one process: gate, API, ingest, detector and the block list between them. */
export const startUp = (context: Context, isTerminal: boolean): Promise<RunningService> =>
  openingAll(async (opened) => {
    const { config, clock, logger, redact } = context;
    let phase: ProcessPhase = 'starting';
    // Files and the port first: what a person has to correct is said before any engine is touched.
    checkEngineUrls(config);
    const rules = await readRules(context);
    const endpoints = readEndpoints(context);
    const plan = readAlertPlan(context);
    const metrics = await openMetricsSide(context, { command: 'up', opened });
    const { measuring } = metrics;
    const policies = await openPolicies(context, opened, measuring);
    await requireFreePort(config);
    const hasReaders = await checkClickHousePort(config);
    const engines = opened.add(await openEngines({ ...config, hasReaders, clock, logger, time: 'wall' }), (all) =>
      all.close(),
    );
    const { log, database, blockList } = engines;
    await database.migrate();
    measuring.checked(await checkStart(context, { database, withRedis: true }));
    if (log instanceof MemoryEventLog) measuring.observeLog(log);
    const ingestSide = await openIngestSide(context, { log, database, measuring, opened });
    const detectSide = await openDetectSide(context, { rules, log, blockList, measuring, opened });
    const health = openHealthSide(context, { command: 'up', log, metrics, opened });
    openAlertSide(context, { counters: engines, endpoints, measuring, opened });
    const evaluating = { plan, counters: engines, database, window: health.samples, measuring, opened };
    const alerts = openEvaluationSide(context, evaluating);
    const deciding = { policies, counters: engines, log, measuring, opened };
    const gateSide = await openGateSide(context, { ...deciding, service: 'up' });
    health.tellOf({ gateId: gateSide.gateId, gates: () => gateSide.fleet.gates() });
    const generatedToken = config.apiTokens.length === 0 && isTerminal ? generateToken() : null;
    const looks = looksAt({ ...engines, gateSide, ingestSide });
    const api = opened.add(
      await openApiSide(context, {
        gateSide,
        counters: engines,
        reader: database.reader,
        evidence: database.evidence,
        reconciliation: reconciling({ auditor: database.auditor, log, clock }),
        ingester: ingestSide.decisions,
        rules,
        phase: () => phase,
        health: createHealth({ clock, phase: () => phase, looks, redact }),
        tokens: generatedToken === null ? config.apiTokens : [generatedToken],
        metrics,
        alerts,
      }),
      (side) => side.close(),
    );
    const readersUrl = hasReaders ? await openClickHouseSide(context, { database, opened }) : null;
    database.announce(api.url, readersUrl ?? '');
    phase = 'running';
    const isEmbeddedLog = schemeOf(config.kafkaUrl) === 'memory:';
    let stored = !isEmbeddedLog;
    const catchUp = catchUpStage(ingestSide, detectSide);
    return {
      url: api.url,
      generatedToken,
      drain: () => {
        phase = 'draining';
      },
      stages: [
        { name: 'end requests', run: () => api.close() },
        emitStage(gateSide, context),
        ...(isEmbeddedLog
          ? [
              {
                name: catchUp.name,
                run: async () => {
                  await catchUp.run();
                  stored = true;
                },
              },
            ]
          : []),
        { name: 'close', run: () => opened.close() },
      ],
      leftBehind: () => unsentOf(gateSide) ?? (stored ? null : 'the in-process log still held events'),
    };
  });
