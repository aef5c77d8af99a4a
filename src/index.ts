export type { Block, BlockState, Evidence, Verdict } from './blocklist/block.ts';
export { BlockListReplica } from './blocklist/replica.ts';
export { type Client, type ClientKind, clientOf } from './client.ts';
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
export { createGate, type Gate, type GateOptions, type GateRequest, type GateStats } from './gate/gate.ts';
export type { BlockLookup, EventSink } from './gate/ports.ts';
export type { LimitRequest, LimitStore, SpendResult } from './limiter/limit-store.ts';
export { MemoryLimitStore } from './limiter/memory-limit-store.ts';
export { type Logger, silentLogger } from './logger.ts';
export { type PolicyInput, parsePolicies, policySetOf } from './policy/parse.ts';
export type { Policy, PolicySet, PolicySource } from './policy/policy.ts';
export { watchPolicyFile } from './policy/policy-file.ts';
export { definePolicies, staticPolicies } from './policy/static-source.ts';
export { RedisBlockList } from './redis/block-list.ts';
export { openRedis } from './redis/client.ts';
export { RedisLimitStore } from './redis/limit-store.ts';
