import { createRequire } from 'node:module';
import type { AlertStore } from '../alert/alert-store.ts';
import type { Outbox } from '../alert/outbox.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Database } from '../clickhouse/database.ts';
import type { Retention } from '../clickhouse/retention.ts';
import { type Clock, systemRandom } from '../clock.ts';
import { messageOf, type Problem, TidegateError } from '../errors.ts';
import type { EventLog } from '../event/event-log.ts';
import { aloneWith, type FleetMember, type Membership } from '../limiter/fleet.ts';
import type { LimitStore } from '../limiter/limit-store.ts';
import type { Logger } from '../logger.ts';
import { redisSchemes } from '../redis/url.ts';
import type { ReviewRecords } from '../review/records.ts';
import type { TokenStore } from '../review/tokens.ts';
import { manifest } from './manifest.ts';
import { type Opened, openingAll } from './opened.ts';
import { readPseudonyms } from './pseudonym-keys.ts';
import { redact } from './redact.ts';
import { type Config, retentionSettings } from './settings.ts';

/** Which engine each part of tidegate stands on. */
export type EngineUrls = Pick<Config, 'redisUrl' | 'kafkaUrl' | 'clickhouseUrl'>;

export interface EngineOptions extends EngineUrls {
  readonly namespace: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `log`: counters and blocks live in the clock's time, for replay, instead of the server's. */
  readonly time: 'wall' | 'log';
  /** Of topics that do not exist yet. Default 12. */
  readonly partitions?: number;
  /** Of the frames in Kafka. Default `none`. */
  readonly eventCompression?: Config['eventCompression'];
  /** Tables are replicated on every server of this ClickHouse cluster. Null: on one server. */
  readonly clickhouseCluster?: string | null;
  /** 0: for ever, which a replayed log needs. Default 30. */
  readonly rawTtlDays?: number;
  /** Of the other tables, and under which keys clients are stored: see settings. Null: by default. */
  readonly minuteTtlDays?: number | null;
  readonly hourTtlDays?: number | null;
  readonly dayTtlDays?: number | null;
  readonly denialsTtlDays?: number | null;
  readonly blocksTtlDays?: number | null;
  readonly policiesTtlDays?: number | null;
  readonly healthTtlDays?: number | null;
  readonly ingestBlocksTtlDays?: number | null;
  readonly pseudonymKeysFile?: string | null;
  /** The embedded database will be served to readers. */
  readonly hasReaders?: boolean;
}

/** Counters and block list: one Redis, one connection. */
export interface Counters {
  readonly limitStore: LimitStore;
  readonly blockList: BlockList;
  /** Tokens that were made with `tidegate tokens create`, or over HTTP. */
  readonly tokens: TokenStore;
  /** What waits to be told by webhook. */
  readonly outbox: Outbox;
  /** What alerts have come to. */
  readonly alerts: AlertStore;
  /** What people's work leaves behind: batches, approvals, answers to repeat. */
  readonly records: ReviewRecords;
  /** Tells lists apart: what was kept of one is not taken for another. */
  readonly listName: string;
  /** Makes a gate one of those that share these counters. Stop it before they are closed. */
  readonly join: (member: FleetMember) => Promise<Membership>;
  /** How many do. */
  readonly liveGates: () => Promise<number>;
  close(): Promise<void>;
}

export interface Engines extends Counters {
  readonly log: EventLog;
  readonly database: Database;
}

/** What each setting understands; the part before the colon chooses. */
export const engineSchemes = {
  redisUrl: [...redisSchemes.map((scheme) => `${scheme}:`), 'memory:'],
  kafkaUrl: ['kafka:', 'memory:'],
  clickhouseUrl: ['http:', 'https:', 'chdb:'],
} as const satisfies Record<keyof EngineUrls, readonly string[]>;

const shownSchemes = {
  redisUrl:
    'redis://host:6379, redis+cluster://a:6379,b:6379, redis+sentinel://s1:26379,s2:26379/<primary>, with TLS rediss:// and so on, memory:',
  kafkaUrl: 'kafka://a:9092,b:9092, memory:',
  clickhouseUrl: 'http://host:8123/database, https://host:8443/database, chdb:<folder>',
} as const;

/** `REDIS://x` → `redis:`. */
export const schemeOf = (url: string): string => url.slice(0, url.indexOf(':') + 1).toLowerCase();

/** @throws TidegateError ENGINE_UNKNOWN naming every URL that no engine answers to, before anything is opened. */
export const checkEngineUrls = (urls: Partial<EngineUrls>): void => {
  const problems: Problem[] = [];
  for (const name of ['redisUrl', 'kafkaUrl', 'clickhouseUrl'] as const) {
    const url = urls[name];
    if (url === undefined) continue;
    const known: readonly string[] = engineSchemes[name];
    if (!known.includes(schemeOf(url)))
      problems.push({ path: name, message: `${redact(url)}: use ${shownSchemes[name]}` });
  }
  if (problems.length === 0) return;
  throw new TidegateError('ENGINE_UNKNOWN', `No engine for ${problems.map(({ path }) => path).join(' and ')}`, {
    problems,
  });
};

