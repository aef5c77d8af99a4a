import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock, systemClock } from '../../src/clock.ts';
import { spendOne } from '../../src/limiter/limit-store.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { forgetNamespace } from '../../src/redis/forget-namespace.ts';
import { Heartbeat } from '../../src/redis/heartbeat.ts';
import { limitKey } from '../../src/redis/keys.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';
import { inspectRedis } from '../../src/redis/server-check.ts';
import { blockListSample } from '../contract/block-list.contract.ts';
import { limitStoreContract } from '../contract/limit-store.contract.ts';
import { asOperator } from '../services/redis-control.ts';
import {
  describeWith,
  freshName,
  type OwnEngine,
  type RedisCluster,
  type RedisPair,
  startRedis,
  startRedisCluster,
  startRedisPair,
  startTlsRedis,
  type TlsRedis,
} from '../support/engines.ts';
import { gateReport } from '../support/gate-reports.ts';
import { promotionOf } from '../support/promotions.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { repositoryRoot, sourceFiles } from '../support/source-text.ts';

const guide = readFileSync(join(repositoryRoot, 'docs/guides/redis.md'), 'utf8');

/** The words of the guide's own `ACL SETUSER tidegate …`, after the name. */
const documentedRights = (): string[] => {
  const [, text = ''] = /```text\nACL SETUSER tidegate ([\s\S]*?)```/.exec(guide) ?? [];
  return text.trim().split(/\s+/);
};
const documentedSentinelRights = (): string[] => {
  const [, text = ''] = /At Sentinels a user needs\s+`([^`]+)`/.exec(guide) ?? [];
  return text.trim().split(/\s+/);
};

const grant = (port: number): Promise<unknown> =>
  asOperator(port, (operator) => operator.call('ACL', 'SETUSER', 'tidegate', 'reset', ...documentedRights()));

const withUser = (url: string): string => url.replace('://', '://tidegate:password@');

const request = (client: string) => ({
  key: { policy: 'p', client },
  terms: { algorithm: 'token-bucket', periodUs: 3_600_000_000, capacity: 5 } as const,
  cost: 1,
  mode: 'enforce' as const,
});

/** Everything that tidegate does in a Redis, once. */
const exercise = async (url: string): Promise<void> => {
  const redis = await openRedis({ url });
  const namespace = freshName('rights');
  const store = new RedisLimitStore({ redis, namespace });
  for (const client of ['ada', 'ben', 'cleo', 'dora']) await spendOne(store, [request(client)]);
  const list = new RedisBlockList({ redis, namespace });
  const made = await list.promote(promotionOf({ id: 'v1', atMs: systemClock.nowMs() }));
  expect(made.kind).toBe('activated');
  const heartbeat = new Heartbeat({
    redis,
    namespace,
    gateId: 'g',
    policyVersion: () => 'v',
    report: () => gateReport,
    clock: new ManualClock(),
  });
  await heartbeat.start();
  expect(heartbeat.policyVersions().get('v')).toBe(1);
  expect(await heartbeat.gates()).toHaveLength(1);
  await heartbeat.stop();
  const logger = recordingLogger();
  await inspectRedis({ redis, logger });
  expect(logger.lines).toEqual([]);
  redis.disconnect();
  expect(await forgetNamespace({ url, namespace })).toBeGreaterThan(10);
};

describeWith('redis', 'a user with the documented rights alone', () => {
  let server: OwnEngine;
  let redis: RedisConnection;
  beforeAll(async () => {
    server = await startRedis();
    await grant(server.port);
    redis = await openRedis({ url: withUser(server.url) });
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });

  it('may do all that tidegate does, in any database', async () => {
    await exercise(withUser(server.url));
    await exercise(`${withUser(server.url)}/3`);
  });

  it('may neither read nor write the keys of others, nor change the server', async () => {
    await expect(redis.set('other', '1')).rejects.toThrow(/^NOPERM/);
    await expect(redis.call('CONFIG', 'GET', '*')).rejects.toThrow(/^NOPERM/);
    await expect(redis.call('FLUSHALL')).rejects.toThrow(/^NOPERM/);
  });

  it.each(documentedRights().filter((word) => word.startsWith('+')))('has a use for %s', (right) => {
    const used = [
      ...sourceFiles(['lua'], ['.lua']).map(({ text }) => text),
      // What ioredis and the adapters send outside of scripts.
      'PING INFO TIME SELECT EVALSHA EVAL SET HGETALL HMGET ZREVRANGE ZREVRANGEBYSCORE LRANGE CLUSTER|SLOTS CLUSTER|INFO ASKING SCAN UNLINK',
    ].join(' ');
    expect(used).toMatch(new RegExp(`\\b${right.slice(1).toUpperCase().replace('|', '\\|')}\\b`));
  });

  let now = 0;
  limitStoreContract('with these rights', () =>
    Promise.resolve({
      store: new RedisLimitStore({ redis, namespace: freshName('limits'), nowUs: () => now }),
      setNowUs: (nowUs) => {
        now = nowUs;
      },
      close: () => Promise.resolve(),
    }),
  );
  describe('block list', () => {
    blockListSample(
      ({ clock, ...setting }) =>
        new RedisBlockList({ redis, namespace: freshName('blocks'), nowMs: () => clock.nowMs(), ...setting }),
    );
  });
});

describeWith('redis', 'a user with the documented rights, in a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    for (const { port } of cluster.nodes) await grant(port);
  });
  afterAll(() => cluster?.stop());

  it('may do all that tidegate does', async () => {
    await exercise(withUser(cluster.url));
  });

  it('may follow a slot that is being moved', async () => {
    const redis = await openRedis({ url: withUser(cluster.url) });
    const namespace = freshName('rights');
    const store = new RedisLimitStore({ redis, namespace });
    const key = limitKey(`tg1:${namespace}:`, request('ada').key, 'token-bucket');
    const to = ((await cluster.ownerOf(key)) + 1) % 3;
    await cluster.beginMove(key, to);
    expect((await spendOne(store, [request('ada')])).allowed).toBe(true);
    await cluster.finishMove(key, to);
    expect((await spendOne(store, [request('ada')])).answers[0]?.remaining).toBe(3);
    redis.disconnect();
  });
});

describeWith('redis', 'a user with the documented rights, through Sentinels', () => {
  let pair: RedisPair;
  beforeAll(async () => {
    pair = await startRedisPair();
    for (const { port } of [pair.primary, pair.replica]) await grant(port);
    const rights = ['reset', 'on', '>password', ...documentedSentinelRights()];
    await asOperator(pair.sentinel.port, (sentinel) => sentinel.call('ACL', 'SETUSER', 'tidegate', ...rights));
  });
  afterAll(() => pair?.stop());

  it('may do all that tidegate does', async () => {
    await exercise(`${withUser(pair.url)}?sentinelUsername=tidegate&sentinelPassword=password`);
  });
});

describeWith('redis', 'a Redis behind TLS', () => {
  let server: TlsRedis;
  beforeAll(async () => {
    server = await startTlsRedis();
  });
  afterAll(() => server?.stop());
  const urlWith = (...files: ('ca' | 'cert' | 'key')[]): string => {
    const query = files.map((name) => `${name}=${server.certificates[name]}`).join('&');
    return `rediss://localhost:${server.tlsPort}${query === '' ? '' : `?${query}`}`;
  };
  const failureOf = (url: string) => openRedis({ url }).catch((error: unknown) => error);

  it('is trusted by the authority that the URL names, and shown the certificate', async () => {
    await exercise(urlWith('ca', 'cert', 'key'));
  });

  it('may be every node of a cluster', async () => {
    const cluster = await startRedisCluster({ tls: true });
    onTestFinished(() => cluster.stop());
    await exercise(cluster.url);
  });

  it('may be the primary that Sentinels name, themselves behind TLS', async () => {
    const pair = await startRedisPair({ tls: true });
    onTestFinished(() => pair.stop());
    await exercise(pair.url);
  });

  it('is refused where its authority is not known', async () => {
    const error = await failureOf(urlWith());
    expect(error).toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    expect(String(error)).toMatch(/certificate/);
  });

  it('refuses a client without a certificate', async () => {
    expect(await failureOf(urlWith('ca'))).toMatchObject({ code: 'ENGINE_UNREACHABLE' });
  });

  it('is refused where its certificate is made out to another name', async () => {
    const error = await failureOf(urlWith('ca', 'cert', 'key').replace('localhost', '127.0.0.2'));
    expect(error).toMatchObject({ code: 'ENGINE_UNREACHABLE' });
  });

  it('is not asked where a file cannot be read', async () => {
    const error = await failureOf(urlWith('ca').replace('ca.pem', 'none.pem'));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', problems: [{ path: 'ca' }] });
  });
});
