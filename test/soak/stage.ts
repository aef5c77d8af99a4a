import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { patiently } from './patiently.ts';

/** What a scenario plays on. */
export interface Stage {
  readonly kafkaUrl: string;
  /** Empty. */
  readonly folder: string;
  /** Not used before. */
  readonly topic: string;
}

export const dataOf = ({ folder }: Stage): string => join(folder, 'data');

const lookAgainMs = 100;

/** Waits for a condition, not for a time. Rejects with `what` after the deadline. */
export const until = async (
  what: string,
  isSo: () => boolean | Promise<boolean>,
  withinMs = 600_000,
): Promise<void> => {
  const deadlineUs = systemClock.monotonicUs() + withinMs * 1000;
  while (!(await isSo())) {
    if (systemClock.monotonicUs() > deadlineUs) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await systemClock.sleep(lookAgainMs);
  }
};

/** Resolves when the group has committed everything below `ends` and announces nothing. */
export const drained = async (stage: Stage, ends: ReadonlyMap<number, number>, withinMs?: number): Promise<void> => {
  const { kafkaUrl, topic } = stage;
  const log = await patiently(() => openKafkaEventLog({ url: kafkaUrl, clock: systemClock }));
  try {
    const isDrained = async (): Promise<boolean> => {
      const committed = await patiently(() => log.committedOf(topic, topic));
      return [...ends].every(([partition, end]) => {
        const { offset, metadata } = committed.get(partition) ?? { offset: null, metadata: '' };
        return end === 0 || (offset === end && metadata === '');
      });
    };
    await until(`${topic} is drained`, isDrained, withinMs);
  } finally {
    await log.close();
  }
};
