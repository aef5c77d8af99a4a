import type { BlockListStatsSource, EmitterStatsSource, GateStatsSource } from './observed.ts';
import { Watched } from './watched.ts';

export const watchedGates = () =>
  new Watched({
    look: (gate: GateStatsSource) => gate.stats(),
    figures: [
      { instrument: 'breakerOpen', combination: 'sum', of: ({ storeOpen }) => (storeOpen ? 1 : 0) },
      { instrument: 'storeCallsSaved', combination: 'total', of: ({ storeCommandsSaved }) => storeCommandsSaved },
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
      { instrument: 'eventsFolded', combination: 'total', of: ({ folded }) => folded },
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
    ],
  });
