import type {
  BlockListStatsSource,
  DetectSource,
  EmitterStatsSource,
  GateStatsSource,
  IngestSource,
  LogSource,
  PolicyRecordsSource,
  ProcessSource,
} from './observed.ts';
import { Watched } from './watched.ts';

export const watchedGates = () =>
  new Watched({
    look: (gate: GateStatsSource) => gate.stats(),
    figures: [
      { instrument: 'breakerOpen', combination: 'sum', of: ({ storeOpen }) => (storeOpen ? 1 : 0) },
      { instrument: 'decisionsOverDeadline', combination: 'total', of: ({ overDeadline }) => overDeadline },
      { instrument: 'storeCallsSaved', combination: 'total', of: ({ storeCommandsSaved }) => storeCommandsSaved },
      { instrument: 'storeBytesSaved', combination: 'total', of: ({ storeBytesSaved }) => storeBytesSaved },
      { instrument: 'blockLookupFailures', combination: 'total', of: ({ blockListFailures }) => blockListFailures },
      { instrument: 'routesFolded', combination: 'total', of: ({ foldedRoutes }) => foldedRoutes },
      { instrument: 'overflowed', combination: 'total', of: ({ overflowed }) => overflowed },
      { instrument: 'returnsLost', combination: 'total', of: ({ lostReturns }) => lostReturns },
      { instrument: 'leaseCounters', combination: 'sum', of: ({ leases }) => leases.counters },
      { instrument: 'leaseUnits', combination: 'sum', of: ({ leases }) => leases.units },
      { instrument: 'leaseGranted', combination: 'total', of: ({ leases }) => leases.granted },
      { instrument: 'leaseReturned', combination: 'total', of: ({ leases }) => leases.returned },
      { instrument: 'approximateCounters', combination: 'sum', of: ({ approximate }) => approximate.counters },
      { instrument: 'approximateUntold', combination: 'total', of: ({ approximate }) => approximate.untoldUnits },
      { instrument: 'liveGates', combination: 'largest', of: ({ liveGates }) => liveGates },
    ],
  });

export const watchedEmitters = () =>
  new Watched({
    look: (emitter: EmitterStatsSource) => emitter.stats(),
    figures: [
      { instrument: 'eventsRecorded', combination: 'total', of: ({ recorded }) => recorded },
      { instrument: 'eventsSent', combination: 'total', of: ({ sent }) => sent },
      { instrument: 'eventsWaiting', combination: 'sum', of: ({ waiting }) => waiting },
      { instrument: 'eventsLost', combination: 'total', of: ({ lost }) => lost },
      {
        instrument: 'eventsCoarsened',
        combination: 'total',
        of: ({ coarse, folded, foldedTwice }) => ({
          by: 'tidegate.step',
          numbers: [
            ['interval', coarse],
            ['client', folded - foldedTwice],
            ['tenant', foldedTwice],
          ],
        }),
      },
      { instrument: 'eventsRows', combination: 'total', of: ({ rows }) => rows },
      { instrument: 'eventsSendFailures', combination: 'total', of: ({ failures }) => failures },
      { instrument: 'eventsOldestWait', combination: 'largest', of: ({ oldestWaitMs }) => oldestWaitMs / 1000 },
      { instrument: 'eventsPartitions', combination: 'largest', of: ({ partitions }) => partitions ?? null },
    ],
  });

export const watchedBlockLists = () =>
  new Watched({
    look: (list: BlockListStatsSource) => ({ ...list.stats(), ageMs: list.ageMs(), size: list.size }),
    figures: [
      { instrument: 'blockListAge', combination: 'largest', of: ({ ageMs }) => (ageMs === null ? null : ageMs / 1000) },
      { instrument: 'blockListSize', combination: 'largest', of: ({ size }) => size },
      { instrument: 'blockListFailures', combination: 'total', of: ({ failures }) => failures },
      { instrument: 'blockListDropped', combination: 'total', of: ({ dropped }) => dropped },
      { instrument: 'blockListNetworks', combination: 'largest', of: ({ networks }) => networks },
      { instrument: 'blockListSnapshots', combination: 'total', of: ({ snapshots }) => snapshots },
      { instrument: 'blockListGaps', combination: 'total', of: ({ gaps }) => gaps },
      { instrument: 'blockListRefusalsLost', combination: 'total', of: ({ refusalsDropped }) => refusalsDropped },
      {
        instrument: 'blockListFileAge',
        combination: 'largest',
        of: ({ fileAgeMs }) => (fileAgeMs === null ? null : fileAgeMs / 1000),
      },
      {
        instrument: 'blockListFileFailures',
        combination: 'total',
        of: ({ fileFailures, filesIgnored }) => fileFailures + filesIgnored,
      },
    ],
  });

export const watchedPolicyRecords = () =>
  new Watched({
    look: (records: PolicyRecordsSource) => records.stats(),
    figures: [{ instrument: 'policyRecordsDropped', combination: 'total', of: ({ dropped }) => dropped }],
  });

