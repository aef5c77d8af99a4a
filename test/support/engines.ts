import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, inject } from 'vitest';
import { type Launch, type OwnEngine, ownEngine } from '../services/engine.ts';
import { openRunFolder, removeFolder } from '../services/folders.ts';
import { launchKafka } from '../services/kafka.ts';
import { launchRedis } from '../services/redis.ts';
import { type RedisCluster, startRedisCluster as startCluster } from '../services/redis-cluster.ts';
import { type RedisPair, startRedisPair as startPair } from '../services/redis-pair.ts';
import { startTlsRedis as startTls, type TlsRedis } from '../services/redis-tls.ts';

/** Where the run's shared engines are; null: it cannot be had here. */
export interface TestEngines {
  readonly redis: string | null;
  readonly kafka: string | null;
  /** A folder for data folders of the embedded database. */
  readonly chdb: string | null;
  /** The program. */
  readonly chromium: string | null;
  readonly prometheus: string | null;
  /** Checks what Prometheus is to read; comes with it. */
  readonly promtool: string | null;
  readonly alertmanager: string | null;
}

declare module 'vitest' {
  export interface ProvidedContext {
    readonly engines: TestEngines;
  }
}

export type { OwnEngine } from '../services/engine.ts';
export type { RedisCluster } from '../services/redis-cluster.ts';
export type { RedisPair } from '../services/redis-pair.ts';
export type { TlsRedis } from '../services/redis-tls.ts';

const none: TestEngines = {
  ...{ redis: null, kafka: null, chdb: null, chromium: null },
  ...{ prometheus: null, promtool: null, alertmanager: null },
};

/** The unit project starts no engines and provides nothing. */
const engines = (): TestEngines => (inject('engines') as TestEngines | undefined) ?? none;

/** The run's shared Redis, `redis://127.0.0.1:…`; null when there is none. Others use it too: see {@link freshName}. */
export const redisUrl = (): string | null => engines().redis;

/** The run's shared Kafka, `kafka://127.0.0.1:…`; null when there is none. Others use it too: see {@link freshName}. */
export const kafkaUrl = (): string | null => engines().kafka;

/** `chdb:<new empty folder>`; null when chDB cannot be loaded. A process may open one folder only in its life. */
export const chdbUrl = (): string | null => {
  const { chdb } = engines();
  return chdb === null ? null : `chdb:${mkdtempSync(join(chdb, 'chdb-'))}`;
};

/** Where the browser's program is; null when there is none. */
export const chromiumPath = (): string | null => engines().chromium;

/** Where these programs are; null: not here. */
export const prometheusPath = (): string | null => engines().prometheus;
export const promtoolPath = (): string | null => engines().promtool;
export const alertmanagerPath = (): string | null => engines().alertmanager;

const urlOf = {
  ...{ redis: redisUrl, kafka: kafkaUrl, chdb: chdbUrl, chromium: chromiumPath },
  ...{ prometheus: prometheusPath, promtool: promtoolPath, alertmanager: alertmanagerPath },
} as const;

/** A suite that needs an engine; skipped where it cannot be had (the run's set-up has said so, and how to get it). */
export const describeWith = (engine: keyof typeof urlOf, title: string, body: (url: string) => void): void => {
  const url = urlOf[engine]();
  if (url === null) describe.skip(`${title} (no ${engine} here)`, () => body(`${engine}:missing`));
  else describe(title, () => body(url));
};

/** A name that no other test, file or run uses: for topics, groups, namespaces and key prefixes. */
export const freshName = (label = 'test'): string => `${label}-${randomBytes(6).toString('hex')}`;

const inRunFolder = (label: string) => {
  const folder = openRunFolder(label);
  return { folder, tied: true, remove: () => removeFolder(folder) };
};

const startOwn = (label: string, launch: Launch): Promise<OwnEngine> => ownEngine(launch, inRunFolder(label));

/** A Redis of this test alone, to break at will. Stop it in `afterAll`; it dies with the process in any case. */
export const startRedis = (): Promise<OwnEngine> => startOwn('redis', launchRedis);

/** A cluster of three Redis servers of this test alone: takes about three seconds. Stop it in `afterAll`. */
export const startRedisCluster = (options: { tls?: boolean } = {}): Promise<RedisCluster> =>
  startCluster({ ...inRunFolder('redis-cluster'), ...options });

/** A Redis, its replica and a Sentinel of this test alone: takes about two seconds. Stop it in `afterAll`. */
export const startRedisPair = (options: { tls?: boolean } = {}): Promise<RedisPair> =>
  startPair({ ...inRunFolder('redis-pair'), ...options });

/** A Redis of this test alone that listens with TLS, too. Stop it in `afterAll`. */
export const startTlsRedis = (): Promise<TlsRedis> => startTls(inRunFolder('redis-tls'));

/** A Kafka broker of this test alone: takes about five seconds. Stop it in `afterAll`. */
export const startKafka = (): Promise<OwnEngine> => startOwn('kafka', launchKafka);
