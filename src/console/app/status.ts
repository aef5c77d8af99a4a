import { useEffect } from 'preact/hooks';
import { createLiveSamples } from '../charts/live-samples.ts';
import type { Status } from './api-types.ts';
import { type Live, useLive } from './live.ts';

const statusPauseMs = 2000;
const keptSamples = 90;

/** What this process decided while the page was open, a few minutes back. */
export const liveSamples = createLiveSamples(keptSamples);

/** How the process that served the page is doing: for the banners, and whoever else wants to know. */
export const useStatus = (): Live<Status> => {
  const live = useLive<Status>('v1/status', statusPauseMs);
  const { data, loadedAtMs } = live;
  useEffect(() => {
    if (data !== null && loadedAtMs !== null) liveSamples.add(loadedAtMs, data.gate);
  }, [data, loadedAtMs]);
  return live;
};
