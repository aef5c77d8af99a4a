import { describe, expect, it, vi } from 'vitest';
import { HealthPublisher, type HealthPublisherOptions } from '../../../src/alert/health-publisher.ts';
import { ManualClock } from '../../../src/clock.ts';
import { TidegateError } from '../../../src/errors.ts';
import { healthTopic, type OutgoingFrame, type TopicOptions, topics } from '../../../src/event/event-log.ts';
import { decodeHealthSample, type HealthSample } from '../../../src/event/health-sample.ts';
import type { Sample } from '../../../src/metrics/sample.ts';
import { sampleOf } from '../../support/samples.ts';

const away = new TidegateError('LOG_FAILED', 'away', { retryable: true });

/** A log whose answers are given by hand: `append` fails while `trouble` is set, after it stored the frames if told so. */
const setUp = (over: Partial<HealthPublisherOptions> = {}) => {
  const clock = new ManualClock();
  const opened: (TopicOptions | undefined)[] = [];
  const appended: OutgoingFrame[] = [];
  const log = { trouble: null as unknown, storesFirst: false };
  let turns = 0;
  const seen: (readonly Sample[])[] = [];
  const publisher = new HealthPublisher({
    log: {
      writer: async (topic, options) => {
        expect(topic).toBe(topics.health);
        opened.push(options);
        return {
          partitions: 4,
          append: async (frames) => {
            if (log.trouble === null || log.storesFirst) appended.push(...frames);
            if (log.trouble !== null) throw log.trouble;
            return new Map();
          },
          close: async () => undefined,
        };
      },
    },
    process: 'eu-up-1',
    read: async () => {
      turns += 1;
      return [sampleOf({ atMs: clock.nowMs(), value: turns }), sampleOf({ figure: 'other', value: turns })];
    },
    onRead: (samples) => seen.push(samples),
    clock,
    random: () => 0.5,
    ...over,
  });
  const turn = async (): Promise<void> => {
    clock.advance(30_000);
    for (let step = 0; step < 20; step += 1) await Promise.resolve();
  };
  const rows = (): HealthSample[] =>
    appended.flatMap(({ body }) => body.toString().trimEnd().split('\n').map(decodeHealthSample));
  return { publisher, clock, opened, appended, log, seen, turn, rows };
};

describe('a process', () => {
  it('publishes what it tells of itself every half minute, numbered, in one partition', async () => {
    const { publisher, opened, turn, rows, appended } = setUp();
    publisher.start();
    for (const _ of [1, 2, 3]) await turn();
    expect(rows().map(({ seq, value, emitter }) => [seq, value, emitter])).toEqual(
      [1, 2, 3, 4, 5, 6].map((seq) => [seq, Math.ceil(seq / 2), 'eu-up-1']),
    );
    expect(new Set(appended.map(({ partition }) => partition)).size).toBe(1);
    expect(opened).toEqual([healthTopic]);
    expect(publisher.stats()).toEqual({ published: 6, dropped: 0, failures: 0 });
    await publisher.stop();
  });

  it('keeps the newest while the log is away, drops the rest counted, and leaves no number out', async () => {
    const { publisher, log, turn, rows, seen } = setUp();
    publisher.start();
    await turn();
    log.trouble = away;
    for (const _ of [2, 3, 4, 5]) await turn();
    expect(seen).toHaveLength(5);
    log.trouble = null;
    await turn();
    // The second may have been stored for all it knows: it came again as it was, before the newest.
    expect(rows().map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(rows().map(({ value }) => value)).toEqual([1, 1, 2, 2, 6, 6]);
    expect(publisher.stats()).toEqual({ published: 6, dropped: 6, failures: 4 });
    await publisher.stop();
  });

  it('repeats a frame of which it is not known whether it was stored, under the same numbers', async () => {
    const { publisher, log, turn, rows } = setUp();
    publisher.start();
    Object.assign(log, { trouble: away, storesFirst: true });
    await turn();
    log.trouble = null;
    await turn();
    expect(rows().map(({ seq, value }) => `${seq}:${value}`)).toEqual(['1:1', '2:1', '1:1', '2:1', '3:2', '4:2']);
    await publisher.stop();
  });

  it('drops what the log will never take, and goes on with the same numbers', async () => {
    const { publisher, log, turn, rows } = setUp();
    publisher.start();
    log.trouble = new TidegateError('LOG_FAILED', 'too large');
    await turn();
    log.trouble = null;
    await turn();
    expect(rows().map(({ seq, value }) => `${seq}:${value}`)).toEqual(['1:2', '2:2']);
    expect(publisher.stats()).toEqual({ published: 2, dropped: 2, failures: 1 });
    await publisher.stop();
  });

  it('is not held up by a log that never answers, and stops within two seconds', async () => {
    const writer = vi.fn(() => new Promise<never>(() => undefined));
    const { publisher, seen, turn, clock } = setUp({ log: { writer } });
    publisher.start();
    for (const _ of [1, 2, 3]) await turn();
    expect(seen).toHaveLength(3);
    expect(writer).toHaveBeenCalledTimes(1);
    let hasStopped = false;
    const stopping = publisher.stop().then(() => {
      hasStopped = true;
    });
    clock.advance(1_999);
    await Promise.resolve();
    expect(hasStopped).toBe(false);
    clock.advance(1);
    await stopping;
  });

  it('publishes so many samples of one turn and no more, in frames that every log takes', async () => {
    const many = Array.from({ length: 10_500 }, (_, index) =>
      sampleOf({ figure: `f${index}`, labels: { tidegate_rule: 'r'.repeat(128) } }),
    );
    const { publisher, appended, turn } = setUp({ read: async () => many });
    publisher.start();
    await turn();
    expect(publisher.stats()).toEqual({ published: 10_000, dropped: 500, failures: 0 });
    expect(Math.max(...appended.map(({ body }) => body.length))).toBeLessThan(450_000);
    await publisher.stop();
  });

  it('survives figures that cannot be read', async () => {
    const { publisher, turn } = setUp({ read: () => Promise.reject(new Error('broken')) });
    publisher.start();
    for (const _ of [1, 2]) await turn();
    expect(publisher.stats()).toEqual({ published: 0, dropped: 0, failures: 2 });
    await publisher.stop();
  });

  it('does not publish in step with others', async () => {
    const atMs: number[] = [];
    const clock = new ManualClock();
    const lots = [0, 0, 0.999];
    const { publisher } = setUp({
      clock,
      random: () => lots.shift() ?? 0.5,
      read: async () => {
        atMs.push(clock.nowMs());
        return [];
      },
    });
    const startMs = clock.nowMs();
    publisher.start();
    for (let second = 0; second < 100; second += 1) {
      clock.advance(1000);
      await Promise.resolve();
    }
    expect(atMs.map((at) => Math.round((at - startMs) / 1000))).toEqual([0, 27, 60, 90]);
    await publisher.stop();
  });
});
