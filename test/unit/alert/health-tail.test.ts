import { describe, expect, it, vi } from 'vitest';
import { HealthTail } from '../../../src/alert/health-tail.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryEventLog } from '../../../src/embedded/memory-event-log.ts';
import { type EventLog, type OutgoingFrame, topics } from '../../../src/event/event-log.ts';
import { encodeHealthSample, type HealthSample } from '../../../src/event/health-sample.ts';
import { frameOfRows } from '../../../src/event/row-frame.ts';
import type { Sample } from '../../../src/metrics/sample.ts';
import { sampleOf } from '../../support/samples.ts';

const rowOf = (seq: number, over: Partial<HealthSample> = {}): HealthSample => {
  const { atMs: timeMs, ...sample } = sampleOf({ value: seq });
  return { timeMs, emitter: 'detect-1', partition: 0, seq, ...sample, ...over };
};
const frame = (...rows: readonly [HealthSample, ...HealthSample[]]): OutgoingFrame =>
  frameOfRows(rows, encodeHealthSample);

const setUp = (over: { readonly log?: Pick<EventLog, 'reader'> } = {}) => {
  const clock = new ManualClock();
  const log = new MemoryEventLog({ clock, partitions: 1 });
  const heard: Sample[] = [];
  const tail = new HealthTail({ log, process: 'serve-1', onSamples: (some) => heard.push(...some), clock, ...over });
  const append = async (...frames: readonly OutgoingFrame[]) => (await log.writer(topics.health)).append(frames);
  return { clock, log, heard, tail, append };
};

describe('a process that listens', () => {
  it('hears the last minutes, then what comes, and not what it said itself', async () => {
    const { heard, tail, append } = setUp();
    for (let seq = 1; seq <= 100; seq += 1) await append(frame(rowOf(seq)));
    tail.start();
    await vi.waitFor(() => expect(heard).toHaveLength(60));
    expect(heard[0]).toEqual(sampleOf({ value: 41 }));
    await append(frame(rowOf(1, { emitter: 'serve-1' })), frame(rowOf(101), rowOf(102)));
    await vi.waitFor(() => expect(heard).toHaveLength(62));
    expect(heard.map(({ value }) => value).slice(-2)).toEqual([101, 102]);
    await tail.stop();
  });

  it('leaves out what cannot be read, counted, and hears the rest', async () => {
    const { heard, tail, append } = setUp();
    const broken = frame(rowOf(1));
    await append(
      { ...broken, headers: { ...broken.headers, crc32: '00000000' } },
      frame(rowOf(2, { value: 'many' as unknown as number }), rowOf(3), rowOf(4, { command: 'of the future' })),
      frame(rowOf(5, { labels: ['a'] as unknown as Record<string, string> }), rowOf(6)),
    );
    tail.start();
    await vi.waitFor(() => expect(heard.map(({ value }) => value)).toEqual([3, 6]));
    expect(tail.stats()).toEqual({ samples: 2, unreadable: 3, failures: 0 });
    await tail.stop();
  });

  it('holds nothing that is larger than what processes tell, whoever writes into the log', async () => {
    const { heard, tail, append } = setUp();
    const bomb = Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`label_${n}`, 'x']));
    const long = 'x'.repeat(257);
    await append(
      frame(rowOf(1, { labels: bomb }), rowOf(2, { labels: { a: long } }), rowOf(3, { labels: { [long]: 'a' } })),
      frame(rowOf(4, { process: long }), rowOf(5, { figure: long }), rowOf(6, { region: long }), rowOf(7)),
      frame(rowOf(8, { process: '"; DROP TABLE health_samples; --', figure: '{__name__=~".+"}' })),
    );
    tail.start();
    await vi.waitFor(() => expect(heard.map(({ value }) => value)).toEqual([7, 8]));
    expect(tail.stats().unreadable).toBe(6);
    await tail.stop();
  });

  it('waits for a log that is away', async () => {
    const { log } = setUp();
    const reader = vi.fn<EventLog['reader']>(() => Promise.reject(new Error('away')));
    const { clock, tail } = setUp({ log: { reader } });
    tail.start();
    await vi.waitFor(() => expect(tail.stats().failures).toBe(1));
    reader.mockImplementation((topic, group) => log.reader(topic, group));
    clock.advance(10_000);
    await vi.waitFor(() => expect(reader).toHaveBeenCalledTimes(2));
    expect(tail.stats().failures).toBe(1);
    await tail.stop();
  });

  it('goes on where it was when the partition comes back to it', async () => {
    const starts: number[] = [];
    const { tail } = setUp({
      log: {
        reader: async () => ({
          start: async (handler) => {
            const assign = (oldestOffset: number, endOffset: number) =>
              handler.assigned(
                0,
                { offset: null, metadata: '' },
                { topicId: '', oldestOffset, endOffset, startAt: (offset) => starts.push(offset) },
              );
            const record = { offset: 600, appendedAtMs: 0, headers: {}, body: Buffer.alloc(0) };
            await assign(0, 1000);
            await handler.handle({ partition: 0, records: [record] } as never);
            await assign(0, 1000);
            // The log was made anew, and is shorter.
            await assign(0, 20);
            await assign(700, 1000);
          },
          lag: async () => new Map(),
          stop: async () => undefined,
        }),
      },
    });
    tail.start();
    await vi.waitFor(() => expect(starts).toEqual([940, 601, 20, 700]));
    await tail.stop();
  });
});
