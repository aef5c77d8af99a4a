import type { Contest } from '../contest.ts';
import { besideCrowdSec } from './beside-crowdsec.ts';
import { blockP99, liftP99 } from './loop.ts';

/** From a client that keeps pushing to a block, and back. */
export const abuse: readonly Contest[] = [blockP99, liftP99, besideCrowdSec];
