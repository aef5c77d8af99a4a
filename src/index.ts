import { randomUUID } from 'node:crypto';
import { systemClock } from './clock.ts';
import type { Decision } from './decision/decision.ts';
import {
  createGate as createUnmeasuredGate,
  type Gate,
  type GateOptions as UnmeasuredGateOptions,
} from './gate/gate.ts';
import type { DecisionObserver } from './gate/ports.ts';
import type { Membership } from './limiter/fleet.ts';
import type { DecisionMessage as Message } from './metrics/channels.ts';
import { instrument } from './metrics/instrument.ts';
import { checkOptions, flag, optional } from './option-checks.ts';
import type { PolicySource } from './policy/policy.ts';
import { type PolicyFileOptions, watchPolicyFile as watchUnmeasuredFile } from './policy/policy-file.ts';
import { Heartbeat, type HeartbeatOptions } from './redis/heartbeat.ts';

export interface GateOptions extends UnmeasuredGateOptions {
  /** Metrics, channels and span events: see docs/reference/metrics.md. Costs next to nothing while nobody reads them. Default true. */
  readonly metrics?: boolean;
}

/** What is published on the channels `tidegate:decision` and `tidegate:degraded`. */
export type DecisionMessage = Message<Decision>;

const measuredBy = (first: DecisionObserver, second: DecisionObserver | undefined): DecisionObserver =>
  second === undefined
    ? first
    : {
        decided(decision, facts) {
          first.decided(decision, facts);
          second.decided(decision, facts);
        },
      };

/** The request path, embedded in a process: identities → block list → policies → counters → decision → event. Throws CONFIG_INVALID, MISUSED. */
export const createGate = (given: GateOptions): Gate => {
  checkOptions('createGate()', given, { metrics: optional(flag) });
  const { metrics = true, ...options } = given;
  if (!metrics) return createUnmeasuredGate(options);
  const measuring = instrument();
  const gate = createUnmeasuredGate({ ...options, observer: measuredBy(measuring, options.observer) });
  const stops = [measuring.observeGate(gate), measuring.observePolicies(options.policies)];
  const close = gate.close.bind(gate);
  return Object.assign(gate, {
    close: () => {
      for (const stop of stops) stop();
      return close();
    },
  });
};

/** Reads and watches a policy file, and counts what is refused. Throws POLICY_INVALID when the first version is refused. */
export const watchPolicyFile = (options: PolicyFileOptions): Promise<PolicySource> =>
  watchUnmeasuredFile({
    ...options,
    onRefused: (error) => {
      instrument().policiesRefused();
      options.onRefused?.(error);
    },
  });

export interface FleetOptions extends Omit<HeartbeatOptions, 'gateId' | 'policyVersion' | 'clock'> {
  /** Those of the gate: others are told which version it runs. */
  readonly policies: PolicySource;
  /** Names this gate for as long as it lives. Default: a random one. */
  readonly gateId?: string;
  readonly clock?: HeartbeatOptions['clock'];
}

/**
 * Joins the gates that share their limits over one Redis: give its `liveGates` to the gate, so that without the store each
 * enforces its share, and call `stop` before the connection closes. Waits for the first beat, not for the server.
 */
export const joinFleet = async ({ policies, ...options }: FleetOptions): Promise<Membership> => {
  const heartbeat = new Heartbeat({
    clock: systemClock,
    gateId: randomUUID(),
    ...options,
    policyVersion: () => policies.current().version,
    onCountersLost: (lost) => {
      instrument().countersLost(lost);
      options.onCountersLost?.(lost);
    },
  });
  await heartbeat.start();
  return heartbeat;
};

export type {
  Block,
  BlockAction,
  BlockOrigin,
  BlockState,
  Evidence,
  Verdict,
} from './blocklist/block.ts';
export type {
  BlockEntry,
  BlockFeed,
  Change,
  Changes,
  Cursor,
  Exemption,
  Refusals,
  SnapshotPage,
} from './blocklist/block-feed.ts';
export type { BlockList } from './blocklist/block-list.ts';
export type {
  AddResult,
  AllowEntry,
  BlockPage,
  BlockQuery,
  BlockReview,
  ManualBlock,
  Transition,
} from './blocklist/block-review.ts';
export type { BlockSwitches, Switch, Switched, Switches } from './blocklist/block-switches.ts';
export { BlockListReplica, type BlockListReplicaOptions, type ReplicaStats } from './blocklist/replica.ts';
export { type BlockSubject, type Client, type ClientKind, clientOf, type SubjectKind } from './client.ts';
export { type Clock, ManualClock, systemClock } from './clock.ts';
export type {
  Allowed,
  Blocked,
  Decision,
  DecisionSource,
  DegradedReason,
  Denied,
  LimitState,
  Outcome,
} from './decision/decision.ts';
export { type ErrorCode, type Problem, TidegateError } from './errors.ts';
export type { DecisionEvent, DecisionRecord } from './event/decision-event.ts';
export { createEmitter, type Emitter, type EmitterOptions } from './event/emitter.ts';
export { topics } from './event/event-log.ts';
export type { Gate, GateRequest } from './gate/gate.ts';
export { type GateReporterOptions, gateReporter } from './gate/gate-reporter.ts';
export type { GateStats } from './gate/gate-stats.ts';
export type { LateIdentity } from './gate/late-identity.ts';
export type { BlockLookup, DecisionFacts, DecisionObserver, EventSink, Spared } from './gate/ports.ts';
export type { CountersLost, CountersLostKind, Fleet, Membership } from './limiter/fleet.ts';
export type { GateBeat, GateReport } from './limiter/gate-report.ts';
export type { LimitRequest, LimitStore, SpendResult, StoreCost } from './limiter/limit-store.ts';
export { MemoryLimitStore } from './limiter/memory-limit-store.ts';
export { type Logger, silentLogger } from './logger.ts';
export { observeBlockList, observeEmitter } from './metrics/instrument.ts';
export { type MisuseCode, type MisuseOptions, misuseCatalogue, type OnMisuse } from './misuse.ts';
export { type PolicyInput, parsePolicies, policySetOf } from './policy/parse.ts';
export type { Policy, PolicySet, PolicySource } from './policy/policy.ts';
export type { PolicyFileOptions } from './policy/policy-file.ts';
export { definePolicies, staticPolicies } from './policy/static-source.ts';
export { RedisBlockList } from './redis/block-list.ts';
export { type OpenRedisOptions, openRedis, type RedisConnection } from './redis/client.ts';
export { RedisLimitStore } from './redis/limit-store.ts';
export { inspectRedis, type ServerFinding, warnOfRedis } from './redis/server-check.ts';
