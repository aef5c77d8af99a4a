import type { LoggedRequest } from '../../src/replay/access-log-line.ts';

/** One client of an access log: what it did, in numbers. */
export interface LogClient {
  /** From 1: the place of its first request among the first requests of all clients. It names the client without its address. */
  readonly rank: number;
  readonly address: string;
  readonly requests: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Most requests within one minute of the clock. */
  readonly peakPerMinute: number;
  readonly distinctPaths: number;
}

interface Seen {
  readonly rank: number;
  readonly address: string;
  readonly firstMs: number;
  readonly perMinute: Map<number, number>;
  readonly paths: Set<string>;
  requests: number;
  lastMs: number;
}

const minuteMs = 60_000;

const summaryOf = ({ rank, address, requests, firstMs, lastMs, perMinute, paths }: Seen): LogClient => ({
  ...{ rank, address, requests, firstMs, lastMs },
  peakPerMinute: Math.max(...perMinute.values()),
  distinctPaths: paths.size,
});

/** Every client in order of rank. The requests come in order of time, as `readAccessLogs` gives them. */
export const logClients = (requests: Iterable<LoggedRequest>): LogClient[] => {
  const all = new Map<string, Seen>();
  for (const { timeMs, address, path } of requests) {
    const rank = all.size + 1;
    const fresh = { rank, address, firstMs: timeMs, perMinute: new Map(), paths: new Set<string>() };
    const seen: Seen = all.get(address) ?? { ...fresh, requests: 0, lastMs: timeMs };
    const minute = Math.floor(timeMs / minuteMs);
    seen.perMinute.set(minute, (seen.perMinute.get(minute) ?? 0) + 1);
    seen.paths.add(path);
    seen.requests += 1;
    seen.lastMs = timeMs;
    all.set(address, seen);
  }
  return [...all.values()].map(summaryOf);
};

/** Those with the most requests, the earlier one first where two have equally many. */
export const busiest = (clients: readonly LogClient[], count: number): LogClient[] =>
  [...clients].sort((left, right) => right.requests - left.requests || left.rank - right.rank).slice(0, count);
