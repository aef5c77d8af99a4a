import { randomUUID } from 'node:crypto';
import { type Client, clientKeyOf, clientOf } from '../client.ts';
import { type Clock, systemClock, systemRandom } from '../clock.ts';
import type { Blocked, Decision, LimitState } from '../decision/decision.ts';
import { TidegateError } from '../errors.ts';
import { GuardedStore } from '../limiter/guarded-store.ts';
import { LatencyTally } from '../limiter/latency-tally.ts';
import { type LimitReturn, type LimitStore, takenBy } from '../limiter/limit-store.ts';
import { MemoryLimitStore } from '../limiter/memory-limit-store.ts';
import { type SavingStore, savingStore } from '../limiter/saving-store.ts';
import { SecondaryTier } from '../limiter/secondary-tier.ts';
import type { MisuseOptions } from '../misuse.ts';
import { compilePolicies, type Matcher } from '../policy/match.ts';
import type { Policy, PolicySet, PolicySource } from '../policy/policy.ts';
import { askLimits, type LimitVerdict, type Receipt, uncounted } from './ask-limits.ts';
import type { Asked } from './asked.ts';
import { type Barred, BlockCheck } from './block-check.ts';
import { blockedDecision } from './blocked-decision.ts';
import { checkGateOptions, leadingClient } from './call-checks.ts';
import { countedDecision, receiptOf, replaceReceipt } from './counted-decision.ts';
import { blockStats, type GateStats, sourceCounts, sourceStats } from './gate-stats.ts';
import {
  checkInSteps,
  type LateIdentity,
  type Sender,
  type StepwiseGate,
  type UnidentifiedRequest,
} from './late-identity.ts';
import { noteGate } from './open-gates.ts';
import type { BlockLookup, DecisionObserver, EventSink, Spared } from './ports.ts';
import { recordOf } from './record.ts';
import { RetryWatch } from './retry-watch.ts';
import { methodOf, RouteNames } from './route-names.ts';
import { nothingSpared, SparedCosts } from './spared-costs.ts';

export interface GateOptions extends MisuseOptions {
  readonly policies: PolicySource;
  /** Where counters live: RedisLimitStore for a fleet, MemoryLimitStore for one process. */
  readonly store: LimitStore;
  /**
   * Asked while the store is left alone after failures: a second server, or a replica of the first. One that may only be
   * read tells the local counters where to start. Default: none. Its owner closes it.
   */
  readonly secondary?: LimitStore;
  /** Asked before any policy. Default: nobody is blocked. */
  readonly blockList?: BlockLookup;
  /** Where every decision goes. Default: nowhere. */
  readonly events?: EventSink;
  /** Is told of every decision. Default: nobody is. */
  readonly observer?: DecisionObserver;
  /** Names the service that this gate stands in front of, for policies that tell services apart. Default: none. */
  readonly service?: string;
  readonly clock?: Clock;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
  /** How long the store may take for one decision, milliseconds. Default 20. */
  readonly deadlineMs?: number;
  /**
   * Whether hot token buckets are spent in this process, out of units that the store has set aside for it. Default true;
   * without effect on a store that answers without I/O.
   */
  readonly leases?: boolean;
  /** Whether denials are remembered until the cost could fit, a second at most. Default true; without effect likewise. */
  readonly denyCache?: boolean;
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
  /** What the client pays for, such as `free`, for policies that tell plans apart. Default: none. */
  readonly plan?: string;
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
  /**
   * Finds out who sends it: what it gives takes the place of `clients`, `tenant` and `plan`, and `clients` names the address
   * until then. It is called only for a request that neither the block list nor a limit by address refuses.
   */
  readonly identify?: () => LateIdentity | Promise<LateIdentity>;
}

export interface Gate {
  /**
   * Decides on one request; synchronous when no I/O is needed. Never rejects because of the store: the policies say what
   * happens then. Throws INPUT_INVALID when the call itself makes no sense.
   */
  check(request: GateRequest): Decision | Promise<Decision>;
  /**
   * The request is served: gives back the places that it held under concurrency limits. Call it once it is; the middlewares
   * do. Does nothing for other decisions or the second time. Never rejects: a place that cannot be given back expires.
   */
  release(decision: Decision): Promise<void>;
  /** As if the request had never been counted: gives back every unit it took, once. Never rejects; for failed requests. */
  refund(decision: Decision): Promise<void>;
  stats(): GateStats;
  /** Stops following the policies and gives leases back. The store belongs to its owner, who closes it after this. */
  close(): Promise<void>;
}

const maxCost = 1_000_000_000;

/** What is left to refund once the places are released. */
const withoutPlaces = ({ spend, result, from }: Receipt): Receipt => {
  const kept = spend.map(({ permit }) => permit === undefined);
  return {
    spend: spend.filter((_, index) => kept[index]),
    result: { ...result, answers: result.answers.filter((_, index) => kept[index]) },
    from,
  };
};

/** Tenants may come from clients: bounded and without control characters, like client ids. */
const tenantOf = (tenant: string | undefined): string =>
  tenant === undefined ? 'default' : clientOf('user', tenant).id;

