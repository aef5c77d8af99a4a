import type { DecisionEvent } from '../../src/event/decision-event.ts';

/** A Monday morning, at the start of a minute. */
export const morningMs = 1_750_000_020_000;

/** An event of a client that was denied by its own limit, but for what is changed. */
export const decisionOf = (change: Partial<DecisionEvent> = {}): DecisionEvent => ({
  timeMs: morningMs,
  emitter: 'gate-1',
  partition: 0,
  seq: 1,
  region: 'eu',
  tenant: '',
  clientKind: 'ip',
  client: '203.0.113.9',
  address: '',
  route: 'GET /orders',
  method: 'GET',
  policy: 'per-client',
  policyVersion: 'p1',
  scope: 'client',
  limit: 60,
  remaining: 0,
  outcome: 'denied',
  source: 'store',
  degraded: '',
  shadowDenied: [],
  candidateOutcome: '',
  compensated: 0,
  cost: 1,
  latencyUs: 64,
  early: null,
  count: 1,
  ...change,
});
