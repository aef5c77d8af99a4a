/** Sources for the instruments, of numbers that can be told apart. */

export const gateStats = {
  storeCommandsSaved: 2,
  storeBytesSaved: 500,
  blockListFailures: 11,
  foldedRoutes: 3,
  overDeadline: 4,
  storeOpen: true,
  overflowed: 4,
  liveGates: 5,
  lostReturns: 6,
  approximate: { counters: 9, untoldUnits: 10 },
  leases: { counters: 1, units: 7, granted: 30, returned: 8 },
};
export const gateWith = (stats = gateStats) => ({ stats: () => stats });

export const emitterStats = {
  recorded: 10,
  sent: 7,
  waiting: 2,
  lost: 1,
  coarse: 6,
  folded: 4,
  foldedTwice: 3,
  rows: 5,
  failures: 8,
  oldestWaitMs: 1500,
  partitions: 12,
};
export const emitterWith = (stats = emitterStats) => ({ stats: () => stats });

export const blockListOf = (ageMs: number | null) => ({
  size: 12,
  ageMs: () => ageMs,
  stats: () => ({
    failures: 1,
    dropped: 2,
    networks: 3,
    snapshots: 4,
    gaps: 5,
    refusalsDropped: 6,
    fileFailures: 7,
    filesIgnored: 8,
    fileAgeMs: 9000,
  }),
});

export const policiesOf = (version: string, size: number) => ({
  current: () => ({ version, policies: Array.from({ length: size }, () => ({})) }),
  onChange: () => () => undefined,
});

export const relayWith = (stats = { isLeader: true, lagMs: 1500, published: 14, lost: 15, failures: 16 }) => ({
  stats: () => stats,
});

export const ruleState = {
  stats: () => ({
    switchedOff: [
      { what: 'blocks', isOff: true },
      { what: 'limits', isOff: false },
    ],
    breakers: [
      { rule: 'many-routes', state: 'open' as const, blocks: 17 },
      { rule: '*', state: 'half-open' as const, blocks: 18 },
    ],
  }),
};

export const deliverer = {
  stats: () => ({ isLeader: true, delivered: 1, failures: 2, givenUp: 3, dropped: 4, waiting: 5, disabled: 6 }),
};

export const policyRecords = { stats: () => ({ dropped: 13 }) };

export const ingestStats = {
  blocks: 1,
  rows: 200,
  settledBlocks: 3,
  repairedRows: 4,
  doubledRows: 5,
  lostRecords: 11,
  missingRows: 6,
  deadLetters: 7,
  retries: 8,
  waitingPartitions: 12,
  changedBlocks: 9,
  storedTwiceRows: 10,
};
export const ingesterWith = (lags: ReadonlyMap<number, number>, stats = ingestStats) => ({
  stats: () => stats,
  positions: () => lags,
  lag: () => Promise.resolve(lags),
});

export const detectorWith = (lags: ReadonlyMap<number, number>) => ({
  stats: () => ({
    partitions: lags.size,
    verdicts: 3,
    promotions: { activated: 2, proposed: 1, already: 0, suppressed: 0, shadow: 0 },
    suppressed: { tombstone: 1 },
    heldBack: 1,
    promotionsRefused: 1,
    promotionFailures: 1,
    corruptFrames: 2,
    badRows: 3,
    trafficDropped: 1,
    identitiesDropped: 2,
    rules: { inForce: [{ mode: 'enforce' }, { mode: 'shadow' }, { mode: 'enforce' }] },
    events: 30,
    evidence: 20,
    late: 4,
    duplicates: 5,
    evictedClients: 6,
    clients: 7,
  }),
  lag: () => Promise.resolve(lags),
});

export const delivererWith = (isLeader: boolean) => ({
  stats: () => ({ isLeader, delivered: 3, failures: 2, givenUp: 1, dropped: 4, waiting: 5, disabled: 6 }),
});

export const logWith = (droppedRecords: number) => ({ stats: () => ({ records: 4, bytes: 400, droppedRecords }) });

export const processSource = {
  stats: () => ({
    uptimeS: 9,
    cpuUserS: 2,
    cpuSystemS: 1,
    memoryBytes: 1024,
    loopDelayP99S: 0.01,
    loopDelayMaxS: 0.02,
    loopUtilization: 0.5,
  }),
};

export const reviewQueue = { stats: () => ({ waiting: 3, oldestWaitMs: 90_000 }) };

export const health = { stats: () => ({ published: 40, dropped: 3, omitted: 2, failures: 1 }) };

export const alerts = {
  stats: () => ({
    ...{ isLeader: true, evaluations: 9, failures: 2, dropped: 1, durationMs: 30, ageMs: 4000, blind: 3 },
    firing: [{ alert: 'throttle-spike', severity: 'page', count: 2 }],
    told: [{ channel: 'webhook', told: 5, failures: 1 }],
  }),
};
