import type { BlockEntry } from '../blocklist/block-list.ts';
import { type Client, clientKeyOf, clientOf } from '../client.ts';
import { type Clock, systemClock, systemRandom } from '../clock.ts';
import type { Blocked, Decision, LimitState } from '../decision/decision.ts';
import { TidegateError } from '../errors.ts';
import { GuardedStore } from '../limiter/guarded-store.ts';
import type { LimitStore } from '../limiter/limit-store.ts';
import { MemoryLimitStore } from '../limiter/memory-limit-store.ts';
import { compilePolicies, type Matcher } from '../policy/match.ts';
import type { PolicySet, PolicySource } from '../policy/policy.ts';
import { type Asked, askLimits, type LimitVerdict } from './ask-limits.ts';
import type { BlockLookup, EventSink } from './ports.ts';
import { recordOf } from './record.ts';
import { RetryWatch } from './retry-watch.ts';
import { methodOf, RouteNames } from './route-names.ts';

export interface GateOptions {
  readonly policies: PolicySource;
  /** Where counters live: RedisLimitStore for a fleet, MemoryLimitStore for one process. */
  readonly store: LimitStore;
  /** Asked before any policy. Default: nobody is blocked. */
  readonly blockList?: BlockLookup;
  /** Where every decision goes. Default: nowhere. */
  readonly events?: EventSink;
  readonly clock?: Clock;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
  /** How long the store may take for one decision, milliseconds. Default 20. */
  readonly deadlineMs?: number;
  /** How many gates share the limits, as last known: without the store each enforces its share. Default 1. */
  readonly liveGates?: () => number;
  /** Whether clients are told of denials. False in replay: nobody can be blamed for coming back early. Default true. */
  readonly notifiesClients?: boolean;
}

/** One request to decide on. Ids come from {@link clientOf}; the rest may be hostile. */
export interface GateRequest {
  /** Every identity of the request, most specific first; limits are keyed by the first, blocks asked for all. */
  readonly clients: readonly Client[];
  /** Default `default`. */
  readonly tenant?: string;
  readonly method: string;
  /** As requested; a query is ignored. */
  readonly path: string;
  /**
   * The route's template, such as `/orders/:id`. Absent: the request matched no route, and one is derived. Policies are
   * matched against it, and against the path too where it has parameters or a `*`.
   */
  readonly route?: string;
  /** Units this request spends in every policy, >= 0; 0 peeks. Default: each policy's own. */
  readonly cost?: number;
  /** The peer's address, for the events of key and user clients. */
  readonly address?: string;
}

export interface GateStats {
  readonly decisions: number;
  readonly allowed: number;
  readonly denied: number;
  readonly blocked: number;
  /** Decided without the primary store. */
  readonly degraded: number;
  /** Store calls that the block list made unnecessary. */
  readonly storeCommandsSaved: number;
  /** Requests whose derived route was folded into `~other`. */
  readonly foldedRoutes: number;
  readonly policyVersion: string;
}

export interface Gate {
  /**
   * Decides on one request; synchronous when no I/O is needed. Never rejects because of the store: the policies say what
   * happens then. Throws INPUT_INVALID when the call itself makes no sense.
   */
  check(request: GateRequest): Decision | Promise<Decision>;
  stats(): GateStats;
  /** Stops following the policies. The store belongs to its owner. */
  close(): void;
}

const maxCost = 1_000_000_000;
const failClosedRetryMs = 1000;

/** Tenants may come from clients: bounded and without control characters, like client ids. */
const tenantOf = (tenant: string | undefined): string =>
  tenant === undefined ? 'default' : clientOf('user', tenant).id;

type Mutable<T> = { -readonly [name in keyof T]: T[name] };

interface FoundBlock {
  readonly client: Client;
  readonly entry: BlockEntry;
}

/** No policy matched: nothing to ask and nothing to deny. */
const unlimited = { allowed: true, source: 'store', degraded: null, limits: [], deciding: null } as const;

const decisionOf = ({ client, route }: Asked, verdict: LimitVerdict, policyVersion: string): Decision => {
  const { allowed, source, degraded, limits, deciding, cost } = verdict;
  if (allowed) {
    return { outcome: 'allowed', client, route, source, degraded, policyVersion, cost, limits, deciding };
  }
  // Fail-closed knows no counter: a second is when the store is asked again at the latest.
  const retryAfterMs = deciding ? deciding.retryAfterMs : failClosedRetryMs;
  return { outcome: 'denied', client, route, source, degraded, policyVersion, cost, limits, deciding, retryAfterMs };
};

class EmbeddedGate implements Gate {
  readonly #options: GateOptions;
  readonly #clock: Clock;
  readonly #store: GuardedStore;
  readonly #local: MemoryLimitStore;
  readonly #routeNames = new RouteNames();
  readonly #retryWatch = new RetryWatch();
  readonly #unsubscribe: () => void;
  #policies: PolicySet;
  #match: Matcher;
  #counts = { allowed: 0, denied: 0, blocked: 0, degraded: 0, storeCommandsSaved: 0 };

