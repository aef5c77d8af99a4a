import type { Block } from '../blocklist/block.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Clock } from '../clock.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { Desk } from '../review/desk.ts';
import { blockActRoutes } from './block-act-routes.ts';
import { blockRoutes, type EvidenceQuery } from './block-routes.ts';
import type { Api } from './routing.ts';

export interface DeskRouteParts {
  readonly blockList: BlockList;
  readonly desk: Desk;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** The question to the database that gives the evidence of a block again. Default: none is told. */
  readonly queryOf?: (block: Block) => EvidenceQuery | null;
}

/** Everything that people do with blocks. */
export const deskRoutes = (api: Api, { logger = silentLogger, ...parts }: DeskRouteParts): void => {
  blockRoutes(api, parts);
  blockActRoutes(api, { ...parts, logger });
};
