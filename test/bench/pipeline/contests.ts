import type { Contest } from '../contest.ts';
import { emitDecisions } from './emit-decisions.ts';
import { gateEventsOverhead, gateEventsOverheadEven } from './gate-events.ts';

/** From a decision to a row that is stored, and back to a dashboard. */
export const pipeline: readonly Contest[] = [gateEventsOverhead, gateEventsOverheadEven, emitDecisions];