  constructor(options: GateOptions) {
    const { clock = systemClock, random = systemRandom, store, deadlineMs = 20, policies } = options;
    this.#options = options;
    this.#clock = clock;
    this.#store = new GuardedStore({ store, clock, random, deadlineMs });
    this.#local = new MemoryLimitStore({ clock });
    this.#policies = policies.current();
    this.#match = compilePolicies(this.#policies);
    this.#unsubscribe = policies.onChange((next) => {
      this.#policies = next;
      this.#match = compilePolicies(next);
    });
  }

  check(request: GateRequest): Decision | Promise<Decision> {
    const startedUs = this.#clock.monotonicUs();
    const asked = this.#understand(request);
    const { version } = this.#policies;
    const block = this.#findBlock(request.clients, asked.nowMs);
    if (block) return this.#finish(asked, this.#blocked(asked, block), startedUs);
    const verdict = this.#ask(asked);
    if (!(verdict instanceof Promise)) return this.#finish(asked, decisionOf(asked, verdict, version), startedUs);
    return verdict.then((late) => this.#finish(asked, decisionOf(asked, late, version), startedUs));
  }

  stats(): GateStats {
    const { allowed, denied, blocked } = this.#counts;
    const policyVersion = this.#policies.version;
    return {
      ...this.#counts,
      decisions: allowed + denied + blocked,
      foldedRoutes: this.#routeNames.folded,
      policyVersion,
    };
  }

  close(): void {
    this.#unsubscribe();
  }

  #understand(request: GateRequest): Asked {
    const [client] = request.clients;
    if (!client) throw new TidegateError('INPUT_INVALID', 'check() needs at least one client');
    const { cost, route } = request;
    if (cost !== undefined && !(Number.isSafeInteger(cost) && cost >= 0 && cost <= maxCost)) {
      throw new TidegateError('INPUT_INVALID', `cost must be a whole number from 0 to ${maxCost}, is ${cost}`);
    }
    const method = methodOf(request.method);
    const clientKey = clientKeyOf(client);
    const template = route === undefined ? null : this.#routeNames.ofTemplate(method, route);
    // A template that ends in `*` says nothing of what was asked for: limits go by it, events by the path.
    const telling = template !== null && !template.endsWith('*');
    const name = telling ? template : this.#routeNames.nameFor(clientKey, method, request.path);
    const asked: Mutable<Asked> = {
      nowMs: this.#clock.nowMs(),
      client,
      clientKey,
      tenant: tenantOf(request.tenant),
      method,
      path: request.path,
      route: name,
      limitRoute: template ?? name,
      address: request.address ?? '',
    };
    if (route !== undefined) asked.template = route;
    if (cost !== undefined) asked.cost = cost;
    return asked;
  }

  #findBlock(clients: readonly Client[], nowMs: number): FoundBlock | null {
    const { blockList } = this.#options;
    if (!blockList) return null;
    for (const client of clients) {
      const entry = blockList.find(clientKeyOf(client), nowMs);
      if (entry) return { client, entry };
    }
    return null;
  }

  #ask(asked: Asked): LimitVerdict | Promise<LimitVerdict> {
    const policies = this.#match(asked);
    if (policies.length === 0) return { ...unlimited, cost: asked.cost ?? 1 };
    const liveGates = Math.max(1, this.#options.liveGates?.() ?? 1);
    return askLimits({ asked, policies, store: this.#store, local: this.#local, liveGates });
  }

  #blocked({ route, nowMs, cost = 1 }: Asked, { client, entry }: FoundBlock): Blocked {
    if (this.#policies.policies.length > 0) this.#counts.storeCommandsSaved += 1;
    const { blockId, rule, expiresAtMs } = entry;
    const retryAfterMs = Math.max(0, expiresAtMs - nowMs);
    return {
      outcome: 'blocked',
      client,
      route,
      source: 'block-list',
      degraded: null,
      policyVersion: this.#policies.version,
      cost,
      limits: [],
      blockId,
      rule,
      retryAfterMs,
    };
  }

  #finish(asked: Asked, decision: Decision, startedUs: number): Decision {
    this.#counts[decision.outcome] += 1;
    if (decision.degraded) this.#counts.degraded += 1;
    const early = this.#options.notifiesClients === false ? null : this.#watchRetry(asked, decision);
    const latencyUs = Math.max(0, this.#clock.monotonicUs() - startedUs);
    this.#options.events?.record(recordOf(asked, decision, { latencyUs, early }));
    return decision;
  }

  /** Whether this request came back too early; notes what its client is told now. */
  #watchRetry(asked: Asked, decision: Decision): boolean {
    if (decision.outcome === 'blocked') return false;
    const subjectOf = (limit: LimitState): string =>
      `${limit.policy} ${asked.clientKey} ${limit.scope.includes('route') ? asked.limitRoute : ''}`;
    // Most requests come while nobody is waited for: no subject has to be spelt out then.
    if (this.#retryWatch.isEmpty && decision.outcome === 'allowed') return false;
    const early = decision.limits.some((limit) => this.#retryWatch.isEarly(subjectOf(limit), asked.nowMs));
    if (decision.outcome === 'denied' && decision.deciding?.retryAfterMs) {
      this.#retryWatch.denied(subjectOf(decision.deciding), asked.nowMs, decision.deciding.retryAfterMs);
    }
    return early;
  }
}

/** The request path, embedded in a process: identities → block list → policies → counters → decision → event. */
export const createGate = (options: GateOptions): Gate => new EmbeddedGate(options);
