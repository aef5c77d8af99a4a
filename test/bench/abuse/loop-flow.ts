import type { DecisionRecord } from '../../../src/event/decision-event.ts';

const clients = 50_000;
const routes = ['GET /orders', 'GET /orders/:id', 'POST /orders', 'GET /items', 'GET /'];

/** The traffic of a calm service: allowed, of many clients. */
export const flowRecords =
  () =>
  (call: number, nowMs: number): DecisionRecord => ({
    timeMs: nowMs,
    tenant: 'default',
    clientKind: 'key',
    client: `calm-${Math.imul(call, 2654435761) % clients}`,
    address: '',
    route: routes[call % routes.length] ?? 'GET /',
    method: 'GET',
    policy: 'per-client',
    policyVersion: 'bench',
    scope: 'client',
    limit: 60,
    remaining: 40,
    outcome: 'allowed',
    source: 'store',
    degraded: '',
    shadowDenied: [],
    candidateOutcome: '',
    compensated: 0,
    cost: 1,
    latencyUs: 64,
    early: false,
  });
