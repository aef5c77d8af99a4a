import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { instrument } from '../../../src/metrics/instrument.ts';
import { collectedMetrics } from '../../support/collected-metrics.ts';
import { delivererWith } from '../../support/observed-sources.ts';

describe('what is measured of webhooks', () => {
  it('adds up what each process did; what waits in the one outbox is told by the one that delivers', async () => {
    const { meterProvider, numberOf, valuesOf } = collectedMetrics();
    const measuring = instrument({ meterProvider, clock: new ManualClock() });
    const [leader, other] = [delivererWith(true), delivererWith(false)];
    measuring.observeDeliverer(other);
    expect(await valuesOf('tidegate.webhooks.waiting')).toEqual([]);
    measuring.observeDeliverer(leader);
    expect(await numberOf('tidegate.webhooks.delivered')).toBe(6);
    expect(await numberOf('tidegate.webhooks.waiting')).toBe(5);
    expect(await numberOf('tidegate.webhooks.leaders')).toBe(1);
  });
});