const isUnidentified = (request: GateRequest): request is GateRequest & UnidentifiedRequest =>
  request.identify !== undefined;

type Mutable<T> = { -readonly [name in keyof T]: T[name] };

class EmbeddedGate implements Gate {
  readonly #options: GateOptions;
  readonly #clock: Clock;
  readonly #guarded: GuardedStore;
  readonly #latencies: LatencyTally;
  readonly #deadlineUs: number;
  readonly #store: SavingStore;
  readonly #local: MemoryLimitStore;
  readonly #secondary: SecondaryTier | undefined;
  readonly #routeNames = new RouteNames();
  readonly #retryWatch = new RetryWatch();
  readonly #noteClosed: () => void;
  readonly #unsubscribe: () => void;
  #policies: PolicySet;
  #match: Matcher;
  /** Places are named by it and a running number. */
  readonly #id = randomUUID();
  readonly #nextPermit = (): string => `${this.#id}-${(this.#permits++).toString(36)}`;
  #permits = 0;
  #counts = {
    allowed: 0,
    denied: 0,
    blocked: 0,
    degraded: 0,
    overDeadline: 0,
    storeCommandsSaved: 0,
    storeBytesSaved: 0,
  };
  readonly #bySource = sourceCounts();
  readonly #blocks: BlockCheck | null;
  readonly #spared: SparedCosts;

  constructor(options: GateOptions) {
    const { clock = systemClock, random = systemRandom, store, deadlineMs = 20, policies } = options;
    this.#options = options;
    this.#noteClosed = noteGate(options);
    this.#clock = clock;
    this.#latencies = new LatencyTally(clock);
    this.#deadlineUs = deadlineMs * 1000;
    this.#guarded = new GuardedStore({ store, clock, random, deadlineMs, onCall: (us) => this.#storeCalled(us) });
    this.#store = savingStore({ ...options, guarded: this.#guarded, clock, random });
    this.#local = new MemoryLimitStore({ clock });
    const { secondary, blockList, logger } = options;
    this.#blocks = blockList ? new BlockCheck({ lookup: blockList, logger, liveGates: () => this.#liveGates() }) : null;
    this.#secondary =
      secondary && new SecondaryTier({ store: secondary, local: this.#local, clock, random, deadlineMs });
    this.#spared = new SparedCosts(store);
    this.#policies = policies.current();
    this.#match = compilePolicies(this.#policies);
    this.#unsubscribe = policies.onChange((next) => {
      this.#policies = next;
      this.#match = compilePolicies(next);
    });
  }

  check(request: GateRequest): Decision | Promise<Decision> {
    const startedUs = this.#clock.monotonicUs();
    return isUnidentified(request)
      ? checkInSteps(request, this.#steps, startedUs)
      : this.#decide(request, request, startedUs);
  }

  #decide(request: GateRequest, sender: Sender, startedUs: number): Decision | Promise<Decision> {
    const asked = this.#understand(request, sender);
    const { version } = this.#policies;
    const found = this.#blocks === null ? null : this.#blocks.ask(sender, asked.tenant, asked.nowMs);
    if (found?.kind === 'barred') return this.#finish(asked, this.#blocked(asked, found), startedUs);
    const verdict = this.#ask(asked, this.#match(asked), startedUs);
    if (!(verdict instanceof Promise)) return this.#finish(asked, countedDecision(asked, verdict, version), startedUs);
    return verdict.then((late) => this.#finish(asked, countedDecision(asked, late, version), startedUs));
  }

  readonly #steps: StepwiseGate<GateRequest & UnidentifiedRequest> = {
    policies: () => this.#policies,
    understand: (request, sender) => this.#understand(request, sender),
    mayExemptSender: () => this.#blocks?.mayExemptSender() ?? false,
    findBlock: (request, sender) => {
      leadingClient(request, sender.clients);
      const found = this.#blocks?.ask(sender, tenantOf(sender.tenant), this.#clock.nowMs()) ?? null;
      if (found?.kind !== 'barred') return found;
      const asked = this.#understand(request, sender);
      return { kind: 'barred', asked, blocked: this.#blocked(asked, found) };
    },
    match: (asked) => this.#match(asked),
    ask: (asked, policies) => this.#ask(asked, policies),
    releasePlaces: (receipt) => this.#releasePlaces(receipt),
    finish: ({ asked, verdict, version, startedUs }) =>
      this.#finish(asked, 'outcome' in verdict ? verdict : countedDecision(asked, verdict, version), startedUs),
    decide: (request, sender, startedUs) => this.#decide(request, sender, startedUs),
    monotonicUs: () => this.#clock.monotonicUs(),
  };

  async release(decision: Decision): Promise<void> {
    const receipt = receiptOf(decision);
    if (!receipt) return;
    // Nearly no request holds a place, and this is called for all of them.
    if (!receipt.spend.some(({ permit }) => permit !== undefined)) return;
    replaceReceipt(decision, withoutPlaces(receipt));
    await this.#releasePlaces(receipt);
  }

  async refund(decision: Decision): Promise<void> {
    const receipt = receiptOf(decision);
    if (!receipt) return;
    replaceReceipt(decision, null);
    await this.#giveBack(receipt, takenBy(receipt.spend, receipt.result));
  }

  stats(): GateStats {
    return {
      ...this.#counts,
      ...sourceStats(this.#bySource),
      ...blockStats(this.#blocks),
      bySource: { ...this.#bySource },
      storeLatency: this.#latencies.read(),
      decisions: this.#counts.allowed + this.#counts.denied + this.#counts.blocked,
      leases: this.#store.leases(),
      approximate: this.#store.approximations(),
      lostReturns: this.#guarded.lostReturns,
      storeOpen: this.#guarded.isOpen,
      liveGates: this.#liveGates(),
      foldedRoutes: this.#routeNames.folded,
      policyVersion: this.#policies.version,
    };
  }

  async close(): Promise<void> {
    this.#noteClosed();
    this.#unsubscribe();
    await this.#store.close();
  }

  async #giveBack({ from }: Receipt, returns: readonly LimitReturn[]): Promise<void> {
    if (returns.length === 0) return;
    if (from === 'local') this.#local.giveBack(returns);
    else if (from === 'secondary') await this.#secondary?.giveBack(returns);
    else await this.#store.giveBack(returns);
  }

  #releasePlaces(receipt: Receipt): Promise<void> {
    const places = takenBy(receipt.spend, receipt.result).filter(({ permit }) => permit !== undefined);
    return this.#giveBack(receipt, places);
  }

  #liveGates(): number {
    return Math.max(1, this.#options.liveGates?.() ?? 1);
  }

  #understand(request: GateRequest, { clients, tenant, plan }: LateIdentity): Asked {
    const client = leadingClient(request, clients);
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
      tenant: tenantOf(tenant),
      plan: plan === undefined ? '' : clientOf('user', plan).id,
      service: this.#options.service ?? '',
      method,
      path: request.path,
      route: name,
      limitRoute:
        route === undefined
          ? this.#routeNames.spendingNameFor(clientKey, method, request.path)
          : this.#routeNames.spendingOfTemplate(method, route),
      address: request.address ?? '',
    };
    if (route !== undefined) asked.template = route;
    if (cost !== undefined) asked.cost = cost;
    return asked;
  }

  /** `nowUs`: the monotonic clock, where it has just been read. */
  #ask(asked: Asked, policies: readonly Policy[], nowUs?: number): LimitVerdict | Promise<LimitVerdict> {
    const switchedOff = this.#limitsOff(asked);
    if (switchedOff || policies.length === 0) {
      const source = switchedOff ? 'switched-off' : 'store';
      return uncounted({ allowed: true, source, degraded: null, cost: asked.cost ?? 1 });
    }
    return askLimits({
      asked,
      policies,
      nowUs,
      store: this.#store,
      secondary: this.#secondary,
      local: this.#local,
      liveGates: this.#liveGates(),
      nextPermit: this.#nextPermit,
    });
  }

  #blocked(asked: Asked, barred: Barred): Blocked {
    const spared = this.#sparedBy(asked);
    this.#counts.storeCommandsSaved += spared.commands;
    this.#counts.storeBytesSaved += spared.bytes;
    this.#blocks?.refused(barred.entry, spared, asked.nowMs);
    return blockedDecision(asked, barred, this.#policies.version);
  }

  /** What is known not to be asked costs nothing: a store that is left alone, limits that are switched off. */
  #sparedBy(asked: Asked): Spared {
    if (this.#guarded.isOpen || this.#limitsOff(asked)) return nothingSpared;
    return this.#spared.of(asked, this.#match(asked));
  }

  #limitsOff({ nowMs }: Asked): boolean {
    return this.#blocks?.isOff('limits', nowMs) ?? false;
  }

  #finish(asked: Asked, decision: Decision, startedUs: number): Decision {
    this.#counts[decision.outcome] += 1;
    this.#bySource[decision.source] += 1;
    if (decision.degraded) this.#counts.degraded += 1;
    const early = this.#options.notifiesClients === false ? null : this.#watchRetry(asked, decision);
    const latencyUs = Math.max(0, this.#clock.monotonicUs() - startedUs);
    if (latencyUs > this.#deadlineUs) this.#counts.overDeadline += 1;
    const { events, observer } = this.#options;
    events?.record(recordOf(asked, decision, { latencyUs, early }));
    observer?.decided(decision, { method: asked.method, tenant: asked.tenant, latencyUs, early });
    return decision;
  }

  #storeCalled(durationUs: number): void {
    this.#latencies.record(durationUs);
    this.#options.observer?.storeCalled?.(durationUs);
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

/** The request path, embedded in a process: identities → block list → policies → counters → decision → event. Throws CONFIG_INVALID. */
export const createGate = (options: GateOptions): Gate => {
  checkGateOptions(options);
  return new EmbeddedGate(options);
};
