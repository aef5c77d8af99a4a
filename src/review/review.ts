import type { BlockList } from '../blocklist/block-list.ts';
import type { Clock } from '../clock.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { KeptBatches } from './batches.ts';
import { Bulk } from './bulk.ts';
import { Desk } from './desk.ts';
import { type IdempotencyStore, KeptAnswers } from './idempotency.ts';
import type { Notify } from './notice.ts';
import type { ReviewRecords } from './records.ts';

export interface ReviewOptions {
  readonly blockList: BlockList;
  readonly records: ReviewRecords;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Who is told of what waits for people. Default: nobody. */
  readonly notify?: Notify;
}

/** What people do, put together. */
export interface Review {
  readonly desk: Desk;
  readonly bulk: Bulk;
  readonly answers: IdempotencyStore;
  /** Stops what runs in this process. What it is given belongs to the caller. */
  close(): Promise<void>;
}

export const createReview = ({ blockList, records, clock, logger = silentLogger }: ReviewOptions): Review => {
  const desk = new Desk({ blockList, clock });
  const bulk = new Bulk({ blockList, desk, batches: new KeptBatches(records), clock, logger });
  const answers = new KeptAnswers({ records, clock });
  return { desk, bulk, answers, close: () => bulk.close() };
};
