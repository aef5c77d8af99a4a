const unitsMs = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** `3 s`, `12 min`, `1 h 4 min`, `2 d 5 h`: as exact as a person wants it. */
export const spanText = (spanMs: number): string => {
  const ms = Math.max(0, spanMs);
  const first = unitsMs.findIndex(([, size]) => ms >= size);
  if (first < 0) return 'under 1 s';
  const [name, size] = unitsMs[first] ?? unitsMs[3];
  const whole = Math.floor(ms / size);
  const [nextName, nextSize] = unitsMs[first + 1] ?? ['', Number.POSITIVE_INFINITY];
  const rest = whole < 10 && name !== 'min' ? Math.floor((ms % size) / nextSize) : 0;
  return rest > 0 ? `${whole} ${name} ${rest} ${nextName}` : `${whole} ${name}`;
};

/** `2026-03-01T09:30:00Z`: no fractions. */
export const instantText = (atMs: number): string => new Date(atMs).toISOString().replace(/\.\d{3}Z$/, 'Z');

export const agoText = (atMs: number, nowMs: number): string => `${spanText(nowMs - atMs)} ago`;
export const leftText = (untilMs: number, nowMs: number): string =>
  untilMs > nowMs ? `in ${spanText(untilMs - nowMs)}` : 'over';

/** `2026-03-01T09:30:00Z (in 2 h 5 min)`. */
export const untilText = (untilMs: number, nowMs: number): string =>
  `${instantText(untilMs)} (${leftText(untilMs, nowMs)})`;

export const numberText = (value: number): string => value.toLocaleString('en');

const byteUnits = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** `812 bytes`, `1.2 MB`. */
export const bytesText = (bytes: number): string => {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${byteUnits[unit]}`;
};

/** What was not asked of the counter store. Counters inside the process move no bytes: then nothing is said of them. */
export const sparedText = (commands: number, bytes: number): string =>
  `${countText(commands, 'command')} to the counter store${bytes > 0 ? `, ${bytesText(bytes)}` : ''}`;

export const countText = (count: number, one: string, many = `${one}s`): string =>
  `${numberText(count)} ${count === 1 ? one : many}`;

/** What somebody else wrote, on one line and without anything that a terminal would act on, or show in another order. */
export const plainText = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replaceAll(/\p{Bidi_Control}/gu, '\ufffd')
    .trim();
