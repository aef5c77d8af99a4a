/** One HTTP request that a persona sends. */
export interface PersonaRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
}

/** What came back, as far as a client cares. */
export interface Answer {
  readonly status: number;
  /** From the Retry-After field; null without one. */
  readonly retryAfterMs: number | null;
}

/** What a persona does next: waits, then sends all requests at once. */
export interface Turn {
  readonly waitMs: number;
  readonly requests: readonly PersonaRequest[];
}

/** A way to behave: each turn is resumed with the answers to it, in their order. */
export type Behaviour = Generator<Turn, never, readonly Answer[]>;

export interface Persona {
  readonly name: string;
  /** Shown to people. */
  readonly about: string;
  /** Where its requests seem to come from: documentation ranges, nobody's real address. */
  readonly address: string;
  /** A credential that the sample API knows, and whose it is; without one, the address is who it is. */
  readonly credential?: { readonly apiKey: string; readonly tenant: string };
  /** Whether the detector is expected to stop it. */
  readonly abusive: boolean;
  behave(random: () => number): Behaviour;
}

const tooManyRequests = 429;

const get = (path: string): PersonaRequest => ({ method: 'GET', path });

const pick = <T>(random: () => number, from: readonly [T, ...T[]]): T =>
  from[Math.floor(random() * from.length)] ?? from[0];

const between = (random: () => number, fromMs: number, toMs: number): number =>
  Math.round(fromMs + random() * (toMs - fromMs));

const number = (random: () => number, below: number): number => Math.floor(random() * below);

const longestWaitMs = (answers: readonly Answer[]): number =>
  Math.max(
    0,
    ...answers.filter(({ status }) => status === tooManyRequests).map(({ retryAfterMs }) => retryAfterMs ?? 1000),
  );

/** A customer at a keyboard: never near a limit. */
function* steady(random: () => number): Behaviour {
  for (;;) {
    const path = pick(random, ['/orders', `/orders/${number(random, 500)}`, `/search?q=${number(random, 90)}`]);
    yield { waitMs: between(random, 700, 1300), requests: [get(path)] };
  }
}

const burstSize = 26;
const quietMs = 7000;

/** A nightly job by day: over the burst in one go, then one by one what was refused, when it was told to. */
function* bursty(random: () => number): Behaviour {
  for (;;) {
    const burst = Array.from({ length: burstSize }, () => get(`/orders/${number(random, 500)}`));
    let answers = yield { waitMs: between(random, 400, 800), requests: burst };
    let left = burst.filter((_, index) => answers[index]?.status === tooManyRequests);
    while (left.length > 0) {
      answers = yield { waitMs: Math.max(600, longestWaitMs(answers)), requests: left.slice(0, 1) };
      if (answers[0]?.status !== tooManyRequests) left = left.slice(1);
    }
    yield { waitMs: quietMs, requests: [] };
  }
}

/** Tries leaked passwords: one route, one source, no pause. */
function* stuffer(random: () => number): Behaviour {
  for (;;) {
    const body = JSON.stringify({ user: `user${number(random, 1e6)}`, password: `guess${number(random, 1e6)}` });
    yield { waitMs: between(random, 90, 150), requests: [{ method: 'POST', path: '/login', body }] };
  }
}

const probes = [
  '.env',
  '.git/config',
  'wp-login.php',
  'admin',
  'phpmyadmin',
  'actuator/env',
  'server-status',
  'backup.zip',
] as const;
const folders = ['', 'old/', 'test/', 'dev/', 'api/', 'cgi-bin/', 'shop/', 'blog/', 'v2/', 'portal/'] as const;

/** Looks for doors that somebody left open: many routes, most of which do not exist. */
function* scanner(random: () => number): Behaviour {
  for (;;) {
    const known = pick(random, ['/orders', '/reports', '/search', `/orders/${number(random, 500)}`]);
    const probe = `/${pick(random, folders)}${pick(random, probes)}`;
    yield { waitMs: between(random, 40, 80), requests: [get(random() < 0.2 ? known : probe)] };
  }
}

/** A retry loop without a pause: the answer is refused, so it asks again. */
function* storm(random: () => number): Behaviour {
  for (;;) yield { waitMs: between(random, 30, 60), requests: [get('/reports')] };
}

/** Pushes until it is refused, then waits as long as it was told and asks for the same again. */
function* polite(random: () => number): Behaviour {
  for (;;) {
    const request = get(`/reports/${number(random, 40)}`);
    let waitMs = between(random, 200, 300);
    for (let refused = true; refused; ) {
      const answers: readonly Answer[] = yield { waitMs, requests: [request] };
      refused = answers[0]?.status === tooManyRequests;
      waitMs = longestWaitMs(answers) + between(random, 50, 150);
    }
  }
}

/** Who visits the demo. Names are what its summary reports. */
export const personas: readonly Persona[] = [
  {
    name: 'steady',
    about: 'customer, about one request a second',
    address: '198.51.100.11',
    credential: { apiKey: 'demo-key-of-acme', tenant: 'acme' },
    abusive: false,
    behave: steady,
  },
  {
    name: 'bursty',
    about: 'integration: bursts over the limit, then honours Retry-After',
    address: '198.51.100.22',
    credential: { apiKey: 'demo-key-of-globex', tenant: 'globex' },
    abusive: false,
    behave: bursty,
  },
  {
    name: 'polite',
    about: 'retrier that honours Retry-After',
    address: '198.51.100.33',
    abusive: false,
    behave: polite,
  },
  {
    name: 'stuffer',
    about: 'credential stuffing on one route',
    address: '203.0.113.44',
    abusive: true,
    behave: stuffer,
  },
  { name: 'scanner', about: 'scanner over many routes', address: '203.0.113.55', abusive: true, behave: scanner },
  {
    name: 'storm',
    about: 'retry storm that ignores Retry-After',
    address: '203.0.113.66',
    abusive: true,
    behave: storm,
  },
];
