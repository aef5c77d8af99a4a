import type { Checkpoint } from './partition-detector.ts';

/** What is stored beside the committed offset; '' while no event has set a time. */
export const formatCheckpoint = ({ horizonMs }: Checkpoint): string =>
  Number.isFinite(horizonMs) && horizonMs >= 0 ? JSON.stringify({ v: 1, horizonMs }) : '';

/** The horizon in stored metadata; null when there is none or it is of another make. */
export const parseCheckpoint = (metadata: string): number | null => {
  const [, horizon] = /^\{"v":1,"horizonMs":(\d{1,16})\}$/.exec(metadata) ?? [];
  return horizon === undefined ? null : Number(horizon);
};
