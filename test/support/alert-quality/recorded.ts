import { Readable } from 'node:stream';
import type { Minute } from '../../../src/alert/spike/baseline.ts';
import { clientKeyOf } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import { createGate } from '../../../src/gate/gate.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { parsePolicies } from '../../../src/policy/parse.ts';
import { staticPolicies } from '../../../src/policy/static-source.ts';
import { readAccessLogs } from '../../../src/replay/access-log.ts';
import { loggedRequests } from '../../../src/replay/lock-step.ts';
import { detectors } from './detectors.ts';

/** What a log of requests, put through a limiter, makes each detector say. */
export interface RecordedAlarms {
  readonly log: string;
  readonly perClientPerMinute: number;
  readonly days: number;
  readonly decided: number;
  readonly denied: number;
  /** By detector, in their order: how often it rang; alarms within half an hour are one. */
  readonly alarms: readonly number[];
}

interface Recorded extends Minute {
  readonly byClient: ReadonlyMap<string, number>;
}

const limits = (perMinute: number): string => `version: 1
policies:
  - name: per-client
    scope: [client]
    limit: ${perMinute}
    window: 1m
`;

const minutesOf = async (file: string, perMinute: number): Promise<Map<number, Recorded>> => {
  const { requests } = await readAccessLogs({ files: [file], stdin: Readable.from([]) });
  const clock = new ManualClock(requests[0]?.timeMs ?? 0);
  const gate = createGate({
    ...{ policies: staticPolicies(parsePolicies(limits(perMinute))), store: new MemoryLimitStore({ clock }), clock },
    ...{ leases: false, denyCache: false, notifiesClients: false, random: () => 0.5 },
  });
  const minutes = new Map<number, { decided: number; denied: number; byClient: Map<string, number> }>();
  const source = loggedRequests(requests);
  for (let step = source.next(); step; step = source.next()) {
    clock.setMs(step.timeMs);
    const at = Math.floor(step.timeMs / 60_000);
    const minute = minutes.get(at) ?? { decided: 0, denied: 0, byClient: new Map<string, number>() };
    minutes.set(at, minute);
    for (const request of step.requests) {
      const { outcome, client } = await gate.check(request);
      minute.decided += 1;
      if (outcome !== 'denied') continue;
      const key = clientKeyOf(client);
      minute.denied += 1;
      minute.byClient.set(key, (minute.byClient.get(key) ?? 0) + 1);
    }
  }
  await gate.close();
  return minutes;
};

export const measureRecorded = async (file: string, log: string, perMinute: number): Promise<RecordedAlarms> => {
  const minutes = await minutesOf(file, perMinute);
  const times = [...minutes.keys()].sort((a, b) => a - b);
  const deniedByClient =
    (minute: number) =>
    (length: number): number[] => {
      const sums = new Map<string, number>();
      for (let at = minute - length + 1; at <= minute; at += 1) {
        for (const [key, denied] of minutes.get(at)?.byClient ?? []) sums.set(key, (sums.get(key) ?? 0) + denied);
      }
      return [...sums.values()];
    };
  const alarms = detectors.map((detector) => {
    let [count, last] = [0, Number.NEGATIVE_INFINITY];
    for (const minute of times) {
      const look = { series: (at: number) => minutes.get(at), minute, deniedByClient: deniedByClient(minute) };
      if (!detector.fires(look)) continue;
      if (minute > last + 30) count += 1;
      last = minute;
    }
    return count;
  });
  const all = [...minutes.values()];
  return {
    ...{ log, perClientPerMinute: perMinute, alarms },
    days: Math.round(((times.at(-1) ?? 0) - (times[0] ?? 0)) / 144) / 10,
    decided: all.reduce((sum, { decided }) => sum + decided, 0),
    denied: all.reduce((sum, { denied }) => sum + denied, 0),
  };
};
