import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificates } from './certificates.ts';
import { startDaemon } from './daemon.ts';
import { type Launch, type OwnEngine, ownEngine } from './engine.ts';
import { usablePorts } from './ports.ts';
import { answersPing, type RedisSettings, redisLauncher, redisVersion } from './redis.ts';
import { asOperator, until } from './redis-control.ts';
import { tlsPort, tlsQuery, tlsSettings } from './redis-tls.ts';

/** What the Sentinel calls the pair. */
export const masterName = 'tidegate';

const watchedWithinMs = 20_000;
const failoverWithinMs = 30_000;

/** A primary, its replica, and a Sentinel that watches them. */
export interface RedisPair {
  /** `redis+sentinel://…`: wherever the primary is. */
  readonly url: string;
  /** What was the primary at the start; {@link promote} and the Sentinel swap the roles, never these two. */
  readonly primary: OwnEngine;
  readonly replica: OwnEngine;
  readonly sentinel: OwnEngine;
  /** Which of the two the Sentinel calls primary now. */
  current(): Promise<'primary' | 'replica'>;
  /** A planned failover by the Sentinel; resolves when the other server is primary and the former one its replica. */
  promote(): Promise<void>;
  /** Waits until the Sentinel by itself has made `server` the primary, after the other one was killed or frozen. */
  promoted(server: 'primary' | 'replica'): Promise<void>;
  /** Waits until everything that was written on the primary so far is on the replica. */
  inStep(): Promise<void>;
  /** Ends all three and removes their data. */
  stop(): Promise<void>;
}

export interface RedisPairOptions {
  readonly folder: string;
  /** True: all three die with this process. */
  readonly tied: boolean;
  /** True: all three listen with TLS too, and `url` leads there; there is no {@link RedisPair.promote} then. Default false. */
  readonly tls?: boolean;
  remove(): void;
}

/** Where a server listens, and how else it is set up for that. */
interface Listening {
  readonly settings: RedisSettings;
  /** Where others reach it. */
  portOf(engine: OwnEngine): number;
}

