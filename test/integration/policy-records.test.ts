import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { PolicyRecords } from '../../src/gate/policy-records.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { definePolicies } from '../../src/policy/static-source.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

describeWith('kafka', 'records of loaded policies', (url) => {
  it('stand in a compacted topic, one per version', async () => {
    const topic = freshName('policies');
    const policies = definePolicies([{ name: 'per-client', limit: 60, window: '1m' }]);
    const log = await openKafkaEventLog({ url, clock: systemClock, partitions: 2 });
    const records = new PolicyRecords({ policies, log, gate: 'gate-1', region: 'eu', clock: systemClock, topic });
    await expect.poll(() => records.stats().written, { timeout: 20_000 }).toBe(1);
    await records.close();

    const kafka = new Kafka({ brokers: [new URL(url.replace('kafka:', 'http:')).host], logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['cleanup.policy'] };
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] });
    expect(resources[0]?.configEntries[0]?.configValue).toBe('compact');
    await admin.disconnect();

    // A broker refuses a record without a key in such a topic: that it is there says that it has one.
    const reader = await log.reader(topic, freshName('group'));
    const handler = new RecordingHandler();
    await reader.start(handler);
    await expect.poll(() => handler.records.length, { timeout: 20_000 }).toBe(1);
    const said: unknown = JSON.parse(handler.records[0]?.body.toString('utf8') ?? '');
    expect(said).toMatchObject({ gate: 'gate-1', version: policies.current().version, policy_count: 1 });
    await log.close();
  });
});
