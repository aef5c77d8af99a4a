import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LimitRequest, spendOne } from '../../src/limiter/limit-store.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';
import { asOperator } from '../services/redis-control.ts';
import {
  describeWith,
  freshName,
  type OwnEngine,
  type RedisPair,
  startRedis,
  startRedisPair,
} from '../support/engines.ts';

const capacity = 100;
const request: LimitRequest = {
  key: { policy: 'p', client: 'key:ada' },
  terms: { algorithm: 'token-bucket', periodUs: 3_600_000_000, capacity },
  cost: 1,
  mode: 'enforce',
};

/** What is left after one more unit; the code of the failure where there is none. */
const spendOn = async (store: RedisLimitStore): Promise<unknown> => {
  try {
    return (await spendOne(store, [request])).answers[0]?.remaining;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describeWith('redis', 'limits on a primary that a Sentinel watches', () => {
  let pair: RedisPair;
  let redis: RedisConnection;
  let store: RedisLimitStore;
  beforeAll(async () => {
    pair = await startRedisPair();
    redis = await openRedis({ url: pair.url, commandTimeoutMs: 500 });
    store = new RedisLimitStore({ redis, namespace: freshName('limits') });
  });
  afterAll(async () => {
    redis?.disconnect();
    await pair?.stop();
  });
  const portNow = (): Promise<number> =>
    redis.info('server').then(
      (info) => Number(/tcp_port:(\d+)/.exec(info)?.[1]),
      () => 0,
    );

  /** Asks until there is an answer: while roles change, connections may be closed more than once. */
  const spendUntilAnswered = async (): Promise<number> => {
    let left: unknown;
    const isAnswered = async (): Promise<boolean> => {
      left = await spendOn(store);
      return typeof left === 'number';
    };
    await expect.poll(isAnswered, { timeout: 30_000 }).toBe(true);
    return Number(left);
  };

  it('go on where they stood after a planned failover', async () => {
    for (let taken = 1; taken <= 30; taken += 1) expect(await spendOn(store)).toBe(capacity - taken);
    await pair.inStep();
    await pair.promote();
    await expect.poll(portNow, { timeout: 15_000 }).toBe(pair.replica.port);
    expect(await spendUntilAnswered()).toBeLessThan(capacity - 30);
  });

  it('follow a primary that takes its place after a crash, and fail at once until then', async () => {
    await pair.inStep();
    await pair.replica.kill();
    await expect.poll(() => spendOn(store)).toBe('STORE_FAILED');
    await pair.promoted('primary');
    await expect.poll(portNow, { timeout: 15_000 }).toBe(pair.primary.port);
    expect(await spendUntilAnswered()).toBeLessThan(capacity - 31);
  });

  it('outlive their Sentinel, and are found again when all were away', async () => {
    await pair.sentinel.kill();
    await spendUntilAnswered();
    await pair.primary.kill();
    await expect.poll(() => spendOn(store)).toBe('STORE_FAILED');
    await pair.primary.restart();
    expect(await spendOn(store)).toBe('STORE_FAILED');
    await pair.sentinel.restart();
    expect(await spendUntilAnswered()).toBeGreaterThan(0);
  });
});

describeWith('redis', 'limits on a server that becomes a replica', () => {
  let server: OwnEngine;
  let redis: RedisConnection;
  beforeAll(async () => {
    server = await startRedis();
    redis = await openRedis({ url: server.url });
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });

  it('say that it may only be read, look for the primary anew, and are back when it is one again', async () => {
    const store = new RedisLimitStore({ redis, namespace: freshName('limits') });
    expect(await spendOn(store)).toBe(capacity - 1);
    let beginnings = 0;
    redis.on('reconnecting', () => {
      beginnings += 1;
    });
    // Of a server that is not there: what it has stays as it is.
    await asOperator(server.port, (operator) => operator.replicaof('127.0.0.1', 1));
    expect(await spendOn(store)).toBe('STORE_READ_ONLY');
    await expect.poll(() => beginnings).toBe(1);
    await asOperator(server.port, (operator) => operator.replicaof('NO', 'ONE'));
    await expect.poll(() => spendOn(store), { timeout: 10_000 }).toBe(capacity - 2);
  });
});

describeWith('redis', 'opening what Sentinels name', () => {
  let pair: RedisPair;
  beforeAll(async () => {
    pair = await startRedisPair();
    await asOperator(pair.sentinel.port, (sentinel) =>
      sentinel.call('ACL', 'SETUSER', 'watch', 'on', '>hunter2', '~*', '&*', '+@all'),
    );
    await asOperator(pair.sentinel.port, (sentinel) => sentinel.call('ACL', 'SETUSER', 'default', 'off'));
  });
  afterAll(() => pair?.stop());
  const failureOf = (url: string) => openRedis({ url }).catch((error: unknown) => error);

  it('uses the credentials of the Sentinels for them, and others for the server', async () => {
    await asOperator(pair.primary.port, (server) =>
      server.call('ACL', 'SETUSER', 'anna', 'on', '>hunter3', '~*', '+@all'),
    );
    const url = `${pair.url.replace('://', '://anna:hunter3@')}?sentinelUsername=watch&sentinelPassword=hunter2`;
    const redis = await openRedis({ url });
    expect(await redis.call('ACL', 'WHOAMI')).toBe('anna');
    redis.disconnect();
  });

  it.each([
    ['a wrong password', '?sentinelUsername=watch&sentinelPassword=hunter9', 'WRONGPASS'],
    ['no password', '', 'NOAUTH'],
  ])('says why, without credentials: %s', async (_, query, reason) => {
    const error = await failureOf(pair.url + query);
    expect(error).toMatchObject({ code: 'ENGINE_UNREACHABLE', retryable: true });
    expect(String(error)).toContain(`127.0.0.1:${pair.sentinel.port}/tidegate does not answer`);
    expect(String(error)).toContain(reason);
    expect(String(error)).not.toContain('hunter');
  });

  it('says that the Sentinels know no primary of this name', async () => {
    const url = `${pair.url.replace('/tidegate', '/other')}?sentinelUsername=watch&sentinelPassword=hunter2`;
    expect(String(await failureOf(url))).toContain('No such master with that name');
  });

  it('says that no Sentinel answers', async () => {
    const error = await failureOf('redis+sentinel://127.0.0.1:1,127.0.0.1:2/main');
    expect(String(error)).toContain('All sentinels are unreachable');
  });
});
