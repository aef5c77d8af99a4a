import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGate } from '../../src/gate/gate.ts';
import { definePolicies } from '../../src/policy/static-source.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { isCluster, openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';
import { describeWith, freshName, type RedisCluster, startRedisCluster } from '../support/engines.ts';
import { blockListSample } from './block-list.contract.ts';
import { crossSlotContract } from './cross-slot.contract.ts';
import { limitStoreContract, startUs } from './limit-store.contract.ts';

const gateCount = 4;

describeWith('redis', 'on a Redis cluster of three nodes', () => {
  let cluster: RedisCluster;
  let redis: RedisConnection;
  const gates: RedisConnection[] = [];
  beforeAll(async () => {
    cluster = await startRedisCluster();
    redis = await openRedis({ url: cluster.url });
    for (let gate = 0; gate < gateCount; gate += 1) gates.push(await openRedis({ url: cluster.url }));
  });
  afterAll(async () => {
    for (const connection of [redis, ...gates]) connection?.disconnect();
    await cluster?.stop();
  });

  it('is connected as to a cluster', () => {
    expect(isCluster(redis)).toBe(true);
  });

  limitStoreContract('on a cluster', () => {
    let now = 0;
    const store = new RedisLimitStore({ redis, namespace: freshName('limits'), nowUs: () => now });
    return Promise.resolve({
      store,
      setNowUs: (nowUs) => {
        now = nowUs;
      },
      close: () => Promise.resolve(),
    });
  });

  describe('limits in several slots', () => {
    const namespace = freshName('limits');
    crossSlotContract(() => ({
      stores: gates.map((gate) => new RedisLimitStore({ redis: gate, namespace, nowUs: () => startUs })),
      nowUs: startUs,
    }));
  });

  it('decides through a gate, which says in decision and event that units were given back', async () => {
    const recorded: number[] = [];
    const gate = createGate({
      policies: definePolicies([
        { name: 'per-client', scope: ['client'], limit: 100, window: '1h' },
        { name: 'per-tenant', scope: ['tenant'], limit: 2, window: '1h' },
      ]),
      store: new RedisLimitStore({ redis, namespace: freshName('gate') }),
      events: { record: ({ compensated }) => void recorded.push(compensated) },
    });
    const check = () => gate.check({ clients: [{ kind: 'key', id: 'ada' }], tenant: 'acme', method: 'GET', path: '/' });
    const decisions = [await check(), await check(), await check()];
    expect(decisions.map(({ outcome, compensated }) => [outcome, compensated])).toEqual([
      ['allowed', false],
      ['allowed', false],
      ['denied', true],
    ]);
    expect(decisions[2]?.limits.map(({ remaining }) => remaining)).toEqual([100 - 2, 0]);
    expect(recorded).toEqual([0, 0, 1]);
    await gate.close();
  });

  describe('the block list', () => {
    blockListSample(
      ({ clock, ...setting }) =>
        new RedisBlockList({ redis, namespace: freshName('blocks'), nowMs: () => clock.nowMs(), ...setting }),
    );
  });
});
