import type { AlertDefinition } from '../definition.ts';

type Panel = AlertDefinition['dashboard'];

const on =
  (uid: string) =>
  (panelId: number): Panel => ({ uid, panelId });

const overview = on('tidegate-overview');
const abuse = on('tidegate-abuse');
const limiter = on('tidegate-limiter');
const pipeline = on('tidegate-pipeline');

/** Where alerts point to. The numbers of panels are fixed: a test compares them with the dashboards. */
export const panels = {
  throttleRate: overview(12),
  spikes: overview(22),
  awaitingReview: abuse(2),
  oldestUnreviewed: abuse(3),
  verdicts: abuse(13),
  suppressedVerdicts: abuse(18),
  ruleBreakers: abuse(19),
  precision: abuse(31),
  latency: limiter(11),
  latencyBySource: limiter(12),
  degradedByReason: limiter(14),
  breakersOpen: limiter(15),
  storeLatency: limiter(16),
  countersLost: limiter(18),
  policyVersions: limiter(19),
  blockListAge: limiter(20),
  overDeadline: limiter(21),
  lag: pipeline(11),
  freshness: pipeline(12),
  deadLetters: pipeline(16),
  drift: pipeline(17),
  partitions: pipeline(18),
  insertDuration: pipeline(19),
  eventsWaiting: pipeline(20),
  eventsCoarse: pipeline(21),
  detectorLag: pipeline(22),
  relayLag: pipeline(23),
  dedupMargin: pipeline(24),
  eventLoop: pipeline(26),
  webhooks: pipeline(27),
  rowsWrong: pipeline(28),
  switchedOff: pipeline(29),
  processes: pipeline(31),
} as const satisfies Readonly<Record<string, Panel>>;
