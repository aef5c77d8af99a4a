import { describe, expect, it } from 'vitest';
import { maxNumbers } from '../../../src/cli/metric-samples.ts';
import { openPrometheus } from '../../../src/cli/prometheus.ts';
import { silentLogger } from '../../../src/logger.ts';
import { instrument } from '../../../src/metrics/instrument.ts';
import { ingesterWith } from '../../support/observed-sources.ts';
import { parsePrometheusText } from '../../support/prometheus-text.ts';

const opened = () => {
  const prometheus = openPrometheus(silentLogger);
  return { prometheus, measuring: instrument({ meterProvider: prometheus.meterProvider }) };
};
const facts = { method: 'GET', tenant: 'default', latencyUs: 3, early: null };
const decisionOf = (policy: string, source = 'store') =>
  ({ outcome: 'denied', source, degraded: null, deciding: { policy, remaining: 0 } }) as const;
const keyOf = (name: string, labels: Readonly<Record<string, string>>): string =>
  `${name} ${JSON.stringify(Object.entries(labels).sort())}`;

describe('what a process publishes of itself', () => {
  it('is what a scrape says at that moment, under the same names and labels', async () => {
    const { prometheus, measuring } = opened();
    const ingester = ingesterWith(
      new Map([
        [0, 5],
        [7, 90],
      ]),
    );
    measuring.observeIngester(ingester, 'tidegate.decisions');
    measuring.inserted('tidegate.decisions', 20);
    measuring.inserted('tidegate.decisions', 70_000);
    measuring.storeCalled(400);
    measuring.describe({ 'tidegate.version': '1.0.0', 'tidegate.command': 'up', 'tidegate.region': 'local' });
    const scraped = [...parsePrometheusText(await prometheus.collect()).values()].flatMap(({ samples }) =>
      samples.map(({ name, labels, value }) => [keyOf(name, labels), value] as const),
    );
    const { numbers, omitted } = await prometheus.tell();
    const told = numbers.map(({ figure, labels, value }) => [keyOf(figure, labels), value] as const);
    expect(omitted).toBe(0);
    expect(new Map(told)).toEqual(new Map(scraped));
    expect(told).toHaveLength(scraped.length);
    const inserts = numbers.filter(
      ({ figure, labels }) => figure.endsWith('insert_duration_seconds_bucket') && labels['le'] === '+Inf',
    );
    expect(inserts.map(({ value }) => value)).toEqual([2]);
  });

  it('tells decisions by outcome and source: policies, of which there may be hundreds, are in the events', async () => {
    const { prometheus, measuring } = opened();
    for (let index = 0; index < 300; index += 1) measuring.decided(decisionOf(`policy-${index}`), facts);
    measuring.decided(decisionOf('policy-1', 'lease'), facts);
    const { numbers } = await prometheus.tell();
    const decisions = numbers.filter(({ figure }) => figure === 'tidegate_decisions_total');
    expect(new Map(decisions.map(({ labels, value }) => [labels['tidegate_source'], value]))).toEqual(
      new Map([
        ['store', 300],
        ['lease', 1],
      ]),
    );
    expect(Object.keys(decisions[0]?.labels ?? {}).sort()).toEqual(['tidegate_outcome', 'tidegate_source']);
  });

  it('has a bound: the many series of one figure go first, counted', async () => {
    const { prometheus, measuring } = opened();
    const lags = new Map(Array.from({ length: 2000 }, (_, partition) => [partition, 1]));
    const ingester = ingesterWith(lags);
    measuring.observeIngester(ingester, 'tidegate.decisions');
    const { numbers, omitted } = await prometheus.tell();
    expect(numbers).toHaveLength(maxNumbers);
    expect(omitted).toBeGreaterThan(1500);
    expect(numbers.find(({ figure }) => figure === 'tidegate_ingest_rows_total')).toBeDefined();
    expect(lags.size).toBe(2000);
  });

  it('of labels, what they begin with', async () => {
    const { prometheus, measuring } = opened();
    measuring.describe({ 'tidegate.region': 'r'.repeat(5000) });
    const { numbers } = await prometheus.tell();
    expect(numbers.find(({ figure }) => figure === 'tidegate_info')?.labels).toEqual({
      tidegate_region: 'r'.repeat(128),
    });
  });
});
