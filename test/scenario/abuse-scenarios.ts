import type { Client } from '../../src/client.ts';

/** One who sends requests: every `everyMs` a batch at once, on the next of its paths, from `fromMs` until `untilMs`. */
export interface Actor {
  readonly client: Client;
  /** `METHOD /path`; `#` becomes a running number. */
  readonly requests: readonly string[];
  readonly fromMs?: number;
  readonly untilMs: number;
  readonly everyMs: number;
  /** Default 1. */
  readonly batch?: number;
  /** Waits as long as a denial says before it goes on. Default false. */
  readonly honours?: boolean;
  /** Whether the host's router knows its routes. Default false: they are derived from the path. */
  readonly routed?: boolean;
}

export interface Scenario {
  readonly name: string;
  /** In which rule file it plays. Default `rules.yaml` with `policies.yaml`. */
  readonly demo?: boolean;
  readonly actors: readonly Actor[];
  /** Client id → rule. */
  readonly blocks: Readonly<Record<string, string>>;
}

const ip = (id: string): Client => ({ kind: 'ip', id });
const minutes = (count: number): number => count * 60_000;

const pageOf = (assets: number): string[] => [
  'GET /',
  ...Array.from({ length: assets }, (_, index) => `GET /assets/file-${index}.js`),
];

export const scenarios: readonly Scenario[] = [
  {
    name: 'a page with 90 assets is no abuse',
    actors: [{ client: ip('192.0.2.1'), requests: pageOf(90), everyMs: 30, untilMs: 4000 }],
    blocks: {},
  },
  {
    name: 'a page with 90 assets over a slow line is no abuse',
    actors: [{ client: ip('192.0.2.1'), requests: pageOf(90), everyMs: 250, untilMs: 23_000 }],
    blocks: {},
  },
  {
    name: 'a person who opens a heavy page every half minute for a quarter of an hour is no abuse',
    actors: [{ client: ip('192.0.2.1'), requests: pageOf(40), batch: 41, everyMs: 30_000, untilMs: minutes(15) }],
    blocks: {},
  },
  {
    name: 'a deploy that sends 500 calls at once is no abuse, however often',
    actors: [
      {
        client: { kind: 'key', id: 'ci' },
        requests: ['PUT /releases/#'],
        batch: 500,
        everyMs: minutes(2),
        untilMs: minutes(15),
      },
    ],
    blocks: {},
  },
  {
    name: 'a slow crawler on a thousand paths is no abuse',
    actors: [{ client: ip('192.0.2.2'), requests: ['GET /articles/title-#'], everyMs: 2000, untilMs: minutes(20) }],
    blocks: {},
  },
  {
    name: 'a feed reader far above the limit of nobody is no abuse',
    actors: [{ client: ip('192.0.2.3'), requests: ['GET /feed.xml'], everyMs: 10_000, untilMs: minutes(60) }],
    blocks: {},
  },
  {
    name: 'a job that runs at half again its limit is no abuse',
    actors: [{ client: { kind: 'key', id: 'job' }, requests: ['POST /orders'], everyMs: 660, untilMs: minutes(20) }],
    blocks: {},
  },
  {
    name: 'a retrier that waits as it is told is no abuse',
    actors: [
      { client: ip('192.0.2.4'), requests: ['GET /reports'], everyMs: 100, honours: true, untilMs: minutes(10) },
      { client: ip('192.0.2.5'), requests: ['POST /login'], everyMs: 100, honours: true, untilMs: minutes(10) },
    ],
    blocks: {},
  },
  {
    name: 'a person who mistypes a password over and over is no abuse',
    actors: [{ client: ip('192.0.2.6'), requests: ['POST /login'], everyMs: 4000, untilMs: minutes(3) }],
    blocks: {},
  },
  {
    name: 'twenty keys behind one address are twenty clients, each within its limit',
    actors: Array.from({ length: 20 }, (_, index) => ({
      client: { kind: 'key' as const, id: `employee-${index}` },
      requests: ['GET /app', 'GET /inbox', 'GET /calendar'],
      fromMs: index * 37,
      everyMs: 1200,
      untilMs: minutes(3),
    })),
    blocks: {},
  },
  {
    name: 'a scanner that is gone after half a minute is blocked',
    actors: [{ client: ip('203.0.113.1'), requests: ['GET /probe-#/.env'], everyMs: 50, untilMs: 30_000 }],
    blocks: { '203.0.113.1': 'many-routes' },
  },
  {
    name: 'a scanner that takes its time is blocked within three minutes',
    actors: [{ client: ip('203.0.113.2'), requests: ['GET /probe-#'], everyMs: 500, untilMs: minutes(4) }],
    blocks: { '203.0.113.2': 'many-routes' },
  },
  {
    name: 'a scanner that goes over the same hundred paths again and again is blocked by what it is denied',
    actors: [
      {
        client: ip('203.0.113.3'),
        requests: Array.from({ length: 60 }, (_, index) => `GET /door-${index}`),
        everyMs: 250,
        untilMs: minutes(4),
      },
    ],
    blocks: { '203.0.113.3': 'many-routes' },
  },
  {
    name: 'credential stuffing on one route is blocked, and the neighbour of the stuffer is not',
    actors: [
      { client: ip('203.0.113.4'), requests: ['POST /login'], everyMs: 330, untilMs: minutes(2) },
      { client: ip('203.0.113.5'), requests: ['POST /login', 'GET /'], everyMs: 20_000, untilMs: minutes(2) },
    ],
    blocks: { '203.0.113.4': 'login-stuffing' },
  },
  {
    name: 'slow stuffing that never lets up is blocked',
    actors: [{ client: ip('203.0.113.6'), requests: ['POST /login'], everyMs: 2000, untilMs: minutes(6) }],
    blocks: { '203.0.113.6': 'login-stuffing' },
  },
  {
    name: 'a retry storm on one route is blocked',
    actors: [
      {
        client: { kind: 'key', id: 'stormy' },
        requests: ['GET /reports'],
        everyMs: 100,
        routed: true,
        untilMs: minutes(4),
      },
    ],
    blocks: { stormy: 'deaf-retries' },
  },
  {
    name: 'within 25 seconds the demo blocks stuffer, scanner and storm, and nobody else',
    demo: true,
    actors: [
      { client: ip('203.0.113.7'), requests: ['POST /login'], everyMs: 333, untilMs: 24_000 },
      { client: ip('203.0.113.8'), requests: ['GET /probe-#'], everyMs: 66, untilMs: 24_000 },
      { client: ip('203.0.113.9'), requests: ['GET /reports'], everyMs: 100, untilMs: 24_000 },
      { client: ip('192.0.2.7'), requests: ['GET /orders', 'GET /orders/#'], everyMs: 1000, untilMs: 24_000 },
      {
        client: { kind: 'key', id: 'bursty' },
        requests: ['GET /orders', 'GET /items', 'POST /sync'],
        batch: 40,
        everyMs: 10_000,
        untilMs: 24_000,
      },
      { client: ip('192.0.2.8'), requests: ['GET /reports'], everyMs: 200, honours: true, untilMs: 24_000 },
    ],
    blocks: { '203.0.113.7': 'login-stuffing', '203.0.113.8': 'many-routes', '203.0.113.9': 'deaf-retries' },
  },
];
