import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import { BlockListReplica } from '../blocklist/replica.ts';
import type { Clock, ManualClock } from '../clock.ts';
import { createDetector } from '../detect/detector.ts';
import type { RuleSet } from '../detect/rule.ts';
import { createEmitter } from '../event/emitter.ts';
import type { EventLog } from '../event/event-log.ts';
import { createGate } from '../gate/gate.ts';
import type { EventTable } from '../ingest/event-table.ts';
import { createIngester } from '../ingest/ingester.ts';
import type { LimitStore } from '../limiter/limit-store.ts';
import type { Logger } from '../logger.ts';
import type { PolicySource } from '../policy/policy.ts';
import type { AccessLog } from './access-log.ts';
import { type LockStepResult, loggedRequests, replayInLockStep } from './lock-step.ts';
import { logStampClock, logTimeClock } from './log-clock.ts';
import { rememberPromotions } from './promotions.ts';
import { type PolicyChange, type ReplayReport, reportOf } from './report.ts';
import { countSaved } from './saved.ts';

/** What a replay runs on. Counters and blocks must be opened in log time. */
export interface ReplayEngines {
  readonly limitStore: LimitStore;
  readonly blockList: BlockList;
  readonly log: EventLog;
  readonly table: EventTable;
  readonly reader: Pick<DecisionReader, 'totals'>;
}

export interface ReplayOptions {
  readonly accessLog: AccessLog;
  /** How long reading it took. */
  readonly readingUs: number;
  readonly policies: PolicySource;
  /** What happened to the policies so far; read at the end. */
  readonly policyChanges: () => readonly PolicyChange[];
  readonly rules: RuleSet;
  readonly engines: ReplayEngines;
  /** The clock that counters and blocks were opened with. */
  readonly logClock: ManualClock;
  readonly wallClock: Clock;
  readonly logger: Logger;
  /** Names topic, groups and emitter of this replay alone. */
  readonly runName: string;
  readonly onStep?: (decided: number) => void;
}

/** The groups of a replay, for whoever cleans up behind it. */
export const replayGroups = (runName: string): { readonly ingest: string; readonly detect: string } => ({
  ingest: `${runName}-ingest`,
  detect: `${runName}-detect`,
});

/** Log time stands still during a step: without a deadline of its own no decision is degraded by a slow moment. */
const deadlineMs = 60_000;

interface Stage {
  readonly options: ReplayOptions;
  readonly startedUs: number;
}

const openParts = async ({ options }: Stage) => {
  const { engines, logClock, wallClock, logger, policies, rules, runName } = options;
  const promotions = rememberPromotions(engines.blockList);
  const replica = new BlockListReplica({ feed: engines.blockList, clock: logClock, logger });
  const saved = countSaved(replica);
  const groups = replayGroups(runName);
  const shared = { log: engines.log, clock: wallClock, logger, topic: runName };
  const ingester = createIngester({ ...shared, table: engines.table, group: groups.ingest });
  const detectorClock = logStampClock(logClock, wallClock);
  const detector = createDetector({
    ...shared,
    clock: detectorClock,
    rules,
    blockList: promotions.promoter,
    group: groups.detect,
  });
  const emitter = createEmitter({
    writer: await engines.log.writer(runName),
    clock: logTimeClock(logClock, wallClock),
    logger,
    emitterId: runName,
    region: 'replay',
  });
  const gate = createGate({
    policies,
    store: engines.limitStore,
    blockList: saved.lookup,
    events: emitter,
    clock: logClock,
    deadlineMs,
    notifiesClients: false,
  });
  return { promotions, saved, replica, ingester, detector, emitter, gate };
};

type Parts = Awaited<ReturnType<typeof openParts>>;

/** Everything decided is stored: waits for whoever reads the log, then counts. */
const settle = async ({ options }: Stage, { emitter, detector, ingester }: Parts): Promise<number> => {
  const { engines, runName } = options;
  await emitter.close();
  const end = await engines.log.endPositions(runName);
  await Promise.all([detector.whenReached(end), ingester.whenReached(end)]);
  return (await engines.reader.totals()).decisions;
};

const run = async (stage: Stage, parts: Parts): Promise<ReplayReport> => {
  const { options, startedUs } = stage;
  const { accessLog, logClock, wallClock, onStep } = options;
  const storedBefore = (await options.engines.reader.totals()).decisions;
  const { tally, phases }: LockStepResult = await replayInLockStep({
    ...parts,
    source: loggedRequests(accessLog.requests),
    logClock,
    wallClock,
    ...(onStep ? { onStep } : {}),
  });
  const settlingFromUs = wallClock.monotonicUs();
  const storedDecisions = (await settle(stage, parts)) - storedBefore;
  const endedUs = wallClock.monotonicUs();
  return reportOf({
    log: accessLog,
    tally,
    promotions: parts.promotions,
    saved: parts.saved,
    gate: parts.gate.stats(),
    storedDecisions,
    policyChanges: options.policyChanges(),
    phases,
    readingUs: options.readingUs,
    storingUs: endedUs - settlingFromUs,
    totalUs: endedUs - startedUs + options.readingUs,
  });
};

/**
 * Replays an access log through the real gate, event frames, ingest and detector, and reports what would have happened.
 * The engines stay open; topic and groups called `runName` stay behind on them.
 */
export const replay = async (options: ReplayOptions): Promise<ReplayReport> => {
  const stage = { options, startedUs: options.wallClock.monotonicUs() };
  const first = options.accessLog.requests[0];
  if (first) options.logClock.setMs(first.timeMs);
  const parts = await openParts(stage);
  try {
    await Promise.all([parts.ingester.start(), parts.detector.start()]);
    return await run(stage, parts);
  } finally {
    await parts.gate.close();
    await parts.replica.stop();
    await Promise.allSettled([parts.detector.stop(), parts.ingester.stop()]);
  }
};
