import { queryText } from '../../app/client.ts';
import { type Live, useLive } from '../../app/live.ts';
import { nowMs } from '../../app/time.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export interface Range {
  readonly name: string;
  /** `the last hour`. */
  readonly words: string;
  readonly spanMs: number;
  readonly stepMinutes: number;
  /** How often it is asked for: what moves slowly is asked for rarely. */
  readonly everyMs: number;
}

export const ranges = {
  '1h': { name: '1 h', words: 'the last hour', spanMs: hourMs, stepMinutes: 1, everyMs: 5000 },
  '6h': { name: '6 h', words: 'the last 6 hours', spanMs: 6 * hourMs, stepMinutes: 5, everyMs: 15_000 },
  '24h': { name: '24 h', words: 'the last 24 hours', spanMs: 24 * hourMs, stepMinutes: 20, everyMs: 30_000 },
  '7d': { name: '7 d', words: 'the last 7 days', spanMs: 168 * hourMs, stepMinutes: 120, everyMs: 60_000 },
} as const satisfies Record<string, Range>;

export type RangeName = keyof typeof ranges;

export const rangeNamed = (name: string | null): RangeName =>
  (Object.keys(ranges) as RangeName[]).find((each) => each === name) ?? '1h';

/** What an address of the API answers for a range that ends now. */
export const useRange = <T>(
  path: string,
  range: Range,
  query: Readonly<Record<string, string | number>> = {},
): Live<T> => {
  const asked = (from: string): string => `${path}${queryText({ from, ...query })}`;
  return useLive<T>(asked(range.name), range.everyMs, () => asked(new Date(nowMs() - range.spanMs).toISOString()));
};