/** `Cannot find package '@fastify/swagger' imported from …`. A file of our own that is missing is no package. */
const missingPackage = /^Cannot find (?:package|module) '((?:@[\w.-]+\/)?\w[\w.-]*)/;

const isThere = (name: string): boolean => {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND');
  }
};

/** Of all that is optional, so that nobody has to learn the names one start at a time. */
const absentPackages = (): string[] => Object.keys(manifest().peerDependencies ?? {}).filter((name) => !isThere(name));

/** Loads code that stands on optional packages; one that is not installed becomes an instruction. */
export const adapter = async <T>(load: () => Promise<T>): Promise<T> => {
  try {
    return await load();
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND';
    const name = isMissing ? missingPackage.exec(messageOf(cause))?.[1] : undefined;
    if (name === undefined) throw cause;
    const all = absentPackages();
    const others = all.length < 2 ? '' : `; for every command and engine: npm install ${all.join(' ')}`;
    throw new TidegateError('ENGINE_MISSING', `This needs the package ${name}: npm install ${name}${others}`, {
      cause,
    });
  }
};

/**
 * Runs `open` with a log in which drivers whisper: while a start may still fail, its one line is the one to read. What is
 * opened keeps the log, and speaks up from then on.
 */
const whispering = async <T>(logger: Logger, open: (quiet: Logger) => Promise<T>): Promise<T> => {
  let isOpen = false;
  const engine = await open({
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger[isOpen ? 'info' : 'debug'](fields, message),
    warn: (fields, message) => logger[isOpen ? 'warn' : 'debug'](fields, message),
    error: (fields, message) => logger[isOpen ? 'error' : 'debug'](fields, message),
  });
  isOpen = true;
  return engine;
};

type CounterOptions = Pick<EngineOptions, 'redisUrl' | 'namespace' | 'clock' | 'logger' | 'time'>;

/** Opens what `redisUrl` names. */
export const openCounters = (options: CounterOptions): Promise<Counters> =>
  openingAll(async (opened) => {
    const { redisUrl } = options;
    checkEngineUrls({ redisUrl });
    const engines =
      schemeOf(redisUrl) === 'memory:' ? await memoryCounters(options) : await redisCounters(options, opened);
    opened.add(engines.limitStore, (store) => store.close());
    opened.add(engines.blockList, (list) => list.close());
    return { ...engines, close: () => opened.close() };
  });

const memoryCounters = async ({ redisUrl, clock, time }: CounterOptions): Promise<Omit<Counters, 'close'>> => {
  const { MemoryLimitStore } = await import('../limiter/memory-limit-store.ts');
  const { MemoryBlockList } = await import('../embedded/memory-block-list.ts');
  const { MemoryReviewRecords } = await import('../embedded/memory-review-records.ts');
  const { MemoryTokenStore } = await import('../embedded/memory-token-store.ts');
  const { MemoryOutbox } = await import('../embedded/memory-outbox.ts');
  const { MemoryAlertStore } = await import('../embedded/memory-alert-store.ts');
  // Replay draws no lots: the same log gives the same ends of blocks.
  const blockList = new MemoryBlockList({ clock, ...(time === 'log' ? {} : { random: systemRandom }) });
  const join = async (member: FleetMember): Promise<Membership> => aloneWith({ ...member, nowMs: () => clock.nowMs() });
  const tokens = new MemoryTokenStore({ clock });
  const records = new MemoryReviewRecords({ clock });
  const outbox = new MemoryOutbox({ clock });
  const alerts = new MemoryAlertStore({ clock });
  const limitStore = new MemoryLimitStore({ clock });
  const kept = { tokens, outbox, alerts, records };
  return { limitStore, blockList, ...kept, listName: redisUrl, join, liveGates: async () => 1 };
};

const redisCounters = async (options: CounterOptions, opened: Opened): Promise<Omit<Counters, 'close'>> => {
  const { redisUrl: url, namespace, clock, logger, time } = options;
  const [
    { openRedis, redisAddress },
    { warnOfRedis },
    { RedisLimitStore },
    { RedisBlockList },
    beats,
    { RedisTokenStore },
    { RedisReviewRecords },
    { RedisOutbox },
    { RedisAlertStore },
  ] = await adapter(() =>
    Promise.all([
      import('../redis/client.ts'),
      import('../redis/server-check.ts'),
      import('../redis/limit-store.ts'),
      import('../redis/block-list.ts'),
      import('../redis/heartbeat.ts'),
      import('../redis/token-store.ts'),
      import('../redis/review-records.ts'),
      import('../redis/outbox.ts'),
      import('../redis/alert-store.ts'),
    ]),
  );
  const connected = await whispering(logger, (quiet) => openRedis({ url, logger: quiet, onMisuse: 'ignore' }));
  const redis = opened.add(connected, (connection) => connection.disconnect());
  // A replay's clock is years behind every server's, and what it counts may be forgotten.
  if (time === 'wall') await warnOfRedis({ redis, clock, logger });
  const limitTime = time === 'log' ? { nowUs: () => clock.nowMs() * 1000 } : {};
  const blockTime = time === 'log' ? { nowMs: () => clock.nowMs() } : { random: systemRandom };
  return {
    limitStore: new RedisLimitStore({ redis, namespace, ...limitTime }),
    blockList: new RedisBlockList({ redis, namespace, ...blockTime }),
    tokens: new RedisTokenStore({ redis, namespace }),
    outbox: new RedisOutbox({ redis, namespace }),
    alerts: new RedisAlertStore({ redis, namespace }),
    records: new RedisReviewRecords({ redis, namespace }),
    listName: `${redisAddress(url)} ${namespace}`,
    join: async (member) => {
      const heartbeat = new beats.Heartbeat({ ...member, redis, namespace, clock, logger, random: systemRandom });
      await heartbeat.start();
      return heartbeat;
    },
    liveGates: () => beats.liveGatesIn(redis, namespace),
  };
};

