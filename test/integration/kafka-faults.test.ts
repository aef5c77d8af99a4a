import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { EventLog } from '../../src/event/event-log.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { projectFolder } from '../services/folders.ts';
import { describeWith, freshName, type OwnEngine, startKafka } from '../support/engines.ts';
import { frameOf } from '../support/frames.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { type RecordingLogger, recordingLogger } from '../support/recording-logger.ts';

const eventually = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 50_000, interval: 50 });

const timing = { clock: systemClock, partitions: 1, retryPauseMs: 50, maxWaitMs: 100, sessionTimeoutMs: 6_000 };

// The shared broker only says that Kafka can be had here: these tests break one of their own.
describeWith('kafka', 'a broker that goes and comes back', () => {
  let broker: OwnEngine;
  let log: EventLog;

  beforeAll(async () => {
    broker = await startKafka();
    log = await openKafkaEventLog({ url: broker.url, ...timing });
  });
  afterAll(async () => {
    await log.close();
    await broker.stop();
  });

  it('costs no record and no order: what is appended again arrives, and readers go on by themselves', async () => {
    const topic = freshName('topic');
    const writer = await log.writer(topic);
    const reader = await log.reader(topic, freshName('group'));
    const handler = new RecordingHandler();
    handler.onHandle = (batch) => batch.commit((batch.records.at(-1)?.offset ?? 0) + 1, 'seen');
    await reader.start(handler);
    await writer.append([frameOf(0, 'before')]);
    await eventually(() => expect(handler.texts(0)).toEqual(['before']));

    await broker.kill();
    await expect(writer.append([frameOf(0, 'while away')])).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retryable: true,
    });
    await broker.restart();

    await eventually(async () => {
      await writer.append([frameOf(0, 'after')]);
    });
    await eventually(() => expect(handler.texts(0)).toContain('after'));
    expect(handler.texts(0)[0]).toBe('before');
    expect(new Set(handler.records.map(({ offset }) => offset)).size).toBe(handler.records.length);
    await eventually(async () => expect(await reader.lag()).toEqual(new Map([[0, 0]])));
    await eventually(async () => expect((await log.endPositions(topic)).get(0)).toBe(handler.records.length));
  });
});

describeWith('kafka', 'a log that retention has overtaken', (url) => {
  let log: EventLog;
  let logger: RecordingLogger;

  beforeAll(async () => {
    logger = recordingLogger();
    log = await openKafkaEventLog({ url, logger, ...timing });
  });
  afterAll(() => log.close());

  const readOnce = async (topic: string, group: string, onHandle: RecordingHandler['onHandle']) => {
    const handler = new RecordingHandler();
    handler.onHandle = onHandle;
    const reader = await log.reader(topic, group);
    await reader.start(handler);
    await eventually(() => expect(handler.records.length).toBeGreaterThan(0));
    const committed = handler.owned.get(0);
    await reader.stop();
    return { handler, committed };
  };

  const deleteBelow = async (topic: string, offset: string): Promise<void> => {
    const brokers = [new URL(url.replace('kafka:', 'http:')).host];
    const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    // Loads the topic's metadata, which the next call needs and does not ask for.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] });
    await admin.disconnect();
  };

  it('is read from its oldest record, with a loud word, and what was committed is not erased', async () => {
    const [topic, group] = [freshName('topic'), freshName('group')];
    const writer = await log.writer(topic);
    await writer.append(['a', 'b', 'c', 'd'].map((text) => frameOf(0, text)));
    await readOnce(topic, group, (batch) => batch.commit(1, 'intent'));
    await deleteBelow(topic, '3');

    const { handler, committed } = await readOnce(topic, group, async () => undefined);
    expect(committed).toEqual({ offset: 1, metadata: 'intent' });
    expect(handler.texts(0)).toEqual(['d']);
    const said = logger.lines.filter(({ level }) => level === 'error');
    expect(said).toEqual([
      expect.objectContaining({ fields: { partition: 0, position: 1, oldest: 3, lostRecords: 2 } }),
    ]);
    expect((await readOnce(topic, group, async () => undefined)).committed).toEqual({ offset: 1, metadata: 'intent' });
  });
});

describeWith('kafka', 'a reader whose process is killed', (url) => {
  it('is followed within the session timeout by another, which gets what it had committed', async () => {
    const [topic, group] = [freshName('topic'), freshName('group')];
    const log = await openKafkaEventLog({ url, ...timing });
    const writer = await log.writer(topic);
    await writer.append([frameOf(0, 'a'), frameOf(0, 'b')]);
    const script = `
      const { openKafkaEventLog } = await import('./src/kafka/event-log.ts');
      const { systemClock } = await import('./src/clock.ts');
      const log = await openKafkaEventLog({ url: '${url}', clock: systemClock, sessionTimeoutMs: 6000 });
      const reader = await log.reader('${topic}', '${group}');
      await reader.start({
        assigned: async () => undefined,
        revoked: () => undefined,
        handle: async (batch) => {
          await batch.commit(1, 'intent of the dead');
          console.log('committed');
          await new Promise(() => undefined);
        },
      });`;
    const victim = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: projectFolder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(victim.stdout, 'data');
    victim.kill('SIGKILL');

    const handler = new RecordingHandler();
    const reader = await log.reader(topic, group);
    await reader.start(handler);
    await eventually(() => expect(handler.texts(0)).toEqual(['b']));
    expect(handler.owned.get(0)).toEqual({ offset: 1, metadata: 'intent of the dead' });
    await log.close();
  });
});

describe('a broker that cannot be reached', () => {
  it('is reported as such within seconds, with its address and without credentials', async () => {
    const startedUs = systemClock.monotonicUs();
    const opening = openKafkaEventLog({ url: 'kafka://u:hunter2@127.0.0.1:1?sasl=plain', clock: systemClock });
    const error = await opening.catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'ENGINE_UNREACHABLE', retryable: true });
    expect(String(error)).toContain('127.0.0.1:1');
    expect(String(error)).not.toContain('hunter2');
    expect(systemClock.monotonicUs() - startedUs).toBeLessThan(6_000_000);
  });

  it('is reported within seconds, too, when it takes the connection and says nothing', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const startedUs = systemClock.monotonicUs();
    const opening = openKafkaEventLog({ url: `kafka://127.0.0.1:${port}`, clock: systemClock });
    await expect(opening).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    expect(systemClock.monotonicUs() - startedUs).toBeLessThan(7_000_000);
    server.close();
  });
});
