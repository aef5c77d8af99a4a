import type { Admin } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import type { KafkaConnection } from '../../../src/kafka/client.ts';
import { ensureTopic } from '../../../src/kafka/topic.ts';

interface Answer {
  readonly leaders?: readonly number[];
  readonly type?: string;
}

/** A broker that was asked to create a topic and then answers so, the last answer again and again. */
const connectionOf = (answers: Answer[], stumbles = 0) => {
  const clock = new ManualClock();
  const calls = { created: 0, asked: 0, askedForOffsets: 0 };
  const admin = {
    listTopics: async () => [],
    createTopics: async () => {
      calls.created += 1;
      return true;
    },
    fetchTopicOffsets: async () => {
      calls.askedForOffsets += 1;
      if (calls.askedForOffsets <= stumbles) throw new TypeError("Cannot destructure property 'partitions'");
      return [];
    },
    fetchTopicMetadata: async () => {
      const { leaders = [], type } = answers[Math.min(calls.asked, answers.length - 1)] ?? {};
      calls.asked += 1;
      if (type) throw Object.assign(new Error(type), { type });
      return { topics: [{ name: 't', partitions: leaders.map((leader, partitionId) => ({ partitionId, leader })) }] };
    },
  };
  const connection = { admin: admin as unknown as Admin, clock, brokerCount: 1 } as unknown as KafkaConnection;
  return { connection, clock, calls };
};

const whileTimePasses = async <T>(clock: ManualClock, work: Promise<T>): Promise<T> => {
  let isDone = false;
  const settled = work.finally(() => {
    isDone = true;
  });
  settled.catch(() => undefined);
  while (!isDone) {
    clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return settled;
};

describe('a topic that is created', () => {
  it('is waited for until every broker knows it and every partition has a leader', async () => {
    const { connection, clock, calls } = connectionOf([
      { type: 'UNKNOWN_TOPIC_OR_PARTITION' },
      { type: 'LEADER_NOT_AVAILABLE' },
      { leaders: [1, -1] },
      { leaders: [1, 1] },
    ]);
    await expect(whileTimePasses(clock, ensureTopic(connection, 't', { partitions: 2 }))).resolves.toBe(2);
    expect(calls).toEqual({ created: 1, asked: 4, askedForOffsets: 1 });
  });

  it('is asked for again where its leaders change while kafkajs asks for its offsets', async () => {
    const { connection, clock, calls } = connectionOf([{ leaders: [1, 1] }], 2);
    await expect(whileTimePasses(clock, ensureTopic(connection, 't', { partitions: 2 }))).resolves.toBe(2);
    expect(calls.askedForOffsets).toBe(3);
  });

  it('is given up on after ten seconds, and at once when something else is wrong', async () => {
    const never = connectionOf([{ type: 'UNKNOWN_TOPIC_OR_PARTITION' }]);
    const waiting = whileTimePasses(never.clock, ensureTopic(never.connection, 't', { partitions: 2 }));
    await expect(waiting).rejects.toMatchObject({ type: 'UNKNOWN_TOPIC_OR_PARTITION' });
    const refused = connectionOf([{ type: 'TOPIC_AUTHORIZATION_FAILED' }]);
    await expect(ensureTopic(refused.connection, 't', { partitions: 2 })).rejects.toMatchObject({
      type: 'TOPIC_AUTHORIZATION_FAILED',
    });
    expect(refused.calls.asked).toBe(1);
  });
});
