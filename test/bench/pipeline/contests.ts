import type { Contest } from '../contest.ts';
import { bytesPerRow } from './bytes-per-row.ts';
import { cpuPerMillion } from './cpu-per-million.ts';
import { dashboardP95 } from './dashboard-p95.ts';
import { emitDecisions } from './emit-decisions.ts';
import { gateEventsOverhead, gateEventsOverheadEven } from './gate-events.ts';
import { ingestRows } from './ingest-rows.ts';

/** From a decision to a row that is stored, and back to a dashboard. */
export const pipeline: readonly Contest[] = [
  gateEventsOverhead,
  gateEventsOverheadEven,
  emitDecisions,
  ingestRows,
  bytesPerRow,
  dashboardP95,
  cpuPerMillion,
];
