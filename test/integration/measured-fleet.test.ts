import { metrics } from '@opentelemetry/api';
import { afterEach, expect, it } from 'vitest';
import { type CountersLost, definePolicies, joinFleet, ManualClock, openRedis } from '../../src/index.ts';
import { collectedMetrics } from '../support/collected-metrics.ts';
import { describeWith, freshName } from '../support/engines.ts';

describeWith('redis', 'a member of a fleet', (url) => {
  afterEach(() => metrics.disable());

  it('is counted by the others, and counts what its store has lost', async () => {
    const { meterProvider, valuesOf } = collectedMetrics();
    metrics.setGlobalMeterProvider(meterProvider);
    const redis = await openRedis({ url, onMisuse: 'ignore' });
    const policies = definePolicies([{ name: 'per-client', limit: 60, window: '1m' }]);
    const [namespace, clock, found] = [freshName('fleet'), new ManualClock(), [] as CountersLost[]];
    const member = await joinFleet({
      ...{ redis, namespace, policies, clock, gateId: 'one', random: () => 0.5 },
      onCountersLost: (lost) => found.push(lost),
    });
    const other = await joinFleet({ redis, namespace, policies });
    expect(other.liveGates()).toBe(2);
    expect(other.policyVersions()).toEqual(new Map([[policies.current().version, 2]]));

    await redis.del(`tg1:${namespace}:{gates}:beats:one`);
    const beat = () => {
      clock.advance(1000);
      return found.map(({ kind }) => kind);
    };
    await expect.poll(beat).toEqual(['flushed']);
    expect(await valuesOf('tidegate.counters_lost')).toEqual([
      [{ 'tidegate.loss': 'rolled-back' }, 0],
      [{ 'tidegate.loss': 'flushed' }, 1],
      [{ 'tidegate.loss': 'failover' }, 0],
    ]);
    await Promise.all([member.stop(), other.stop()]);
    redis.disconnect();
  });
});
