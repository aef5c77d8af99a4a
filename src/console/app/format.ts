// Numbers, instants and durations as every page shows them. What is unknown is a dash.

const dash = '—';
const numbers = new Intl.NumberFormat('en');
const compactNumbers = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const clockTimes = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const days = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const daysOfYears = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });

type Maybe<T> = T | null | undefined;

/** `12,345`. */
export const number = (value: Maybe<number>): string => (typeof value === 'number' ? numbers.format(value) : dash);

/** `12.3K`: where there is room for no more. */
export const compact = (value: Maybe<number>): string =>
  typeof value === 'number' ? compactNumbers.format(value) : dash;

/** A share of 1 as `12.3 %`; what rounds to nothing but is something says so. */
export const share = (value: Maybe<number>): string => {
  if (typeof value !== 'number' || !Number.isFinite(value)) return dash;
  const percent = value * 100;
  if (percent > 0 && percent < 0.05) return '< 0.1 %';
  return `${percent.toFixed(percent >= 99.95 || percent === 0 ? 0 : 1)} %`;
};

export const shareOf = (part: number, whole: number): string => share(whole > 0 ? part / whole : null);

/** `250 ms`, `4.2 s`, `12 min`, `3.5 h`, `9 d`. */
export const duration = (ms: Maybe<number>): string => {
  if (typeof ms !== 'number' || !Number.isFinite(ms)) return dash;
  const trimmed = (value: number): string => value.toFixed(1).replace(/\.0$/, '');
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${trimmed(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${trimmed(ms / 3_600_000)} h`;
  return ms < 864_000_000 ? `${trimmed(ms / 86_400_000)} d` : `${number(Math.round(ms / 86_400_000))} d`;
};

const units = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const;

/** A duration that somebody chose, in the largest unit that fits it wholly: `1 min`, `90 s`, `7 d`. */
export const term = (ms: Maybe<number>): string => {
  const unit = typeof ms === 'number' ? units.find(([size]) => ms >= size && ms % size === 0) : undefined;
  return unit === undefined || typeof ms !== 'number' ? duration(ms) : `${number(ms / unit[0])} ${unit[1]}`;
};

/** `14:03:22`; with the day where it is not today's: an end far away would read as one that is over. */
export const instant = (at: Maybe<string | number>, nowMs: number): string => {
  if (at === null || at === undefined) return dash;
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return dash;
  const now = new Date(nowMs);
  if (when.toDateString() === now.toDateString()) return clockTimes.format(when);
  const day = when.getFullYear() === now.getFullYear() ? days : daysOfYears;
  return `${day.format(when)}, ${clockTimes.format(when)}`;
};

/** `3 min ago`, `in 2 h`. */
export const relative = (at: Maybe<string | number>, nowMs: number): string => {
  if (at === null || at === undefined) return dash;
  const distanceMs = new Date(at).getTime() - nowMs;
  if (Number.isNaN(distanceMs)) return dash;
  if (Math.abs(distanceMs) < 1000) return 'now';
  const distance = duration(Math.floor(Math.abs(distanceMs) / 1000) * 1000);
  return distanceMs < 0 ? `${distance} ago` : `in ${distance}`;
};

/** `1.5 MB`. */
export const bytes = (value: Maybe<number>): string => {
  if (typeof value !== 'number') return dash;
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${step === 0 ? number(value) : (value / 1000 ** step).toFixed(1)} ${units[step]}`;
};

/** `1 block`, `3 blocks`. */
export const plural = (value: number, noun: string, nouns = `${noun}s`): string =>
  `${number(value)} ${value === 1 ? noun : nouns}`;

/** `all tenants` or their names. */
export const tenantsText = (tenants: readonly string[] | null): string =>
  tenants === null ? 'all tenants' : tenants.join(', ');
