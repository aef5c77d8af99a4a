import { abuseInstruments } from './abuse-instruments.ts';
import { alertInstruments } from './alert-instruments.ts';
import { detectInstruments } from './detect-instruments.ts';
import { gateInstruments } from './gate-instruments.ts';
import { beatInstruments, healthInstruments } from './health-instruments.ts';
import type { InstrumentTable } from './instrument-kind.ts';
import { eventInstruments, ingestInstruments, logInstruments } from './pipeline-instruments.ts';
import { processInstruments } from './process-instruments.ts';
import { auditInstruments, checkInstruments } from './proof-instruments.ts';
import { reviewInstruments } from './review-instruments.ts';

export { durationBucketsS, durationsSampledOneIn } from './gate-instruments.ts';
export { type AttributeName, attributes, type Instrument, type InstrumentKind } from './instrument-kind.ts';

export const meterName = 'tidegate';

/** Policy names told apart in metrics; whoever writes a policy per customer reads events instead. */
export const maxPolicyNames = 200;
export const otherPolicies = '~other';

/** Instruments by what they are about. */
export const instrumentParts = {
  gate: gateInstruments,
  events: eventInstruments,
  ingest: ingestInstruments,
  audit: auditInstruments,
  checks: checkInstruments,
  detect: detectInstruments,
  abuse: abuseInstruments,
  alert: alertInstruments,
  review: reviewInstruments,
  log: logInstruments,
  health: healthInstruments,
  process: processInstruments,
  beat: beatInstruments,
} as const satisfies Readonly<Record<string, InstrumentTable>>;
export type InstrumentPart = keyof typeof instrumentParts;

/** Every instrument of tidegate. A name that has been released means the same forever. */
export const instruments = {
  ...gateInstruments,
  ...eventInstruments,
  ...ingestInstruments,
  ...auditInstruments,
  ...checkInstruments,
  ...detectInstruments,
  ...abuseInstruments,
  ...alertInstruments,
  ...reviewInstruments,
  ...logInstruments,
  ...healthInstruments,
  ...processInstruments,
  ...beatInstruments,
} as const;
export type InstrumentId = keyof typeof instruments;
