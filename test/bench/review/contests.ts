import type { Contest } from '../contest.ts';
import { queuePage } from './queue-page.ts';

/** What people who review wait for. */
export const review: readonly Contest[] = [queuePage];
