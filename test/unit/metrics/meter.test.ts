import { metrics } from '@opentelemetry/api';
import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  attributes,
  durationBucketsS,
  type Instrument,
  type InstrumentKind,
  instrumentParts,
  instruments,
  maxPolicyNames,
} from '../../../src/metrics/instruments.ts';
import { Meters } from '../../../src/metrics/meter.ts';
import type { ObservedDecision } from '../../../src/metrics/observed.ts';
import { collectedMetrics } from '../../support/collected-metrics.ts';
import {
  alerts,
  blockListOf,
  delivererWith,
  detectorWith,
  emitterWith,
  gateStats,
  gateWith,
  health,
  ingesterWith,
  logWith,
  policiesOf,
  policyRecords,
  processSource,
  relayWith,
  reviewQueue,
  ruleState,
} from '../../support/observed-sources.ts';

const decision = (over: Partial<ObservedDecision> = {}): ObservedDecision => ({
  outcome: 'allowed',
  source: 'store',
  degraded: null,
  deciding: { policy: 'per-client', remaining: 3 },
  ...over,
});

const kindOf = (metric: MetricData): InstrumentKind => {
  if (metric.dataPointType === DataPointType.HISTOGRAM) return 'histogram';
  if (metric.dataPointType !== DataPointType.SUM) return 'gauge';
  return metric.isMonotonic ? 'counter' : 'up-down counter';
};

/** Everything that can be measured, each of it once. */
const measureAll = (meters: Meters): void => {
  meters.decided(decision({ degraded: 'timeout' }), 12);
  meters.gates.add(gateWith());
  meters.emitters.add(emitterWith());
  meters.blockLists.add(blockListOf(1500));
  meters.policies.add(policiesOf('00000000000a', 2));
  meters.policyRecords.add(policyRecords);
  meters.checks.checked({
    dedupMarginRatio: 4,
    skewMs: 20,
    retentionMs: 1000,
    findings: [{ state: 'warn' }, { state: 'ok' }],
  });
  meters.audits.audited({ drift: 0, amounts: new Map([['rows-missing', 0]]) });
  meters.countersLost('flushed');
  const topic = { 'tidegate.topic': 'tidegate.decisions' };
  meters.ingesters.add(ingester, topic);
  meters.lags.add(ingester, 'ingestLag', topic);
  meters.detectors.add(detector);
  meters.lags.add(detector, 'detectLag');
  meters.relays.add(relay);
  meters.ruleStates.add(ruleState);
  meters.deliverers.add(deliverer);
  meters.learning.add(learning);
  meters.health.add(health);
  meters.reviewQueues.add(reviewQueue);
  meters.alerts.add(alerts);
  meters.storeCalled(900);
  meters.logs.add(log);
  meters.process.add(processSource);
  meters.describe({ 'tidegate.version': '1.0.0', 'tidegate.command': 'up', 'tidegate.region': 'local' });
  meters.blockStored({ topic: 'tidegate.decisions', rows: 3, minTimeMs: 1, maxTimeMs: 2 });
  meters.inserted('tidegate.decisions', 12);
};
// Held here, since what is measured is not kept alive by it.
const lags = new Map([[3, 40]]);
const [ingester, detector, relay, log] = [ingesterWith(lags), detectorWith(lags), relayWith(), logWith(5)];
const deliverer = delivererWith(true);
const learning = { stats: () => ({ demotions: 1, failures: 1 }) };

const observed = () => {
  const collected = collectedMetrics();
  const meters = new Meters({ meterProvider: collected.meterProvider });
  meters.follow();
  return { ...collected, meters };
};