type SecondaryOptions = Pick<EngineOptions, 'namespace' | 'logger'> & Pick<Config, 'secondaryRedisUrl'>;

/** Opens what `secondaryRedisUrl` names; null: nothing. @throws TidegateError CONFIG_INVALID, ENGINE_UNREACHABLE. */
export const openSecondary = async (options: SecondaryOptions, opened: Opened): Promise<LimitStore | null> => {
  const { secondaryRedisUrl: url, namespace, logger } = options;
  if (url === null) return null;
  const [{ openRedis }, { RedisLimitStore }] = await adapter(() =>
    Promise.all([import('../redis/client.ts'), import('../redis/limit-store.ts')]),
  );
  const open = (quiet: Logger) => openRedis({ url, logger: quiet, mayBeReplica: true });
  const redis = opened.add(await whispering(logger, open), (connection) => connection.disconnect());
  return new RedisLimitStore({ redis, namespace });
};

type LogOptions = Pick<EngineOptions, 'kafkaUrl' | 'clock' | 'logger' | 'partitions' | 'eventCompression'>;

/** Opens what `kafkaUrl` names. */
export const openLog = async (options: LogOptions): Promise<EventLog> => {
  const { kafkaUrl, clock, logger, partitions = 12, eventCompression: compression = 'none' } = options;
  checkEngineUrls({ kafkaUrl });
  if (schemeOf(kafkaUrl) === 'memory:') {
    const { MemoryEventLog } = await import('../embedded/memory-event-log.ts');
    return new MemoryEventLog({ clock, logger, partitions });
  }
  const { openKafkaEventLog } = await adapter(() => import('../kafka/event-log.ts'));
  return whispering(logger, (quiet) =>
    openKafkaEventLog({ url: kafkaUrl, clock, logger: quiet, partitions, compression }),
  );
};

type DatabaseOptions = Pick<EngineOptions, 'clickhouseUrl' | 'clickhouseCluster' | 'clock' | 'logger' | 'rawTtlDays'> &
  Pick<EngineOptions, (typeof retentionSettings)[number] | 'pseudonymKeysFile' | 'hasReaders'>;

/** What is given of it: the rest is for the database to say. */
const retentionIn = (options: DatabaseOptions): Retention =>
  Object.fromEntries(
    retentionSettings.flatMap((name) => (typeof options[name] === 'number' ? [[name, options[name]]] : [])),
  );

/** Opens what `clickhouseUrl` names. What is stored through it names nobody where there are keys for pseudonyms. */
export const openAnalytics = async (options: DatabaseOptions): Promise<Database> => {
  const { clickhouseUrl: url, clock, logger, rawTtlDays = 30, pseudonymKeysFile = null } = options;
  checkEngineUrls({ clickhouseUrl: url });
  const pseudonyms = readPseudonyms(pseudonymKeysFile);
  const { openDatabase } = await adapter(() => import('../clickhouse/database.ts'));
  const cluster = options.clickhouseCluster ? { cluster: options.clickhouseCluster } : {};
  const kept = { rawTtlDays, hasReaders: options.hasReaders ?? false, ...cluster, ...retentionIn(options) };
  return whispering(logger, (quiet) =>
    adapter(() => openDatabase({ url, clock, logger: quiet, ...kept, ...(pseudonyms ? { pseudonyms } : {}) })),
  );
};

/**
 * Opens all engines, or none: what was opened before a failure is closed again. Clock and time apply to counters and
 * blocks.
 *
 * @throws TidegateError ENGINE_UNKNOWN, ENGINE_MISSING, ENGINE_UNREACHABLE, ENGINE_UNFIT or DATA_LOCKED.
 */
export const openEngines = (options: EngineOptions): Promise<Engines> =>
  openingAll(async (opened) => {
    checkEngineUrls(options);
    const close = (engine: { close(): Promise<void> }): Promise<void> => engine.close();
    const counters = opened.add(await openCounters(options), close);
    const log = opened.add(await openLog(options), close);
    const database = opened.add(await openAnalytics(options), close);
    return { ...counters, log, database, close: () => opened.close() };
  });