export const watchedIngesters = () =>
  new Watched({
    look: (ingester: IngestSource) => ({ ...ingester.stats(), partitions: ingester.positions().size }),
    figures: [
      { instrument: 'ingestPartitions', combination: 'sum', of: ({ partitions }) => partitions },
      { instrument: 'ingestRows', combination: 'total', of: ({ rows }) => rows },
      { instrument: 'ingestBlocks', combination: 'total', of: ({ blocks }) => blocks },
      { instrument: 'ingestSettledBlocks', combination: 'total', of: ({ settledBlocks }) => settledBlocks },
      { instrument: 'ingestRepairedRows', combination: 'total', of: ({ repairedRows }) => repairedRows },
      { instrument: 'ingestDoubledRows', combination: 'total', of: ({ doubledRows }) => doubledRows },
      { instrument: 'ingestLostRecords', combination: 'total', of: ({ lostRecords }) => lostRecords },
      { instrument: 'ingestWaitingPartitions', combination: 'sum', of: ({ waitingPartitions }) => waitingPartitions },
      { instrument: 'ingestMissingRows', combination: 'total', of: ({ missingRows }) => missingRows },
      { instrument: 'ingestDeadLetters', combination: 'total', of: ({ deadLetters }) => deadLetters },
      { instrument: 'ingestRetries', combination: 'total', of: ({ retries }) => retries },
      { instrument: 'ingestChangedBlocks', combination: 'total', of: ({ changedBlocks }) => changedBlocks },
      { instrument: 'ingestStoredTwiceRows', combination: 'total', of: ({ storedTwiceRows }) => storedTwiceRows },
    ],
  });

const byMode = (rules: readonly { readonly mode: string }[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { mode } of rules) counts.set(mode, (counts.get(mode) ?? 0) + 1);
  return counts;
};

export const watchedDetectors = () =>
  new Watched({
    look: (detector: DetectSource) => detector.stats(),
    figures: [
      { instrument: 'detectPartitions', combination: 'sum', of: ({ partitions }) => partitions },
      {
        instrument: 'detectVerdicts',
        combination: 'total',
        of: ({ promotions }) => ({ by: 'tidegate.result', numbers: Object.entries(promotions) }),
      },
      {
        instrument: 'detectSuppressed',
        combination: 'total',
        of: ({ suppressed }) => ({ by: 'tidegate.reason', numbers: Object.entries(suppressed) }),
      },
      { instrument: 'detectRefused', combination: 'total', of: ({ promotionsRefused }) => promotionsRefused },
      { instrument: 'detectHeldBack', combination: 'total', of: ({ heldBack }) => heldBack },
      {
        instrument: 'detectRules',
        combination: 'largest',
        of: ({ rules }) => ({ by: 'tidegate.mode', numbers: byMode(rules.inForce) }),
      },
      { instrument: 'detectBadRows', combination: 'total', of: ({ badRows }) => badRows },
      {
        instrument: 'detectNotesDropped',
        combination: 'total',
        of: ({ trafficDropped, identitiesDropped }) => ({
          by: 'tidegate.note',
          numbers: [
            ['traffic', trafficDropped],
            ['identities', identitiesDropped],
          ],
        }),
      },
      { instrument: 'detectPromotionFailures', combination: 'total', of: ({ promotionFailures }) => promotionFailures },
      { instrument: 'detectEvents', combination: 'total', of: ({ events }) => events },
      { instrument: 'detectEvidence', combination: 'total', of: ({ evidence }) => evidence },
      { instrument: 'detectLate', combination: 'total', of: ({ late }) => late },
      { instrument: 'detectDuplicates', combination: 'total', of: ({ duplicates }) => duplicates },
      { instrument: 'detectCorruptFrames', combination: 'total', of: ({ corruptFrames }) => corruptFrames },
      { instrument: 'detectEvictedClients', combination: 'total', of: ({ evictedClients }) => evictedClients },
      { instrument: 'detectClients', combination: 'sum', of: ({ clients }) => clients },
    ],
  });

export const watchedLogs = () =>
  new Watched({
    look: (log: LogSource) => log.stats(),
    figures: [
      { instrument: 'logRecords', combination: 'sum', of: ({ records }) => records },
      { instrument: 'logBytes', combination: 'sum', of: ({ bytes }) => bytes },
      { instrument: 'logDropped', combination: 'total', of: ({ droppedRecords }) => droppedRecords },
    ],
  });

/** One source a provider: the process that it is in. */
export const watchedProcess = () =>
  new Watched({
    look: (process: ProcessSource) => process.stats(),
    figures: [
      { instrument: 'processUptime', combination: 'largest', of: ({ uptimeS }) => uptimeS },
      {
        instrument: 'processCpuTime',
        combination: 'total',
        of: ({ cpuUserS, cpuSystemS }) => ({
          by: 'cpu.mode',
          numbers: [
            ['user', cpuUserS],
            ['system', cpuSystemS],
          ],
        }),
      },
      { instrument: 'processMemory', combination: 'largest', of: ({ memoryBytes }) => memoryBytes },
      { instrument: 'eventLoopDelayP99', combination: 'largest', of: ({ loopDelayP99S }) => loopDelayP99S },
      { instrument: 'eventLoopDelayMax', combination: 'largest', of: ({ loopDelayMaxS }) => loopDelayMaxS },
      { instrument: 'eventLoopUtilization', combination: 'largest', of: ({ loopUtilization }) => loopUtilization },
    ],
  });
