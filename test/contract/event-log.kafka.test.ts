import { systemClock } from '../../src/clock.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { describeWith } from '../support/engines.ts';
import { eventLogContract } from './event-log.contract.ts';

describeWith('kafka', 'the event log on Kafka', (url) => {
  eventLogContract({
    open: () => openKafkaEventLog({ url, clock: systemClock, partitions: 4, retryPauseMs: 50, maxWaitMs: 100 }),
    tick: () => undefined,
  });
});
