import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { instrument } from '../../../src/metrics/instrument.ts';
import { collectedMetrics } from '../../support/collected-metrics.ts';
import { detectorWith, emitterStats, emitterWith, ingesterWith, ingestStats } from '../../support/observed-sources.ts';

const [decisions, blocks] = ['tidegate.decisions', 'tidegate.blocks'];
const onTopic = (topic: string, partition: number) => ({
  'tidegate.topic': topic,
  'tidegate.partition': String(partition),
});

const observed = () => {
  const clock = new ManualClock();
  const collected = collectedMetrics();
  const measuring = instrument({ meterProvider: collected.meterProvider, clock });
  return { clock, measuring, ...collected };
};

describe('what is measured of the pipeline', () => {
  it('tells for every decision whether and how far it was told less apart, and sent decisions from rows', async () => {
    const { measuring, valuesOf, numberOf } = observed();
    const emitter = emitterWith();
    measuring.observeEmitter(emitter);
    expect(new Map((await valuesOf('tidegate.events.coarsened')).map(([of, n]) => [of['tidegate.step'], n]))).toEqual(
      new Map([
        ['interval', 6],
        ['client', 1],
        ['tenant', 3],
      ]),
    );
    expect([await numberOf('tidegate.events.sent'), await numberOf('tidegate.events.rows')]).toEqual([7, 5]);
    expect(await numberOf('tidegate.events.oldest_wait')).toBe(1.5);
  });

  it('adds up the emitters of a process and keeps the oldest wait, step by step', async () => {
    const { measuring, valuesOf, numberOf } = observed();
    const [first, second] = [emitterWith(), emitterWith({ ...emitterStats, oldestWaitMs: 200 })];
    measuring.observeEmitter(first);
    measuring.observeEmitter(second)();
    expect(await numberOf('tidegate.events.oldest_wait')).toBe(1.5);
    const steps = await valuesOf('tidegate.events.coarsened');
    expect(steps.reduce((sum, [, value]) => sum + Number(value), 0)).toBe(20);
  });

  it('tells the ingesters of several topics apart, and each of their partitions', async () => {
    const { measuring, valuesOf } = observed();
    const many = ingesterWith(
      new Map([
        [0, 7],
        [5, 0],
      ]),
    );
    const few = ingesterWith(new Map([[0, 3]]), { ...ingestStats, rows: 1 });
    measuring.observeIngester(many, decisions);
    measuring.observeIngester(few, blocks);
    expect(await valuesOf('tidegate.ingest.lag')).toEqual([
      [onTopic(decisions, 0), 7],
      [onTopic(decisions, 5), 0],
      [onTopic(blocks, 0), 3],
    ]);
    expect(await valuesOf('tidegate.ingest.rows')).toEqual([
      [{ 'tidegate.topic': decisions }, 200],
      [{ 'tidegate.topic': blocks }, 1],
    ]);
  });

  it('says nothing of a lag that cannot be asked, within two seconds, and all the rest', async () => {
    const { clock, measuring, collect } = observed();
    const [failing, silent] = [ingesterWith(new Map()), detectorWith(new Map())];
    failing.lag = () => Promise.reject(new Error('away'));
    silent.lag = () => new Promise(() => undefined);
    measuring.observeIngester(failing, decisions);
    measuring.observeDetector(silent);
    let isRead = false;
    const reading = collect().finally(() => {
      isRead = true;
    });
    await vi.waitFor(
      () => {
        clock.advance(isRead ? 0 : 500);
        expect(isRead).toBe(true);
      },
      { timeout: 15_000 },
    );
    const metrics = await reading;
    expect(metrics.has('tidegate.ingest.lag') || metrics.has('tidegate.detect.lag')).toBe(false);
    expect(metrics.has('tidegate.ingest.rows') && metrics.has('tidegate.detect.verdicts')).toBe(true);
  });

  it('knows how fresh the rows are and how long they took without asking anybody', async () => {
    const { clock, measuring, valuesOf, collect } = observed();
    const ingester = ingesterWith(new Map());
    measuring.observeIngester(ingester, decisions);
    expect(await valuesOf('tidegate.ingest.freshness')).toEqual([]);
    measuring.foundStored(decisions, clock.nowMs() - 60_000);
    expect(await valuesOf('tidegate.ingest.freshness')).toEqual([[{ 'tidegate.topic': decisions }, 60]]);
    const storedAtMs = clock.nowMs();
    measuring.blockStored({ topic: decisions, rows: 2, minTimeMs: storedAtMs - 4000, maxTimeMs: storedAtMs - 1000 });
    clock.advance(500);
    expect(await valuesOf('tidegate.ingest.freshness')).toEqual([[{ 'tidegate.topic': decisions }, 1.5]]);
    expect(await valuesOf('tidegate.ingest.last_block_age')).toEqual([[{ 'tidegate.topic': decisions }, 0.5]]);
    const delay = (await collect()).get('tidegate.ingest.delay')?.dataPoints[0]?.value;
    expect(delay).toMatchObject({ count: 1, sum: 4 });
  });

  it('is misled neither by a block without rows nor by an event from the future', async () => {
    const { clock, measuring, valuesOf, collect } = observed();
    const ingester = ingesterWith(new Map());
    measuring.observeIngester(ingester, decisions);
    measuring.blockStored({ topic: decisions, rows: 0, minTimeMs: 0, maxTimeMs: 0 });
    expect((await collect()).has('tidegate.ingest.delay')).toBe(false);
    const tomorrowMs = clock.nowMs() + 86_400_000;
    measuring.blockStored({ topic: decisions, rows: 1, minTimeMs: tomorrowMs, maxTimeMs: tomorrowMs });
    clock.advance(3000);
    expect(await valuesOf('tidegate.ingest.freshness')).toEqual([[{ 'tidegate.topic': decisions }, 3]]);
  });

  it('tells the margins that the start has found, and nothing of those that there are not', async () => {
    const { measuring, numberOf } = observed();
    measuring.describe({});
    measuring.checked({ dedupMarginRatio: 4.5, skewMs: 20, retentionMs: null, findings: [{ state: 'warn' }] });
    expect(await numberOf('tidegate.checks.dedup_margin')).toBe(4.5);
    expect(await numberOf('tidegate.checks.clock_skew')).toBe(0.02);
    expect(await numberOf('tidegate.checks.log_retention')).toBeUndefined();
    expect(await numberOf('tidegate.checks.warnings')).toBe(1);
  });

  it('counts verdicts by what became of them', async () => {
    const { measuring, valuesOf } = observed();
    const detector = detectorWith(new Map([[0, 1]]));
    measuring.observeDetector(detector);
    const verdicts = new Map((await valuesOf('tidegate.detect.verdicts')).map(([of, n]) => [of['tidegate.result'], n]));
    expect([verdicts.get('activated'), verdicts.get('proposed')]).toEqual([2, 1]);
    const why = await valuesOf('tidegate.detect.suppressed');
    expect(why.map(([of, n]) => [of['tidegate.reason'], n])).toEqual([['tombstone', 1]]);
    const modes = new Map((await valuesOf('tidegate.detect.rules')).map(([of, n]) => [of['tidegate.mode'], n]));
    expect([modes.get('enforce'), modes.get('shadow')]).toEqual([2, 1]);
  });
});
