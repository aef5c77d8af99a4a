import type { Status } from './api-types.ts';
import { type Live, useLive } from './live.ts';

const statusPauseMs = 2000;

/** How the process that served the page is doing: for the banners, and whoever else wants to know. */
export const useStatus = (): Live<Status> => useLive<Status>('v1/status', statusPauseMs);
