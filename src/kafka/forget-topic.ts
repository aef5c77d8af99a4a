import type { Clock } from '../clock.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { connectKafka, logFailed } from './client.ts';

export interface ForgetTopicOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly topic: string;
  /** Groups that read nothing else and have no members left. */
  readonly groups: readonly string[];
}

/** Deletes a topic that nobody uses any more, such as that of a replay, and its groups. Rejects with LOG_FAILED. */
export const forgetTopic = async ({ topic, groups, ...options }: ForgetTopicOptions): Promise<void> => {
  const { admin } = await connectKafka({ logger: silentLogger, ...options });
  try {
    const known = new Set((await admin.listGroups()).groups.map(({ groupId }) => groupId));
    const left = groups.filter((group) => known.has(group));
    if (left.length > 0) await admin.deleteGroups(left);
    if ((await admin.listTopics()).includes(topic)) await admin.deleteTopics({ topics: [topic] });
  } catch (error) {
    throw logFailed(`cannot delete the topic ${topic}`, error, true);
  } finally {
    await admin.disconnect();
  }
};
