import { describe } from 'vitest';
import { ManualClock } from '../../src/clock.ts';
import { MemoryEventLog } from '../../src/embedded/memory-event-log.ts';
import { eventLogContract } from './event-log.contract.ts';

describe('the event log in memory', () => {
  const clock = new ManualClock();
  eventLogContract({
    open: async () => new MemoryEventLog({ clock, partitions: 4 }),
    tick: () => clock.advance(500),
  });
});
