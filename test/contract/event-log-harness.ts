import { afterAll, afterEach, beforeAll, vi } from 'vitest';
import type { EventLog, LogReader, OutgoingFrame, Positions } from '../../src/event/event-log.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

export interface EventLogHarness {
  /** A log whose topics get four partitions. */
  open(): Promise<EventLog>;
  /** Lets time pass between two looks at a condition. */
  tick(): void;
}

export const partitions = 4;
export const allPartitions = [0, 1, 2, 3];

/** What the tests of a log do with it. The log is opened for a whole suite; readers end with their test. */
export interface LogBench {
  readonly log: () => EventLog;
  startReader(
    topic: string,
    group: string,
    handler?: RecordingHandler,
  ): Promise<{ reader: LogReader; handler: RecordingHandler }>;
  write(topic: string, ...frames: OutgoingFrame[]): Promise<Positions>;
  /** Passes as soon as `check` does. */
  eventually(check: () => void | Promise<void>): Promise<void>;
}

/** What a call rejects with; null when it does not. */
export const failure = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => null,
    (error: unknown) => error,
  );

export const logBench = (harness: EventLogHarness): LogBench => {
  let opened: EventLog | null = null;
  const readers: LogReader[] = [];
  const log = (): EventLog => {
    if (!opened) throw new Error('the log opens before the first test');
    return opened;
  };

  beforeAll(async () => {
    opened = await harness.open();
  });
  afterEach(async () => {
    await Promise.all(readers.splice(0).map((reader) => reader.stop()));
  });
  afterAll(() => opened?.close());

  return {
    log,
    startReader: async (topic, group, handler = new RecordingHandler()) => {
      const reader = await log().reader(topic, group);
      readers.push(reader);
      await reader.start(handler);
      return { reader, handler };
    },
    write: async (topic, ...frames) => {
      const writer = await log().writer(topic);
      const positions = await writer.append(frames);
      await writer.close();
      return positions;
    },
    eventually: (check) =>
      vi.waitFor(
        async () => {
          harness.tick();
          await check();
        },
        { timeout: 25_000, interval: 20 },
      ),
  };
};
