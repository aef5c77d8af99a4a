import type { RowBlock } from '../ingest/event-table.ts';

export interface Span {
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
}

const dayMs = 86_400_000;
/** More are taken as one. */
const maxSpans = 24;
const timePattern = /(?:^|\n)\{"time":(\d{1,15}),/g;

/** The days of the block's rows; null when a row does not begin with its time. */
const daysOf = ({ runs }: RowBlock): ReadonlySet<number> | null => {
  const days = new Set<number>();
  for (const { body, rows } of runs) {
    let found = 0;
    for (const [, time] of body.toString('latin1').matchAll(timePattern)) {
      days.add(Math.floor(Number(time) / dayMs));
      found += 1;
    }
    if (found !== rows) return null;
  }
  return days;
};

/**
 * The times of a block, without the days in between that none of its rows touches: one clock that is weeks off must not make
 * whoever settles its block read all that was stored in those weeks.
 */
export const spansOf = (block: RowBlock): readonly Span[] => {
  const { minTimeMs, maxTimeMs } = block;
  if (Math.floor(minTimeMs / dayMs) === Math.floor(maxTimeMs / dayMs)) return [{ minTimeMs, maxTimeMs }];
  const days = [...(daysOf(block) ?? [])].sort((a, b) => a - b);
  const spans: { minTimeMs: number; maxTimeMs: number }[] = [];
  for (const day of days) {
    const [startMs, endMs] = [Math.max(minTimeMs, day * dayMs), Math.min(maxTimeMs, (day + 1) * dayMs - 1)];
    const before = spans.at(-1);
    if (before && before.maxTimeMs + 1 >= startMs) before.maxTimeMs = endMs;
    else spans.push({ minTimeMs: startMs, maxTimeMs: endMs });
  }
  return spans.length === 0 || spans.length > maxSpans ? [{ minTimeMs, maxTimeMs }] : spans;
};