/** One Redis with a replica and a Sentinel, on the loopback interface; takes two or three seconds. Throws ServiceError. */
export const startRedisPair = async (options: RedisPairOptions): Promise<RedisPair> => {
  const { folder, tied, remove } = options;
  const certificates = options.tls ? await makeCertificates(join(folder, 'certificates')) : null;
  const listening = async (): Promise<Listening> => {
    if (!certificates) return { settings: {}, portOf: ({ port }) => port };
    const port = await tlsPort();
    return { settings: tlsSettings(port, certificates), portOf: () => port };
  };
  const engines: OwnEngine[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(engines.map((engine) => engine.stop()));
    remove();
  };
  const start = async (name: string, launch: Launch): Promise<OwnEngine> => {
    const engine = await ownEngine(launch, { folder: join(folder, name), tied, remove: () => undefined });
    engines.push(engine);
    return engine;
  };
  try {
    const [first, second, third] = [await listening(), await listening(), await listening()];
    const primary = await start('primary', launchServer(first.settings));
    const replicaof = `127.0.0.1 ${first.portOf(primary)}`;
    const replica = await start('replica', launchServer({ ...second.settings, replicaof }));
    await until('the replica follows', watchedWithinMs, () => isLinked(replica));
    const sentinel = await start('sentinel', launchSentinel(first.portOf(primary), third.settings));
    await quicken(sentinel);
    const servers = { primary, replica, sentinel };
    await until('the Sentinel knows the replica', watchedWithinMs, () => knowsReplica(sentinel));
    const place = `127.0.0.1:${third.portOf(sentinel)}/${masterName}`;
    const url = certificates ? `rediss+sentinel://${place}?${tlsQuery(certificates)}` : `redis+sentinel://${place}`;
    return { url, ...servers, ...failoversOf(servers), stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** Either may have to feed the other one day. A server waits five seconds by default for further replicas to come along. */
const promptly = { 'repl-diskless-sync-delay': 0 };

const launchServer = (settings: RedisSettings): Launch => redisLauncher(() => ({ ...promptly, ...settings }));

/** It keeps its view of the world in its configuration file, so that file is written once and never again. */
const launchSentinel =
  (primaryPort: number, settings: RedisSettings): Launch =>
  async ({ folder, tied, ports }) => {
    const [port, secondPort] = await usablePorts(ports);
    mkdirSync(folder, { recursive: true });
    const path = join(folder, 'sentinel.conf');
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      ...Object.entries(settings).map(([name, value]) => `${name} ${value}`),
      `sentinel monitor ${masterName} 127.0.0.1 ${primaryPort} 1`,
      `sentinel down-after-milliseconds ${masterName} 500`,
      `sentinel failover-timeout ${masterName} 3000`,
    ];
    if (ports === undefined) writeFileSync(path, `${lines.join('\n')}\n`);
    const id = await startDaemon({
      name: 'Redis Sentinel',
      command: 'redis-server',
      args: [path, '--sentinel'],
      folder,
      logPath: join(folder, 'sentinel.log'),
      tied,
      healthyWithinMs: 30_000,
      isHealthy: () => answersPing(port),
    });
    const url = `redis+sentinel://127.0.0.1:${port}/${masterName}`;
    return { name: 'redis', url, version: await redisVersion(), id, folder, ports: [port, secondPort] };
  };

/** It asks servers for their state every ten seconds by default, and acts on nothing that it has not heard. */
const quicken = (sentinel: OwnEngine): Promise<unknown> =>
  asOperator(sentinel.port, (redis) =>
    redis.call('SENTINEL', 'DEBUG', 'info-period', 100, 'ping-period', 100, 'publish-period', 200),
  );

const isLinked = (server: OwnEngine): Promise<boolean> =>
  asOperator(server.port, async (redis) => (await redis.info('replication')).includes('master_link_status:up'));

/** A failover needs a replica that the Sentinel has heard of lately. */
const knowsReplica = (sentinel: OwnEngine): Promise<boolean> =>
  asOperator(sentinel.port, async (redis) => {
    const replicas = (await redis.call('SENTINEL', 'REPLICAS', masterName)) as string[][];
    return replicas.some((fields) => fields[fields.indexOf('flags') + 1] === 'slave' && linkIsUp(fields));
  });

const linkIsUp = (fields: readonly string[]): boolean => fields[fields.indexOf('master-link-status') + 1] === 'ok';

type Servers = Pick<RedisPair, 'primary' | 'replica' | 'sentinel'>;

const failoversOf = (servers: Servers): Pick<RedisPair, 'current' | 'promote' | 'promoted' | 'inStep'> => {
  const current = (): Promise<'primary' | 'replica'> =>
    asOperator(servers.sentinel.port, async (redis) => {
      const address = (await redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)) as string[];
      return Number(address[1]) === servers.replica.port ? 'replica' : 'primary';
    });
  const isPrimary = (server: OwnEngine): Promise<boolean> =>
    asOperator(server.port, async (redis) => ((await redis.role()) as unknown[])[0] === 'master').catch(() => false);
  const promoted = async (server: 'primary' | 'replica'): Promise<void> => {
    const isDone = async (): Promise<boolean> => (await current()) === server && (await isPrimary(servers[server]));
    await until(`the Sentinel has promoted the ${server}`, failoverWithinMs, isDone);
  };
  const promote = async (): Promise<void> => {
    const [from, to] =
      (await current()) === 'primary' ? (['primary', 'replica'] as const) : (['replica', 'primary'] as const);
    await until('the Sentinel accepts a failover', failoverWithinMs, () =>
      asOperator(servers.sentinel.port, (redis) => redis.call('SENTINEL', 'FAILOVER', masterName)).then(
        () => true,
        // NOGOODSLAVE or INPROG: it has just started, or just finished one.
        () => false,
      ),
    );
    await promoted(to);
    await until(`the former ${from} follows`, failoverWithinMs, () => isLinked(servers[from]).catch(() => false));
  };
  const inStep = async (): Promise<void> => {
    const leader = servers[await current()];
    await until('the replica is in step', failoverWithinMs, () =>
      asOperator(leader.port, async (redis) => {
        const info = await redis.info('replication');
        const offset = /master_repl_offset:(\d+)/.exec(info)?.[1];
        return info.includes(`offset=${offset},`);
      }),
    );
  };
  return { current, promote, promoted, inStep };
};