describe('the instruments', () => {
  it('are what the table says: name, kind, unit and description', async () => {
    const { meters, collect } = observed();
    measureAll(meters);
    const found = [...(await collect()).values()].map((metric) => {
      const { name, unit, description } = metric.descriptor;
      return { name, kind: kindOf(metric), unit, description };
    });
    const expected = Object.entries<Instrument>(instruments)
      .filter(([id]) => !(id in instrumentParts.beat))
      .map(([, { name, kind, unit, description }]) => ({ name, kind, unit, description }));
    expect(new Set(found)).toEqual(new Set(expected));
  });

  it('carry the attributes that the table gives them, and no other', async () => {
    const { meters, collect } = observed();
    measureAll(meters);
    meters.decided(decision({ outcome: 'blocked', degraded: 'error', deciding: null, rule: 'many-routes' }), 12);
    const byName = new Map(Object.values<Instrument>(instruments).map((entry) => [entry.name, entry]));
    for (const [name, { dataPoints }] of await collect()) {
      for (const point of dataPoints) {
        expect(Object.keys(point.attributes).sort()).toEqual([...(byName.get(name)?.attributes ?? [])].sort());
      }
    }
    const named = Object.values<Instrument>(instruments).flatMap((entry) => entry.attributes);
    expect(new Set(named)).toEqual(new Set(Object.keys(attributes)));
  });

  it('count decisions by outcome, source and policy, blocked ones by rule, and name no policy where none decided', async () => {
    const { meters, valuesOf } = observed();
    for (let times = 0; times < 3; times += 1) meters.decided(decision(), 1);
    meters.decided(decision({ outcome: 'denied', source: 'lease' }), 1);
    meters.decided({ outcome: 'blocked', source: 'block-list', degraded: null, rule: 'many-routes' }, 1);
    meters.decided(decision({ deciding: null }), 1);
    const values = new Set(await valuesOf('tidegate.decisions'));
    expect(values).toEqual(
      new Set([
        [{ 'tidegate.outcome': 'allowed', 'tidegate.source': 'store', 'tidegate.policy': 'per-client' }, 3],
        [{ 'tidegate.outcome': 'denied', 'tidegate.source': 'lease', 'tidegate.policy': 'per-client' }, 1],
        [{ 'tidegate.outcome': 'blocked', 'tidegate.source': 'block-list', 'tidegate.policy': 'many-routes' }, 1],
        [{ 'tidegate.outcome': 'allowed', 'tidegate.source': 'store' }, 1],
      ]),
    );
  });

  it('tell what is switched off, which rules are over their budget, and how the relay stands', async () => {
    const { meters, valuesOf, numberOf } = observed();
    meters.relays.add(relay);
    meters.ruleStates.add(ruleState);
    const by = async (name: string, attribute: string) =>
      Object.fromEntries((await valuesOf(name)).map(([point, value]) => [point[attribute], value]));
    expect(await by('tidegate.switched_off', 'tidegate.what')).toEqual({ blocks: 1, limits: 0 });
    expect(await by('tidegate.rules.breaker_open', 'tidegate.rule')).toEqual({ 'many-routes': 1, '*': 0.5 });
    expect(await by('tidegate.rules.recent_blocks', 'tidegate.rule')).toEqual({ 'many-routes': 17, '*': 18 });
    expect(await numberOf('tidegate.relay.lag')).toBe(1.5);
    expect(await numberOf('tidegate.relay.lost')).toBe(15);
  });

  it('count degraded decisions by reason', async () => {
    const { meters, valuesOf } = observed();
    for (const degraded of ['timeout', 'timeout', 'breaker-open', null]) meters.decided(decision({ degraded }), 1);
    expect(new Set(await valuesOf('tidegate.degraded'))).toEqual(
      new Set([
        [{ 'tidegate.reason': 'timeout' }, 2],
        [{ 'tidegate.reason': 'breaker-open' }, 1],
      ]),
    );
  });

  it('count losses of counters by kind, and policy sets that were refused', async () => {
    const { meters, valuesOf, numberOf } = observed();
    for (const kind of ['flushed', 'failover', 'flushed']) meters.countersLost(kind);
    expect(new Set(await valuesOf('tidegate.counters_lost'))).toEqual(
      new Set([
        [{ 'tidegate.loss': 'flushed' }, 2],
        [{ 'tidegate.loss': 'failover' }, 1],
        // Told before anything is lost: whoever looks for growth would miss the first of a counter that begins at 1.
        [{ 'tidegate.loss': 'rolled-back' }, 0],
      ]),
    );
    meters.policies.add(policiesOf('00000000000a', 2));
    meters.policies.refused();
    expect(await numberOf('tidegate.policies.refused')).toBe(1);
    expect(await numberOf('tidegate.policies.loads')).toBe(1);
  });

  it('hold 200 policy names and one for the rest, whoever makes up 10,000, and lose no count', async () => {
    const { meters, valuesOf } = observed();
    for (let name = 0; name < 10_000; name += 1) {
      meters.decided(decision({ deciding: { policy: `customer-${name}`, remaining: 1 } }), 1);
    }
    const values = await valuesOf('tidegate.decisions');
    expect(values.length).toBe(maxPolicyNames + 1);
    expect(values.reduce((sum, [, value]) => sum + Number(value), 0)).toBe(10_000);
    const other = values.find(([labels]) => labels['tidegate.policy'] === '~other');
    expect(other?.[1]).toBe(10_000 - maxPolicyNames);
  });

  it('time the first decision and then one in 16, chosen by lot, in seconds and in the buckets of the table', async () => {
    const { meterProvider, collect } = collectedMetrics();
    const meters = new Meters({ meterProvider, random: () => 0.5 });
    for (let count = 0; count < 161; count += 1) meters.decided(decision(), 30);
    const histogram = (await collect()).get('tidegate.decision.duration')?.dataPoints[0];
    expect(histogram?.attributes).toEqual({ 'tidegate.source': 'store' });
    const value = histogram?.value as {
      count: number;
      sum: number;
      buckets: { boundaries: number[]; counts: number[] };
    };
    expect(value.count).toBe(11);
    expect(value.sum).toBeCloseTo(11 * 30e-6, 9);
    expect(value.buckets.boundaries).toEqual(durationBucketsS);
    expect(value.buckets.counts[durationBucketsS.indexOf(0.000_05)]).toBe(11);
  });
});

