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

const latenciesUs = [1, 2, 2, 4, 4, 4, 8, 16, 64, 1024];

/** The same with what differs in a service: tenants, what is left, how long it took, a denial now and then. */
export const variedRecordOf = (request: GateRequest, timeMs: number, next: () => number): DecisionRecord => {
  const record = recordOf(request, timeMs);
  const client = Number(record.client.slice(record.client.lastIndexOf('-') + 1));
  const isDenied = next() < 0.03;
  return {
    ...record,
    tenant: `tenant-${client % 50}`,
    outcome: isDenied ? 'denied' : 'allowed',
    remaining: isDenied ? 0 : Math.floor(next() * record.limit),
    latencyUs: latenciesUs[Math.floor(next() * latenciesUs.length)] ?? 4,
    early: isDenied && next() < 0.1,
  };
};

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
