import type { Evidence } from '../blocklist/block.ts';

/** Evidence as one vector of numbers by name, in one order: what two blocks are compared by. */
export const featuresOf = (evidence: Evidence): Readonly<Record<string, number>> => {
  const { denied, allowed, early, windows, distinctRoutes, routes, members, collateral } = evidence;
  const decisions = denied + allowed;
  return {
    denied,
    allowed,
    deniedShare: decisions === 0 ? 0 : denied / decisions,
    distinctRoutes,
    topRouteShare: denied === 0 ? 0 : (routes[0]?.denied ?? 0) / denied,
    windowsHit: windows.hit,
    windowsWeight: windows.weight,
    durationMs: evidence.lastSeenAtMs - evidence.firstSeenAtMs,
    ...(early === null ? {} : { early, earlyShare: denied === 0 ? 0 : early / denied }),
    ...(members === null ? {} : { clients: members.clients }),
    ...(collateral === null ? {} : { identities: collateral.identities }),
  };
};
