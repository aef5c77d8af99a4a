import type { ProcessPhase } from '../api/readiness.ts';
import { openEvaluationSide, readAlertPlan } from './alert-evaluation.ts';
import { openAlertSide, readEndpoints } from './alert-side.ts';
import { generateToken, openApiSide, requireFreePort } from './api-side.ts';
import type { Context } from './context.ts';
import { checkEngineUrls, openAnalytics, openCounters, openLog, schemeOf } from './engines.ts';
import { openGateSide, openPolicies } from './gate-side.ts';
import { createHealth } from './health.ts';
import { openHealthSide } from './health-side.ts';
import { LateReader } from './late-reader.ts';
import { blockListLook, databaseLook, logLook } from './looks.ts';
import { openMetricsSide } from './metrics-side.ts';
import { type Opened, openingAll } from './opened.ts';
import { requireShared } from './pipeline-side.ts';
import { reconciling } from './reconcile-side.ts';
import { emitStage, type RunningService, unsentOf } from './up.ts';

/**
 * The database for the API's questions. A gate decides without it, so it may come later; a chdb: folder belongs to
 * another process in any case.
 */
const openReader = ({ config, clock, logger }: Context, opened: Opened): LateReader | null => {
  if (schemeOf(config.clickhouseUrl) === 'chdb:') return null;
  const open = () => openAnalytics({ ...config, clock, logger });
  return opened.add(new LateReader({ open, clock }), (closing) => closing.close());
};

/** Gate and API; ingest and detectors run elsewhere. */
export const startServe = (context: Context, isTerminal: boolean): Promise<RunningService> =>
  openingAll(async (opened) => {
    const { config, clock, logger, redact } = context;
    requireShared('serve', { redisUrl: config.redisUrl, kafkaUrl: config.kafkaUrl });
    checkEngineUrls(config);
    let phase: ProcessPhase = 'starting';
    const endpoints = readEndpoints(context);
    const plan = readAlertPlan(context);
    const metrics = await openMetricsSide(context, { command: 'serve', opened });
    const { measuring } = metrics;
    const policies = await openPolicies(context, opened, measuring);
    await requireFreePort(config);
    const counters = opened.add(await openCounters({ ...config, clock, logger, time: 'wall' }), (all) => all.close());
    const log = opened.add(await openLog({ ...config, clock, logger }), (closing) => closing.close());
    const reader = openReader(context, opened);
    const health = openHealthSide(context, { command: 'serve', log, metrics, opened });
    openAlertSide(context, { counters, endpoints, measuring, opened });
    const evaluating = { plan, counters, database: reader, window: health.samples, measuring, opened };
    const alerts = openEvaluationSide(context, evaluating);
    const gateSide = await openGateSide(context, {
      ...{ policies, counters, log, measuring, opened },
      service: 'serve',
    });
    health.tellOf({ gateId: gateSide.gateId, gates: () => gateSide.fleet.gates() });
    const generatedToken = config.apiTokens.length === 0 && isTerminal ? generateToken() : null;
    const looks = [blockListLook(gateSide.replica, false), logLook(log, false)];
    if (reader) looks.push(databaseLook(reader, false));
    const api = opened.add(
      await openApiSide(context, {
        gateSide,
        counters,
        reader,
        evidence: reader?.evidence ?? null,
        reconciliation: reader && reconciling({ auditor: reader.auditor, log, clock }),
        ingester: null,
        phase: () => phase,
        health: createHealth({ clock, phase: () => phase, looks, redact }),
        tokens: generatedToken === null ? config.apiTokens : [generatedToken],
        metrics,
        alerts,
      }),
      (side) => side.close(),
    );
    phase = 'running';
    return {
      url: api.url,
      generatedToken,
      drain: () => {
        phase = 'draining';
      },
      stages: [
        { name: 'end requests', run: () => api.close() },
        emitStage(gateSide, context),
        { name: 'close', run: () => opened.close() },
      ],
      leftBehind: () => unsentOf(gateSide),
    };
  });
