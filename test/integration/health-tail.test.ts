import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import { expect, it } from 'vitest';
import { HealthPublisher } from '../../src/alert/health-publisher.ts';
import { HealthTail } from '../../src/alert/health-tail.ts';
import { HeldSamples } from '../../src/alert/held-samples.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { topics } from '../../src/event/event-log.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { sampleOf } from '../support/samples.ts';

describeWith('kafka', 'what processes tell of themselves', (url) => {
  it('is heard by another process, what was told before it came too, and leaves no group behind', async () => {
    const [process, listener, figure] = [freshName('ingest'), freshName('serve'), freshName('figure')];
    const log = await openKafkaEventLog({ url, clock, maxWaitMs: 100 });
    let value = 0;
    const read = async () => {
      value += 1;
      return [sampleOf({ atMs: clock.nowMs(), process, figure, value })];
    };
    const publisher = new HealthPublisher({ log, process, read, clock, random: () => 0, everyMs: 500 });
    const held = new HeldSamples({ clock });
    const tail = new HealthTail({ log, process: listener, onSamples: (some) => held.add(some), clock });
    const heard = () => held.samples(figure, 0).map((sample) => sample.value);
    publisher.start();
    await expect.poll(() => publisher.stats().published, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
    const before = value;
    tail.start();
    await expect.poll(() => Math.max(...heard()), { timeout: 20_000 }).toBeGreaterThan(before + 1);
    expect(heard().filter((one) => one <= before).length).toBeGreaterThanOrEqual(2);
    await Promise.all([publisher.stop(), tail.stop()]);
    expect(new Set(heard()).size).toBe(heard().length);

    const admin = new Kafka({
      brokers: [new URL(url.replace('kafka:', 'http:')).host],
      logLevel: logLevel.NOTHING,
    }).admin();
    await admin.connect();
    const topic = (await admin.fetchTopicMetadata({ topics: [topics.health] })).topics[0];
    expect(topic?.partitions).toHaveLength(4);
    const resource = { type: ConfigResourceTypes.TOPIC, name: topics.health, configNames: ['retention.ms'] };
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] });
    expect(resources[0]?.configEntries[0]?.configValue).toBe(String(2 * 86_400_000));
    const committed = await admin.fetchOffsets({ groupId: `tidegate-watch-${listener}`, topics: [topics.health] });
    expect(committed[0]?.partitions.every(({ offset }) => offset === '-1')).toBe(true);
    await admin.disconnect();
    await log.close();
  }, 60_000);
});
