import type { Minute } from '../../src/alert/spike/baseline.ts';

export const minuteMs = 60_000;
/** A midnight UTC. */
export const startMs = 1_750_000_020_000 - (1_750_000_020_000 % 86_400_000);
export const dayMinutes = 1440;

/** A day of requests, by route: [mean a minute, share denied], with a daily cycle and noise that a formula makes. */
export const routes = [
  { route: 'GET /busy', perMinute: 2000, share: 0.02 },
  { route: 'GET /usual', perMinute: 400, share: 0.05 },
  { route: 'POST /login', perMinute: 120, share: 0.01 },
  { route: 'GET /quiet', perMinute: 4, share: 0.1 },
  { route: 'GET /calm', perMinute: 300, share: 0 },
  { route: 'POST /report', perMinute: 300, share: 0.02 },
] as const;

interface Injected {
  readonly route: string;
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly share: number;
  readonly clients: number;
  readonly early?: number;
  readonly degraded?: boolean;
}

export const injected: readonly Injected[] = [
  // Two spikes.
  { route: 'GET /usual', fromMinute: 600, toMinute: 610, share: 0.4, clients: 40 },
  { route: 'POST /login', fromMinute: 900, toMinute: 906, share: 0.5, clients: 25, early: 1 },
  // One client alone, that nobody else suffers from.
  { route: 'GET /calm', fromMinute: 300, toMinute: 330, share: 0.5, clients: 1 },
  // The limiter itself.
  { route: 'GET /busy', fromMinute: 1200, toMinute: 1205, share: 0.6, clients: 60, degraded: true },
  // A job of every day, and one of every week.
  { route: 'POST /report', fromMinute: 1000, toMinute: 1005, share: 0.4, clients: 30 },
  { route: 'POST /report', fromMinute: 1000 - 1440, toMinute: 1005 - 1440, share: 0.4, clients: 30 },
  { route: 'POST /report', fromMinute: 1100, toMinute: 1104, share: 0.4, clients: 30 },
  { route: 'POST /report', fromMinute: 1100 - 10_080, toMinute: 1104 - 10_080, share: 0.4, clients: 30 },
];

/** No data: neither a fall to nothing, nor a spike when it is over. */
export const hole = { fromMinute: 480, toMinute: 500 } as const;

/** Minutes of the day, and some of yesterday and of a week before. */
export const minutesWithData: readonly number[] = [
  ...Array.from({ length: 60 }, (_, minute) => minute + 1070 - 10_080),
  ...Array.from({ length: 60 }, (_, minute) => minute + 970 - 1440),
  ...Array.from({ length: dayMinutes }, (_, minute) => minute),
].filter((minute) => minute < hole.fromMinute || minute >= hole.toMinute);

/** 0 to 1, the same in every run. */
const noise = (seed: number): number => {
  const value = Math.sin(seed * 12.9898) * 43_758.5453;
  return value - Math.floor(value);
};

/** One minute of one route. */
export interface RouteMinute extends Minute {
  readonly byClient: readonly number[];
  readonly early: number;
  readonly isDegraded: boolean;
}

export const routeMinute = (index: number, minute: number): RouteMinute => {
  const { route, perMinute, share } = routes[index] ?? routes[0];
  const cycle = 1 + 0.5 * Math.sin((2 * Math.PI * minute) / dayMinutes);
  const decided = Math.round(perMinute * cycle * (0.8 + 0.4 * noise(minute * 7 + index)));
  const spike = injected.find(
    ({ route: of, fromMinute, toMinute }) => of === route && minute >= fromMinute && minute < toMinute,
  );
  const denied = Math.round(decided * (spike?.share ?? share * (0.6 + 0.8 * noise(minute * 13 + index))));
  const clients = Math.min(denied, spike?.clients ?? 8);
  const byClient = Array.from(
    { length: clients },
    (_, client) => Math.floor(denied / clients) + (client < denied % clients ? 1 : 0),
  );
  return { decided, denied, byClient, early: spike?.early ?? 0, isDegraded: spike?.degraded ?? false };
};

/** All of it, as events. */
export const spikeDayLines = (): string[] => {
  const lines: string[] = [];
  let seq = 0;
  const put = (minute: number, route: string, fields: object): void => {
    seq += 1;
    const time = startMs + minute * minuteMs + (seq % 50_000);
    const common = { emitter: 'gate', partition: 0, seq, tenant: 'acme', region: 'eu', client_kind: 'ip', policy: 'p' };
    lines.push(JSON.stringify({ time, ...common, route, cost: 1, ...fields }));
  };
  for (const minute of minutesWithData) {
    routes.forEach(({ route }, index) => {
      const { decided, denied, byClient, early, isDegraded } = routeMinute(index, minute);
      const degraded = isDegraded ? 'timeout' : '';
      byClient.forEach((count, client) => {
        const denial = { outcome: 'denied', client: `c${client}`, count, early: Math.round(count * early), degraded };
        put(minute, route, denial);
      });
      if (decided > denied)
        put(minute, route, { outcome: 'allowed', client: 'all', degraded, count: decided - denied });
    });
  }
  return lines;
};
