import { eventVersion } from './decision-event.ts';
import type { OutgoingFrame } from './event-log.ts';
import { crc32Hex } from './frame.ts';

/** What the rows of every topic begin with. */
export interface LoggedRow {
  readonly timeMs: number;
  readonly emitter: string;
  readonly partition: number;
  readonly seq: number;
}

/**
 * The frame of rows that count one each: at least one, of one emitter and partition, in order. Decisions have frames of
 * their own making, because rows of those stand for many.
 */
export const frameOfRows = <T extends LoggedRow>(
  rows: readonly [T, ...T[]],
  encode: (row: T) => string,
): OutgoingFrame => {
  const [{ emitter, partition, seq }] = rows;
  const body = Buffer.from(rows.map((row) => `${encode(row)}\n`).join(''));
  return {
    partition,
    headers: {
      v: eventVersion,
      emitter,
      firstSeq: seq,
      rows: rows.length,
      deniedRows: 0,
      total: seq + rows.length - 1,
      minTimeMs: Math.min(...rows.map(({ timeMs }) => timeMs)),
      maxTimeMs: Math.max(...rows.map(({ timeMs }) => timeMs)),
      crc32: crc32Hex([body]),
      last: false,
    },
    body,
  };
};
