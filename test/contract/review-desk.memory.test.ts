import { describe } from 'vitest';
import { ManualClock } from '../../src/clock.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { MemoryReviewRecords } from '../../src/embedded/memory-review-records.ts';
import { type OpenEngines, reviewDeskContract } from './review-desk.contract.ts';

describe('reviewing in memory', () => {
  reviewDeskContract((): OpenEngines => {
    const clock = new ManualClock();
    // One process has one list: both share it.
    const engines = { blockList: new MemoryBlockList({ clock }), records: new MemoryReviewRecords({ clock }) };
    return () => engines;
  });
});