describe('what is read when a host collects', () => {
  it('adds up the gates of a process, and takes the largest where a sum would mean nothing', async () => {
    const { meters, numberOf } = observed();
    meters.gates.add(gateWith());
    meters.gates.add(gateWith({ ...gateStats, storeOpen: false, liveGates: 7 }));
    expect(await numberOf('tidegate.store.breaker_open')).toBe(1);
    expect(await numberOf('tidegate.overflowed')).toBe(8);
    expect(await numberOf('tidegate.live_gates')).toBe(7);
  });

  it('keeps the totals of a gate that was closed, and forgets its levels', async () => {
    const { meters, numberOf, collect } = observed();
    const stats = { ...gateStats };
    const stop = meters.gates.add(gateWith(stats));
    await collect();
    stats.overflowed = 40;
    stop();
    stop();
    expect(await numberOf('tidegate.overflowed')).toBe(40);
    meters.gates.add(gateWith());
    expect(await numberOf('tidegate.overflowed')).toBe(44);
    expect(meters.gates.size).toBe(1);
  });

  it('says nothing of the age of a block list that was never complete', async () => {
    const { meters, numberOf } = observed();
    meters.blockLists.add(blockListOf(null));
    expect(await numberOf('tidegate.block_list.age')).toBeUndefined();
    meters.blockLists.add(blockListOf(2500));
    expect(await numberOf('tidegate.block_list.age')).toBe(2.5);
  });

  it('counts each load of a policy source once, however many gates share it, and gives its version as a number', async () => {
    const { meters, numberOf } = observed();
    const listeners = new Set<(next: { version: string; policies: readonly unknown[] }) => void>();
    const source = {
      current: () => ({ version: '0000000000ff', policies: [{}] }),
      onChange: (listener: (next: { version: string; policies: readonly unknown[] }) => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    const stops = [meters.policies.add(source), meters.policies.add(source)];
    for (const listener of listeners) listener({ version: 'ffffffffffff', policies: [{}, {}] });
    expect(await numberOf('tidegate.policies.loads')).toBe(2);
    expect(await numberOf('tidegate.policies.size')).toBe(2);
    expect(await numberOf('tidegate.policies.version')).toBe(2 ** 48 - 1);
    for (const stop of stops) {
      expect(listeners.size).toBe(1);
      stop();
      stop();
    }
    expect(listeners.size).toBe(0);
  });
});

describe('a process without a meter provider', () => {
  afterEach(() => metrics.disable());

  it('counts all the same, and reports everything to one that is set up later', async () => {
    const meters = new Meters({ random: () => 0 });
    for (let count = 0; count < 5; count += 1) meters.decided(decision(), 1);
    meters.gates.add(gateWith());
    const { meterProvider, valuesOf, numberOf } = collectedMetrics();
    metrics.setGlobalMeterProvider(meterProvider);
    meters.decided(decision(), 1);
    expect((await valuesOf('tidegate.decisions'))[0]?.[1]).toBe(6);
    expect(await numberOf('tidegate.overflowed')).toBe(4);
  });

  it('follows the provider that replaces another, and leaves the first', async () => {
    const meters = new Meters({ random: () => 0 });
    const [first, second] = [collectedMetrics(), collectedMetrics()];
    for (const { meterProvider } of [first, second]) {
      metrics.disable();
      metrics.setGlobalMeterProvider(meterProvider);
      meters.decided(decision(), 1);
    }
    meters.decided(decision(), 1);
    expect((await second.valuesOf('tidegate.decisions'))[0]?.[1]).toBe(3);
    const gate = { stats: vi.fn(() => gateStats) };
    meters.gates.add(gate);
    expect(await first.valuesOf('tidegate.decisions')).toEqual([]);
    expect(gate.stats).not.toHaveBeenCalled();
  });
});
