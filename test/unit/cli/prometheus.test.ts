import { describe, expect, it } from 'vitest';
import { openPrometheus } from '../../../src/cli/prometheus.ts';
import { silentLogger } from '../../../src/logger.ts';
import { instrument } from '../../../src/metrics/instrument.ts';
import { type Instrument, instrumentParts, instruments } from '../../../src/metrics/instruments.ts';
import { prometheusLabel, prometheusName } from '../../../src/metrics/prometheus-name.ts';
import {
  alerts,
  blockListOf,
  deliverer,
  detectorWith,
  emitterWith,
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
import { parsePrometheusText } from '../../support/prometheus-text.ts';

const topic = 'tidegate.decisions';
const facts = { method: 'GET', tenant: 'default', latencyUs: 3, early: null };
const decisionOf = (policy: string) =>
  ({ outcome: 'denied', source: 'store', degraded: 'timeout', deciding: { policy, remaining: 0 } }) as const;

const opened = () => {
  const prometheus = openPrometheus(silentLogger);
  const measuring = instrument({ meterProvider: prometheus.meterProvider });
  const read = async () => parsePrometheusText(await prometheus.collect());
  return { measuring, read };
};

/** Every instrument has a value. What it looks at is returned, so that it stays. */
const measureAll = ({ measuring }: ReturnType<typeof opened>): readonly object[] => {
  const lags = new Map([[0, 1]]);
  const [gate, emitter, list, policies] = [gateWith(), emitterWith(), blockListOf(5), policiesOf('00000000002a', 1)];
  const [ingester, detector, log] = [ingesterWith(lags), detectorWith(lags), logWith(1)];
  measuring.observeGate(gate);
  measuring.observeEmitter(emitter);
  measuring.observeBlockList(list);
  measuring.observePolicies(policies);
  measuring.observeIngester(ingester, topic);
  measuring.observeDetector(detector);
  const relay = relayWith();
  measuring.observeRelay(relay);
  measuring.observeRuleState(ruleState);
  measuring.observeLog(log);
  measuring.observeProcess(processSource);
  measuring.observePolicyRecords(policyRecords);
  const learning = { stats: () => ({ demotions: 1, failures: 0 }) };
  measuring.observeLearning(learning);
  measuring.observeDeliverer(deliverer);
  measuring.observeHealth(health);
  measuring.observeReviewQueue(reviewQueue);
  measuring.observeAlerts(alerts);
  measuring.storeCalled(900);
  measuring.checked({
    dedupMarginRatio: 4,
    skewMs: 20,
    retentionMs: 1000,
    findings: [{ state: 'warn' }, { state: 'ok' }],
  });
  measuring.audited({ drift: 0, amounts: new Map([['rows-missing', 0]]) });
  measuring.describe({ 'tidegate.version': '1.0.0', 'tidegate.command': 'up', 'tidegate.region': 'local' });
  measuring.countersLost({ kind: 'flushed' });
  measuring.decided(decisionOf('per-client'), facts);
  measuring.blockStored({ topic, rows: 1, minTimeMs: 1, maxTimeMs: 2 });
  measuring.inserted(topic, 20);
  return [gate, emitter, list, policies, ingester, detector, log, relay, learning];
};

describe('a scrape', () => {
  it('holds every instrument under the name, type and labels that the reference page gives it', async () => {
    const prometheus = opened();
    const measured = measureAll(prometheus);
    const families = await prometheus.read();
    expect(measured).toHaveLength(9);
    const all = Object.entries<Instrument>(instruments).flatMap(([id, own]) =>
      id in instrumentParts.beat ? [] : [own],
    );
    expect([...families.keys()].sort()).toEqual(all.map(prometheusName).sort());
    for (const one of all) {
      const family = families.get(prometheusName(one));
      expect(family?.type, one.name).toBe(one.kind === 'up-down counter' ? 'gauge' : one.kind);
      expect(family?.help, one.name).toBe(one.description);
      const labels = new Set(family?.samples.flatMap((sample) => Object.keys(sample.labels)));
      labels.delete('le');
      expect([...labels].sort(), one.name).toEqual(one.attributes.map(prometheusLabel).sort());
    }
  });

  it('survives what people call their policies', async () => {
    const { measuring, read } = opened();
    const names = ['a"b', 'back\\slash', 'new\nline', '{le="1"}', 'Grüße, 世界', ''];
    for (const name of names) measuring.decided(decisionOf(name), facts);
    const samples = (await read()).get('tidegate_decisions_total')?.samples ?? [];
    expect(new Set(samples.map(({ labels }) => labels['tidegate_policy'] ?? ''))).toEqual(new Set(names));
  });

  it('says of a thousand policies what became of each decision: no denial goes into a series without outcome', async () => {
    const prometheus = openPrometheus(silentLogger);
    const decisions = prometheus.meterProvider.getMeter('tidegate').createCounter(instruments.decisions.name);
    for (let policy = 0; policy < 1000; policy += 1) {
      for (const outcome of ['allowed', 'blocked', 'denied'])
        decisions.add(1, { 'tidegate.outcome': outcome, 'tidegate.source': 'store', 'tidegate.policy': `p${policy}` });
    }
    const text = await prometheus.collect();
    expect(text).not.toContain('overflow');
    expect(text.match(/tidegate_outcome="denied"/g)).toHaveLength(1000);
    await prometheus.close();
  });

  it('forgets partitions that went to another process, and keeps what they counted', async () => {
    const { measuring, read } = opened();
    const lags = new Map([
      [0, 5],
      [1, 90_000],
    ]);
    const ingester = ingesterWith(lags);
    measuring.observeIngester(ingester, topic);
    expect((await read()).get('tidegate_ingest_lag')?.samples).toHaveLength(2);
    lags.delete(1);
    expect((await read()).get('tidegate_ingest_lag')?.samples.map(({ value }) => value)).toEqual([5]);
    ingester.lag = () => Promise.reject(new Error('away'));
    const families = await read();
    expect(families.has('tidegate_ingest_lag')).toBe(false);
    expect(families.get('tidegate_ingest_rows_total')?.samples[0]?.value).toBe(200);
  });

  it('never goes back in a counter, scrape after scrape, also when what it counted is gone', async () => {
    const { measuring, read } = opened();
    const emitter = emitterWith();
    const stop = measuring.observeEmitter(emitter);
    const sent = async () => (await read()).get('tidegate_events_sent_total')?.samples[0]?.value;
    expect(await sent()).toBe(7);
    expect(await sent()).toBe(7);
    stop();
    expect(await sent()).toBe(7);
  });
});

describe('the reader of these tests', () => {
  const family = '# HELP a_total x\n# TYPE a_total counter\n';
  it.each([
    ['no end of line', `${family}a_total 1`],
    ['a sample without a type', 'a_total 1\n'],
    ['a sample of another family', `${family}b_total 1\n`],
    ['the same series twice', `${family}a_total 1\na_total 2\n`],
    ['a label twice', `${family}a_total{a="1",a="2"} 1\n`],
    ['an open quote', `${family}a_total{a="1} 1\n`],
    ['an unknown escape', `${family}a_total{a="\\t"} 1\n`],
    ['a value that is none', `${family}a_total 1,5\n`],
    ['a counter below zero', `${family}a_total -1\n`],
    ['a dotted name', '# HELP a.b x\n# TYPE a.b gauge\na.b 1\n'],
    ['buckets without +Inf', '# HELP h x\n# TYPE h histogram\nh_count 1\nh_sum 1\nh_bucket{le="1"} 1\n'],
  ])('refuses %s', (_, text) => {
    expect(() => parsePrometheusText(text)).toThrow();
  });
});
