import { describe } from 'vitest';
import { MemoryReviewRecords } from '../../src/embedded/memory-review-records.ts';
import { reviewRecordsContract } from './review-records.contract.ts';

describe('records of reviews in memory', () => {
  reviewRecordsContract((clock) => new MemoryReviewRecords({ clock }));
});
