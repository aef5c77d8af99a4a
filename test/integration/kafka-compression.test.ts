import { expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { frameOf } from '../support/frames.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

describeWith('kafka', 'frames that are written compressed', (url) => {
  it('are read like any other, beside those that are not', async () => {
    const topic = freshName('topic');
    const options = { url, clock: systemClock, partitions: 1, maxWaitMs: 50 };
    const [plain, zipped] = await Promise.all([
      openKafkaEventLog(options),
      openKafkaEventLog({ ...options, compression: 'gzip' }),
    ]);
    const body = `${JSON.stringify({ text: 'the same again '.repeat(10_000) })}\n`;
    await (await plain.writer(topic)).append([frameOf(0, body)]);
    await (await zipped.writer(topic)).append([frameOf(0, body)]);
    const reader = await plain.reader(topic, freshName('group'));
    const handler = new RecordingHandler();
    await reader.start(handler);
    await vi.waitFor(() => expect(handler.texts(0)).toEqual([body, body]), { timeout: 20_000 });
    await Promise.all([plain.close(), zipped.close()]);
  }, 60_000);
});
