import type { EvidenceReader } from '../analytics/verify-rows.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Clock } from '../clock.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { Desk } from '../review/desk.ts';
import { MakingDesk } from '../review/making.ts';
import type { Review } from '../review/review.ts';
import { approvalRoutes } from './approval-routes.ts';
import { batchRoutes } from './batch-routes.ts';
import { blockActRoutes } from './block-act-routes.ts';
import { blockMakeRoutes } from './block-make-routes.ts';
import { blockRoutes } from './block-routes.ts';
import { bulkRoutes } from './bulk-routes.ts';
import type { Api } from './routing.ts';
import { BlockVerifier } from './verify-block.ts';
import { verifyRoutes } from './verify-routes.ts';

export interface DeskRouteParts {
  readonly blockList: BlockList;
  /** Null: one block at a time, and no approvals. */
  readonly review: Review | null;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** What the stored decisions say of a block. Null: the database is not in reach of this process. */
  readonly evidence?: EvidenceReader | null;
}

/** Everything that people do with blocks. */
export const deskRoutes = (api: Api, { review, logger = silentLogger, ...parts }: DeskRouteParts): void => {
  const desk = review?.desk ?? new Desk(parts);
  const making = review?.making ?? new MakingDesk({ ...parts, desk, approvals: null });
  const verifier = new BlockVerifier({ book: parts.blockList, reader: parts.evidence ?? null });
  const all = { ...parts, desk, making, logger, verifier };
  blockRoutes(api, all);
  verifyRoutes(api, all);
  blockActRoutes(api, all);
  blockMakeRoutes(api, all);
  if (review === null) return;
  bulkRoutes(api, { ...all, bulk: review.bulk });
  batchRoutes(api, { bulk: review.bulk, logger });
  approvalRoutes(api, { approvals: review.approvals, logger });
};
