import type { Evidence } from '../blocklist/block.ts';
import { featuresOf } from '../review/features.ts';

/** Numbers by name; instants as RFC 3339. */
export type EvidenceNumbers = Readonly<Record<string, number | string>>;

const instantOf = (atMs: number): string => new Date(atMs).toISOString();

const onRoute = (route: string): string => `denied on ${route}`;

/** What of a block's evidence the stored decisions must give again. Whom a block would hit is not in them. */
export const numbersOf = (evidence: Evidence): EvidenceNumbers => ({
  ...featuresOf({ ...evidence, collateral: null }),
  firstSeenAt: instantOf(evidence.firstSeenAtMs),
  lastSeenAt: instantOf(evidence.lastSeenAtMs),
  ...Object.fromEntries(evidence.routes.map(({ route, denied }) => [onRoute(route), denied])),
});

/** Depends on the order of the log where a window has more routes than are told apart. */
const ordered = (name: string): boolean =>
  name === 'distinctRoutes' || name === 'topRouteShare' || name.startsWith(onRoute(''));

/** The names under which the two say something else. */
export const otherNumbers = (left: EvidenceNumbers, right: EvidenceNumbers, isCrowded: boolean): string[] =>
  [...new Set([...Object.keys(left), ...Object.keys(right)])].filter(
    (name) => left[name] !== right[name] && !(isCrowded && ordered(name)),
  );
