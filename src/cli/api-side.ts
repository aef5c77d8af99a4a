import { randomBytes } from 'node:crypto';
import { tellsOfGates } from '../alert/gate-samples.ts';
import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { EvidenceReader } from '../analytics/verify-rows.ts';
import type { Health, ProcessPhase } from '../api/readiness.ts';
import type { AskReconciliation } from '../api/reconcile-routes.ts';
import { createApi } from '../api/server.ts';
import type { Status } from '../api/status-routes.ts';
import type { RuleSet } from '../detect/rule.ts';
import { TidegateError } from '../errors.ts';
import type { Ingester } from '../ingest/ingester.ts';
import { createReview } from '../review/review.ts';
import { abuseStatus } from './abuse-status.ts';
import { openAuthenticators } from './access-side.ts';
import type { AlertsSide } from './alert-evaluation.ts';
import { notifying } from './alert-side.ts';
import { readConsolePage } from './console-page.ts';
import type { Context } from './context.ts';
import type { Counters } from './engines.ts';
import type { GateSide } from './gate-side.ts';
import { sharing } from './health.ts';
import { checkPort, listen } from './listen.ts';
import { lagOf } from './looks.ts';
import { manifest } from './manifest.ts';
import type { MetricsSide } from './metrics-side.ts';
import { ReviewWatch } from './review-watch.ts';
import type { Config } from './settings.ts';

/** A token for this run alone, for a person who has configured none. */
export const generateToken = (): string => randomBytes(24).toString('base64url');

export interface ApiSideOptions {
  readonly gateSide: GateSide;
  readonly counters: Pick<Counters, 'limitStore' | 'blockList' | 'tokens' | 'outbox' | 'records'>;
  /** Null: not in reach of this process. */
  readonly reader: DecisionReader | null;
  /** Of the same database. Default: not in reach. */
  readonly evidence?: EvidenceReader | null;
  /** Null: the database is not in reach of this process. */
  readonly reconciliation?: AskReconciliation | null;
  /** Null: ingest runs elsewhere. */
  readonly ingester: Ingester | null;
  /** Those of the detector. Default: it runs elsewhere. */
  readonly rules?: RuleSet;
  readonly phase: () => ProcessPhase;
  readonly health: Health;
  readonly tokens: readonly string[];
  /** Default: no /metrics. */
  readonly metrics?: MetricsSide;
  /** Null, or left out: alerts are evaluated elsewhere. */
  readonly alerts?: AlertsSide | null;
  /** See createApi. */
  readonly openReads?: boolean;
}

type Parts = Pick<ApiSideOptions, 'gateSide' | 'reader' | 'ingester' | 'phase' | 'counters' | 'rules'>;

const storedOf = async (reader: DecisionReader, nowMs: number): Promise<Status['stored']> => {
  const [{ decisions }, { newestEventAtMs }] = await Promise.all([reader.totals(), reader.freshness()]);
  return {
    decisions,
    newestAt: newestEventAtMs === null ? null : new Date(newestEventAtMs).toISOString(),
    freshnessMs: newestEventAtMs === null ? null : Math.max(0, nowMs - newestEventAtMs),
  };
};

const statusOf = ({ config, clock, logger }: Context, parts: Parts) => {
  const { gateSide, reader, ingester, phase, counters, rules } = parts;
  const version = manifest().version;
  const startedAtMs = clock.nowMs();
  const { gate, emitter, replica, fleet } = gateSide;
  const outOfReach = (what: string) => (error: unknown) => {
    logger.debug({ err: error, what }, 'status is incomplete');
    return null;
  };
  return sharing(clock, async (): Promise<Status> => {
    const { recorded, sent, waiting, lost } = emitter.stats();
    const [stored, lag, abuse] = await Promise.all([
      reader ? storedOf(reader, clock.nowMs()).catch(outOfReach('database')) : null,
      ingester ? lagOf(ingester).catch(outOfReach('ingest')) : null,
      abuseStatus(counters.blockList, rules ?? null, clock.nowMs()).catch(outOfReach('block list')),
    ]);
    return {
      version,
      region: config.region,
      phase: phase(),
      uptimeMs: clock.nowMs() - startedAtMs,
      gate: gate.stats(),
      fleet: {
        liveGates: fleet.liveGates(),
        policyVersions: Object.fromEntries(fleet.policyVersions()),
        ageMs: fleet.ageMs(),
      },
      blockList: { entries: replica.size, ageMs: replica.ageMs() },
      events: { recorded, sent, waiting, lost },
      ingest: lag === null ? null : { lagRecords: lag },
      stored,
      abuse,
    };
  });
};

export interface ApiSide {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Takes no new requests and lets the running ones end. */
  close(): Promise<void>;
}

const defaultPort = 8080;
const portOf = ({ port }: Config): number => {
  if (port === 'none')
    throw new TidegateError('CONFIG_INVALID', 'This process is there for its API: port cannot be none');
  return port ?? defaultPort;
};
const isLoopback = (host: string): boolean => /^(?:127\.|::1$|localhost$)/.test(host);

/** @throws TidegateError PORT_IN_USE while nothing has been opened yet. */
export const requireFreePort = async (config: Config): Promise<void> => checkPort(config.host, portOf(config));

/** Opens the API of a process and listens. @throws TidegateError PORT_IN_USE. */
export const openApiSide = async (context: Context, options: ApiSideOptions): Promise<ApiSide> => {
  const { config, clock, logger } = context;
  const { gateSide, counters, reader, health, tokens } = options;
  const page = await readConsolePage(logger);
  const { blockList, records } = counters;
  const review = createReview({ blockList, records, clock, logger, notify: notifying(counters.outbox) });
  options.metrics?.measuring.observeLearning(review.learning);
  const { gateId, fleet } = gateSide;
  const isMine = async (): Promise<boolean> => tellsOfGates(await fleet.gates(), gateId);
  const queue = new ReviewWatch({ blockList, isMine, clock, logger });
  options.metrics?.measuring.observeReviewQueue(queue);
  queue.start();
  const api = await createApi({
    clock,
    logger,
    version: manifest().version,
    tokens,
    authenticators: await openAuthenticators(context, counters.tokens),
    tokenStore: counters.tokens,
    openReads: options.openReads ?? false,
    gate: gateSide.gate,
    limitStore: counters.limitStore,
    blockList,
    review,
    events: gateSide.emitter,
    reader,
    evidence: options.evidence ?? null,
    fleet: { gates: gateSide.fleet, policies: gateSide.policies },
    reconciliation: options.reconciliation ?? null,
    health,
    status: statusOf(context, options),
    alerts: options.alerts ?? null,
    ...(options.metrics ? { scrape: options.metrics.scrape } : {}),
    ...(page ? { console: page } : {}),
  });
  const url = await listen(api, config.host, portOf(config));
  logger.info({ url }, 'listening');
  if (!isLoopback(config.host)) {
    logger.warn({ url }, 'others reach this API: limiter checks, status and metrics answer without a token');
  }
  const close = async (): Promise<void> => {
    queue.stop();
    await api.close();
    await review.close();
  };
  return { url, close };
};
