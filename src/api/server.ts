import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { EvidenceReader } from '../analytics/verify-rows.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Clock } from '../clock.ts';
import type { Gate } from '../gate/gate.ts';
import type { EventSink } from '../gate/ports.ts';
import type { LimitStore } from '../limiter/limit-store.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { Review } from '../review/review.ts';
import type { TokenStore } from '../review/tokens.ts';
import { addAccess } from './access.ts';
import { alertRoutes, type KnownAlerts } from './alert-routes.ts';
import { allowRoutes } from './allow-routes.ts';
import { analyticsRoutes } from './analytics-routes.ts';
import type { Authenticator } from './authenticator.ts';
import { addNotFound, bareApi } from './bare-api.ts';
import { deskRoutes } from './block-desk.ts';
import { breakerRoutes } from './breaker-routes.ts';
import { clientRoutes } from './client-routes.ts';
import { type ConsolePage, consoleRoutes } from './console-routes.ts';
import { decisionRoutes } from './decision-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { explainRoutes } from './explain-routes.ts';
import { gateRoutes } from './gate-routes.ts';
import { addIdempotency } from './idempotency.ts';
import { limiterRoutes } from './limiter-routes.ts';
import { listRoutes } from './list-routes.ts';
import { metricsRoute } from './metrics-route.ts';
import { registerOpenApi } from './openapi.ts';
import { type PolicyRoutesOptions, policyRoutes } from './policy-routes.ts';
import { type Health, probeRoutes } from './readiness.ts';
import { type AskReconciliation, reconcileRoutes } from './reconcile-routes.ts';
import { registerReferencePage } from './reference-page.ts';
import type { Api } from './routing.ts';
import { type RuleRoutesOptions, ruleRoutes } from './rule-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { type Status, statusRoutes } from './status-routes.ts';
import { switchRoutes } from './switch-routes.ts';
import { throttleRateRoutes } from './throttle-rate-routes.ts';
import { tokenRoutes } from './token-routes.ts';

export interface ApiOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Of tidegate, for the OpenAPI document. */
  readonly version: string;
  /**
   * Who asks for this machine by a loopback name needs no token to read; to change something everybody does. For a page
   * on this machine alone. Default false.
   */
  readonly openReads?: boolean;
  /** `token` or `name=token`. Empty: the routes that need one refuse everybody and say how to set one. */
  readonly tokens: readonly string[];
  /** Of issued tokens and of an OpenID provider. Default: configured tokens alone. */
  readonly authenticators?: readonly Authenticator[];
  /** Where tokens are made and revoked. Default: there are no routes for that. */
  readonly tokenStore?: TokenStore;
  readonly gate: Gate;
  readonly limitStore: LimitStore;
  readonly blockList: BlockList;
  /** Takes the limiter checks. */
  readonly events: EventSink;
  /** Null: the database is not in reach of this process, and its routes answer 503. */
  readonly reader: DecisionReader | null;
  /** What blocks were made for, by the same database. Null, or left out: nothing can be verified. */
  readonly evidence?: EvidenceReader | null;
  /** Null, or left out: the database is not in reach of this process, and its route answers 503. */
  readonly reconciliation?: AskReconciliation | null;
  /** What is known of the gates and of the policies in force. Default: their routes are not there. */
  readonly fleet?: PolicyRoutesOptions;
  /**
   * What people do together and at once: bulk changes, approvals; and the answers that are kept so that a change that is sent
   * twice happens once. Null, or left out: there are no routes for it, and an Idempotency-Key is answered with 503.
   */
  readonly review?: Review | null;
  /** Null, or left out: alerts are evaluated elsewhere, and nothing is known of them. */
  readonly alerts?: KnownAlerts | null;
  readonly health: Health;
  readonly status: () => Promise<Status>;
  /** The text of `GET /metrics`. Null: this process cannot tell. Default: there is no such route. */
  readonly scrape?: (() => Promise<string>) | null;
  /** The console, served at `/`. Default: none. */
  readonly console?: ConsolePage;
}

/**
 * The HTTP API over the ports that are given. Listens to nothing yet: call `listen`, or `inject` in tests. Closing it
 * lets running requests end; what it was given belongs to the caller.
 */
export const createApi = async (options: ApiOptions): Promise<Api> => {
  const { logger = silentLogger, clock, gate, limitStore, events, blockList } = options;
  const api = bareApi(logger);
  addNotFound(api);
  addAccess(api, options);
  addIdempotency(api, options.review?.answers ?? null, logger);
  await registerOpenApi(api, options.version);
  await registerReferencePage(api);
  await api.register((routes: Api, _options, done) => {
    limiterRoutes(routes, { limitStore, events, clock });
    decisionRoutes(routes, gate);
    const { review = null, evidence = null } = options;
    deskRoutes(routes, { blockList, review, evidence, clock, logger });
    listRoutes(routes, { feed: blockList, clock, logger });
    eventRoutes(routes, { changes: blockList, reader: options.reader });
    steeringRoutes(routes, { list: blockList, clock, logger });
    throttleRateRoutes(routes, { reader: options.reader, clock });
    analyticsRoutes(routes, { reader: options.reader, clock });
    clientRoutes(routes, { reader: options.reader, clock, blockList });
    const policies = options.fleet?.policies ?? null;
    explainRoutes(routes, { reader: options.reader, clock, blockList, logger, policies });
    reconcileRoutes(routes, options.reconciliation ?? null);
    alertRoutes(routes, { alerts: options.alerts ?? null, clock });
    sessionRoutes(routes);
    if (options.tokenStore) tokenRoutes(routes, { store: options.tokenStore, clock, logger });
    statusRoutes(routes, options.status);
    probeRoutes(routes, options.health);
    if (options.fleet) {
      gateRoutes(routes, options.fleet.gates);
      policyRoutes(routes, options.fleet);
    }
    if (options.scrape !== undefined) metricsRoute(routes, options.scrape);
    if (options.console) consoleRoutes(routes, options.console);
    routes.get('/openapi.json', { schema: { hide: true } }, () => api.swagger());
    done();
  });
  await api.ready();
  return api;
};

/** What people set for all gates and detectors. */
const steeringRoutes = (routes: Api, parts: RuleRoutesOptions): void => {
  allowRoutes(routes, parts);
  ruleRoutes(routes, parts);
  breakerRoutes(routes, parts);
  switchRoutes(routes, parts);
};

/** Only the probes and, unless `scrape` is left out, `/metrics`: for processes that have no API. */
export const createProbes = async (
  health: Health,
  logger: Logger = silentLogger,
  scrape?: (() => Promise<string>) | null,
): Promise<Api> => {
  const api = bareApi(logger);
  addNotFound(api);
  probeRoutes(api, health);
  if (scrape !== undefined) metricsRoute(api, scrape);
  await api.ready();
  return api;
};
