import { TidegateError } from '../errors.ts';
import type { BlockRange } from './event-table.ts';

/**
 * What the owner of a partition is about to store, written into the committed offset's metadata before it does. Whoever
 * finds it rebuilds exactly this block.
 */
export interface Intent extends Omit<BlockRange, 'partition'> {
  readonly topic: string;
  /** Of the rows that are stored, those below left out. */
  readonly rows: number;
  readonly crc32: string;
  /** Records of which the first rows are left out, because they were stored before: [offset, rows]. */
  readonly doubled: readonly (readonly [number, number])[];
  /** Records that go to the dead letters as a whole. */
  readonly rejected: readonly number[];
  /** Single rows that do: [offset, index in the frame]. */
  readonly badRows: readonly (readonly [number, number])[];
}

const version = 1;
/** So that an intent stays below 4,000 bytes: a block is cut before it has more exceptions. */
export const maxExceptions = 100;

export const encodeIntent = (intent: Intent): string =>
  JSON.stringify({
    v: version,
    topic: intent.topic,
    start: intent.startOffset,
    end: intent.endOffset,
    rows: intent.rows,
    crc: intent.crc32,
    ...(intent.doubled.length > 0 ? { doubled: intent.doubled } : {}),
    ...(intent.rejected.length > 0 ? { rejected: intent.rejected } : {}),
    ...(intent.badRows.length > 0 ? { bad: intent.badRows } : {}),
  });

const unreadable = (metadata: string, cause?: unknown): TidegateError =>
  new TidegateError('INPUT_INVALID', `Committed metadata is no intent of this release: ${metadata.slice(0, 200)}`, {
    cause,
  });

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isPair = (value: unknown): value is [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every(isWhole);

const readJson = (metadata: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(metadata);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw unreadable(metadata, cause);
  }
  throw unreadable(metadata);
};

/** Null for '': nothing is under way. Throws INPUT_INVALID for anything that is no intent: guessing would lose rows. */
export const decodeIntent = (metadata: string): Intent | null => {
  if (metadata === '') return null;
  const { v, topic, start, end, rows, crc, doubled = [], rejected = [], bad = [] } = readJson(metadata);
  if (v !== version || typeof topic !== 'string' || typeof crc !== 'string') throw unreadable(metadata);
  if (!isWhole(start) || !isWhole(end) || !isWhole(rows) || end <= start) throw unreadable(metadata);
  if (!Array.isArray(doubled) || !doubled.every(isPair)) throw unreadable(metadata);
  if (!Array.isArray(rejected) || !rejected.every(isWhole)) throw unreadable(metadata);
  if (!Array.isArray(bad) || !bad.every(isPair)) throw unreadable(metadata);
  return { topic, startOffset: start, endOffset: end, rows, crc32: crc, doubled, rejected, badRows: bad };
};
