import { expect, it } from 'vitest';
import { spansOf } from '../../../src/clickhouse/touched-days.ts';
import type { RowBlock } from '../../../src/ingest/event-table.ts';
import { baseTimeMs, FrameSource } from '../../support/decision-frames.ts';

const dayMs = 86_400_000;
const midnightMs = Math.floor(baseTimeMs / dayMs) * dayMs;

const blockAt = (...timesMs: readonly number[]): RowBlock => {
  const { headers, body } = new FrameSource().frame(...timesMs.map((timeMs) => ({ timeMs })));
  const { emitter, firstSeq, rows, crc32, minTimeMs, maxTimeMs } = headers;
  const runs = [{ emitter, firstSeq, rows, body }];
  return { partition: 0, startOffset: 0, endOffset: 1, rows, crc32, minTimeMs, maxTimeMs, runs };
};

it('a block of one day is one span, to the millisecond', () => {
  const [minTimeMs, maxTimeMs] = [midnightMs, midnightMs + dayMs - 1];
  expect(spansOf(blockAt(maxTimeMs, minTimeMs))).toEqual([{ minTimeMs, maxTimeMs }]);
});

it('days that follow each other are one span, over midnight and the end of a month', () => {
  const timesMs = [0, 1, 2].map((day) => midnightMs + day * dayMs + 5);
  expect(spansOf(blockAt(...timesMs))).toEqual([{ minTimeMs: timesMs[0], maxTimeMs: timesMs[2] }]);
});

it('the weeks between a clock that is off and the others are left out', () => {
  const [old, now] = [midnightMs - 20 * dayMs + 7, midnightMs + 3];
  expect(spansOf(blockAt(now, old, now))).toEqual([
    { minTimeMs: old, maxTimeMs: midnightMs - 19 * dayMs - 1 },
    { minTimeMs: midnightMs, maxTimeMs: now },
  ]);
});

it('rows that are written otherwise, or of very many days, are taken as one span', () => {
  const block = blockAt(midnightMs, midnightMs + 9 * dayMs);
  const body = Buffer.from(String(block.runs[0]?.body).replaceAll('{"time"', '{ "time"'));
  const whole = [{ minTimeMs: block.minTimeMs, maxTimeMs: block.maxTimeMs }];
  expect(spansOf({ ...block, runs: block.runs.map((run) => ({ ...run, body })) })).toEqual(whole);
  const many = blockAt(...Array.from({ length: 60 }, (_, index) => midnightMs + 2 * index * dayMs));
  expect(spansOf(many)).toEqual([{ minTimeMs: many.minTimeMs, maxTimeMs: many.maxTimeMs }]);
});
