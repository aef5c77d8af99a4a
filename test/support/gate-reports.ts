import type { GateReport } from '../../src/limiter/gate-report.ts';
import { morningMs } from './decisions.ts';

/** Of a gate that is well. */
export const gateReport: GateReport = {
  region: 'eu',
  service: 'orders',
  version: '1.2.3',
  policyVersion: 'abc',
  startedAtMs: morningMs,
  decisions: 1_000,
  denied: 20,
  blocked: 3,
  degraded: 0,
  degradedShare: 0,
  blockListAgeMs: 200,
  blockListEntries: 40,
  eventsWaiting: 5,
  eventsLost: 0,
};
