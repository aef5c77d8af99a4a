import type { BlockList } from '../blocklist/block-list.ts';
import type { Clock } from '../clock.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { Approvals } from './approvals.ts';
import { KeptBatches } from './batches.ts';
import { Bulk } from './bulk.ts';
import { Desk } from './desk.ts';
import { type IdempotencyStore, KeptAnswers } from './idempotency.ts';
import { Learning } from './learning.ts';
import { carrying, MakingDesk } from './making.ts';
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
  readonly making: MakingDesk;
  readonly bulk: Bulk;
  readonly approvals: Approvals;
  readonly answers: IdempotencyStore;
  readonly learning: Learning;
  /** Stops what runs in this process. What it is given belongs to the caller. */
  close(): Promise<void>;
}

export const createReview = (options: ReviewOptions): Review => {
  const { blockList, records, clock, logger = silentLogger } = options;
  const notify = options.notify ? { notify: options.notify } : {};
  const learning = new Learning({ blockList, records, clock, logger, ...notify });
  const desk = new Desk({ blockList, clock, onLabel: () => learning.noteLabel() });
  const carry = carrying({ blockList, clock });
  const approvals = new Approvals({ records, carry, clock, logger, ...notify });
  const making = new MakingDesk({ blockList, desk, clock, approvals });
  const bulk = new Bulk({ blockList, desk, batches: new KeptBatches(records), clock, logger });
  const answers = new KeptAnswers({ records, clock });
  learning.start();
  const close = async (): Promise<void> => {
    await bulk.close();
    await learning.stop();
  };
  return { desk, making, bulk, approvals, answers, learning, close };
};
