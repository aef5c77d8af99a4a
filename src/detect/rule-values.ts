import { formatDurationMs, parseDurationMs } from '../duration.ts';

/** The value at `windows.length`, own fields only; undefined: there is none. */
export const valueAt = (root: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (value, part) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, part)
          ? Reflect.get(value, part)
          : undefined,
      root,
    );

const secondMs = 1000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;

interface DurationRange {
  readonly leastMs: number;
  readonly mostMs: number;
  readonly defaultMs: number;
  /** Rows of events that were made coarse know no more of their time. */
  readonly wholeSeconds: boolean;
}

const limitWindow: DurationRange = { leastMs: secondMs, mostMs: hourMs, defaultMs: 0, wholeSeconds: true };

/** Every duration of a rule: its range, and what holds when it is absent. */
export const durations = {
  'windows.length': { leastMs: secondMs, mostMs: hourMs, defaultMs: 0, wholeSeconds: true },
  'windows.lasting': { leastMs: 0, mostMs: hourMs, defaultMs: 0, wholeSeconds: true },
  'block.base': { leastMs: secondMs, mostMs: 30 * dayMs, defaultMs: 0, wholeSeconds: false },
  'block.max': { leastMs: secondMs, mostMs: 30 * dayMs, defaultMs: dayMs, wholeSeconds: false },
  'block.strikeTtl': { leastMs: secondMs, mostMs: 90 * dayMs, defaultMs: 7 * dayMs, wholeSeconds: false },
  'action.window': limitWindow,
  'shared.then.window': limitWindow,
} as const satisfies Record<string, DurationRange>;
export type DurationPath = keyof typeof durations;
export const durationPaths = Object.keys(durations) as DurationPath[];

/** A duration of a rule in milliseconds, or what is wrong with it. */
export const durationAt = (fields: unknown, path: DurationPath): number | string => {
  const { leastMs, mostMs, defaultMs, wholeSeconds }: DurationRange = durations[path];
  const text = valueAt(fields, path);
  if (text === undefined) return defaultMs;
  const ms = typeof text === 'string' ? parseDurationMs(text) : null;
  if (ms === null || ms < leastMs || ms > mostMs) {
    return `must be a duration such as 90s, 15m or 24h, from ${formatDurationMs(leastMs)} to ${formatDurationMs(mostMs)}`;
  }
  return wholeSeconds && ms % secondMs !== 0 ? 'must be whole seconds: coarse rows of events know no more' : ms;
};

/** Every share of a rule, and what holds when it is absent. */
export const shares = {
  'depth.deniedShare': 1,
  'compliance.minEarlyShare': 0,
  'budget.requestShare': 0.005,
  'budget.clientShare': 0.01,
  'precision.floor': 0.6,
} as const satisfies Record<string, number>;
export type SharePath = keyof typeof shares;
export const sharePaths = Object.keys(shares) as SharePath[];

const percentOf = (text: string): number | null => {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,4})?)%$/.exec(text) ?? [];
  const percent = Number(digits);
  return digits === undefined || percent > 100 ? null : percent;
};

/** A share of 1, or what is wrong with it. */
export const shareAt = (fields: unknown, path: SharePath): number | string => {
  const given = valueAt(fields, path);
  if (given === undefined) return shares[path];
  if (typeof given === 'number' && given >= 0 && given <= 1) return given;
  const percent = typeof given === 'string' ? percentOf(given) : null;
  if (percent !== null) return percent / 100;
  const meant = typeof given === 'number' && given > 1 && given <= 100 ? `: did you mean ${given}%?` : '';
  return `must be a share such as 0.5% or 0.005, from 0% to 100%${meant}`;
};

/** A percentage over 0, or what is wrong with it. */
export const canaryAt = (fields: unknown): number | string => {
  const given = valueAt(fields, 'canary');
  if (given === undefined) return 100;
  const percent = typeof given === 'string' ? percentOf(given) : null;
  if (percent === 0) return 'must be over 0%: say mode: shadow to block nobody';
  if (percent !== null) return percent;
  const meant = typeof given === 'number' ? `, is ${given}: did you mean ${given}%?` : '';
  return `must be a percentage such as 10%, over 0% to 100%${meant}`;
};

/** The beginning of a day, UTC, or what is wrong with it. */
export const reviewByAt = (fields: unknown): number | null | string => {
  const given = valueAt(fields, 'reviewBy');
  if (given === undefined) return null;
  const words = 'must be a date such as 2027-03-31';
  if (typeof given !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(given)) return words;
  const atMs = Date.parse(`${given}T00:00:00Z`);
  // A 31st of February is read as a day in March.
  return Number.isFinite(atMs) && new Date(atMs).toISOString().startsWith(given) ? atMs : words;
};
