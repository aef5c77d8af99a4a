import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { bareCode, importsOf, type SourceFile } from './source-text.ts';

/** Files directly under src/ that every room may import. */
export const leaves = [
  'address',
  'client',
  'clock',
  'duration',
  'errors',
  'logger',
  'misuse',
  'option-checks',
  'problems',
  'route-pattern',
  'stable-hash',
];

/** Who may import whom, besides leaves and itself. A new room or arrow needs a record in docs/decisions/. */
export const rooms: Readonly<Record<string, readonly string[] | 'anything'>> = {
  policy: [],
  decision: ['policy'],
  event: ['decision'],
  blocklist: [],
  limiter: ['policy', 'decision'],
  gate: ['policy', 'decision', 'event', 'blocklist', 'limiter'],
  ingest: ['event'],
  detect: ['event', 'blocklist'],
  review: ['event', 'blocklist', 'policy'],
  analytics: ['event', 'blocklist', 'policy'],
  alert: ['event', 'blocklist', 'policy', 'metrics'],
  metrics: [],
  redis: ['policy', 'blocklist', 'limiter', 'review', 'alert'],
  kafka: ['event', 'gate', 'ingest'],
  clickhouse: ['ingest', 'event', 'analytics', 'embedded', 'alert'],
  embedded: ['limiter', 'blocklist', 'event', 'ingest', 'detect', 'analytics', 'policy', 'review', 'alert'],
  http: ['gate', 'decision', 'policy'],
  api: 'policy decision event blocklist limiter gate ingest detect analytics review alert metrics'.split(' '),
  replay: 'policy decision event blocklist limiter gate ingest detect analytics http'.split(' '),
  demo: 'policy decision event blocklist limiter gate ingest detect analytics http'.split(' '),
  console: [],
  cli: 'anything',
  index: 'policy decision event blocklist limiter gate metrics redis embedded'.split(' '),
};

const filesAndInputs = ['problems', 'policy', 'detect', 'api', 'cli'];
const terminal = ['cli'];

/** Which rooms may know a package. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  '@opentelemetry/api': ['metrics'],
  '@opentelemetry/exporter-prometheus': ['cli'],
  '@opentelemetry/sdk-metrics': ['cli'],
  'ipaddr.js': ['address'],
  ioredis: ['redis'],
  kafkajs: ['kafka'],
  '@clickhouse/client': ['clickhouse', 'embedded'],
  chdb: ['embedded'],
  fastify: ['http', 'api', 'demo'],
  'fastify-plugin': ['http', 'api'],
  '@fastify/swagger': ['api'],
  '@fastify/swagger-ui': ['api'],
  '@fastify/type-provider-typebox': ['api'],
  typebox: [...filesAndInputs, 'replay'],
  yaml: filesAndInputs,
  jose: ['api'],
  preact: ['console'],
  '@preact/signals': ['console'],
  uplot: ['console'],
  'cli-progress': terminal,
  'cli-table3': terminal,
  commander: terminal,
  'log-update': terminal,
  picocolors: terminal,
  pino: terminal,
  'pino-pretty': terminal,
};

/** `src/gate/gate.ts` → `gate`; `src/clock.ts` → `clock`. */
export const roomOf = (path: string): string =>
  path
    .replace(/^src\//, '')
    .replace(/\.[a-z]+$/, '')
    .split('/', 1)[0] ?? '';

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

const packageProblem = (room: string, name: string): string | null => {
  const allowed = packages[name];
  if (!allowed) return `knows the package ${name}, which no room may know; list it in test/support/rooms.ts`;
  if (room === 'cli' || allowed.includes(room)) return null;
  return `knows the package ${name}; only ${allowed.join(', ')} may: put a port between them`;
};

const roomProblem = (from: string, target: string): string | null => {
  const to = roomOf(target);
  const allowed = rooms[from] ?? [];
  if (to === from) return null;
  if (leaves.includes(to)) return from === 'console' ? `imports ${to}; the console speaks the API alone` : null;
  if (to === 'cli') return 'imports cli; nobody may: what both need belongs into the room that owns the idea';
  if (!(to in rooms)) return `imports ${to}, which is no room; add it to test/support/rooms.ts and record why`;
  if (from === 'index' && to === 'embedded' && !target.startsWith('src/embedded/memory-')) {
    return `imports ${target}; the library's entry may take the memory engines of embedded only`;
  }
  if (allowed === 'anything' || allowed.includes(to)) return null;
  return `imports ${to}, which ${from} may not; add a port to ${from}, or change the table and record why`;
};

const problemOf = (path: string, specifier: string | null): string | null => {
  const from = roomOf(path);
  if (specifier === null) return from === 'cli' ? null : 'imports a computed name; write the name out';
  if (isBuiltin(specifier)) return null;
  if (!specifier.startsWith('.')) return packageProblem(from, packageOf(specifier));
  const target = posix.join(posix.dirname(path), specifier);
  return target.startsWith('src/') ? roomProblem(from, target) : `imports ${target}, which is outside src/`;
};

/** Everything that the table forbids, one line each: `src/gate/gate.ts imports kafka, which gate may not; …`. */
export const forbiddenImports = (files: readonly SourceFile[]): string[] =>
  files.flatMap(({ path, text }) => {
    const from = roomOf(path);
    const known = from in rooms || leaves.includes(from) ? [] : [`${path} is in no room that the table names`];
    const problems = importsOf(text).map((specifier) => problemOf(path, specifier));
    return [...known, ...problems.filter((problem) => problem !== null).map((problem) => `${path} ${problem}`)];
  });

/** Files outside cli/ that read the environment. */
export const environmentReaders = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => roomOf(path) !== 'cli')
    .filter(
      ({ text }) =>
        /\bprocess\s*(?:\?\.|\.)\s*env\b|\bimport\.meta\.env\b/.test(bareCode(text)) ||
        importsOf(text).includes('node:process'),
    )
    .map(({ path }) => `${path} reads the environment; only cli/ may: take an option instead`);

/** A circle in the table, as `a > b > a`; null when there is none. */
export const circleIn = (table: typeof rooms): string | null => {
  const done = new Set<string>();
  const visit = (room: string, trail: readonly string[]): string | null => {
    if (trail.includes(room)) return [...trail.slice(trail.indexOf(room)), room].join(' > ');
    if (done.has(room)) return null;
    const targets = table[room] ?? [];
    for (const next of targets === 'anything' ? Object.keys(table).filter((other) => other !== room) : targets) {
      const circle = visit(next, [...trail, room]);
      if (circle) return circle;
    }
    done.add(room);
    return null;
  };
  for (const room of Object.keys(table)) {
    const circle = visit(room, []);
    if (circle) return circle;
  }
  return null;
};
