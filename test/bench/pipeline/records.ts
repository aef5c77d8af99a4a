import type { DecisionEvent, DecisionRecord, wireNames } from '../../../src/event/decision-event.ts';
import type { GateRequest } from '../../../src/gate/gate.ts';

const nothing: readonly string[] = [];

/** As a gate hands it over: an object of its own for each decision. */
export const recordOf = ({ clients, route = '', method }: GateRequest, timeMs: number): DecisionRecord => ({
  timeMs,
  tenant: 'default',
  clientKind: clients[0]?.kind ?? 'key',
  client: clients[0]?.id ?? '',
  address: '',
  route,
  method,
  policy: 'per-client',
  policyVersion: '0123456789ab',
  scope: 'client',
  limit: 1_000_000,
  remaining: 999_000,
  outcome: 'allowed',
  source: 'store',
  degraded: '',
  shadowDenied: nothing,
  candidateOutcome: '',
  compensated: 0,
  cost: 1,
  latencyUs: 4,
  early: false,
});

export type WireRow = Record<(typeof wireNames)[keyof DecisionEvent], unknown>;

/** One decision as one row, as somebody would write it who merges nothing. */
export const wireRowOf = (record: DecisionRecord, seq: number): WireRow => ({
  time: record.timeMs,
  emitter: 'bench',
  partition: 0,
  seq,
  region: 'local',
  tenant: record.tenant,
  client_kind: record.clientKind,
  client: record.client,
  address: record.address,
  route: record.route,
  method: record.method,
  policy: record.policy,
  policy_version: record.policyVersion,
  scope: record.scope,
  limit: record.limit,
  remaining: record.remaining,
  outcome: record.outcome,
  source: record.source,
  degraded: record.degraded,
  shadow_denied: record.shadowDenied,
  candidate_outcome: record.candidateOutcome,
  compensated: record.compensated,
  cost: record.cost,
  latency_us: record.latencyUs,
  early: 0,
  count: 1,
});
