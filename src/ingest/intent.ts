import { TidegateError } from '../errors.ts';
import type { BlockRange } from './event-table.ts';

/**
 * What the owner of a partition is about to store, written into the committed offset's metadata before it does. Whoever
 * finds it rebuilds exactly this block.
 */
export interface Intent extends Omit<BlockRange, 'partition'> {
  readonly topic: string;
  /** See {@link StoredBlock.topicId}; '' in what a release before wrote. */
  readonly topicId: string;
  /** Of the rows that are stored, those below left out. */
  readonly rows: number;
  readonly crc32: string;
  /** Records of which the first rows are left out, because they were stored before: [offset, rows]. */
  readonly doubled: readonly (readonly [number, number])[];
  /** Records before which rows of the same emitter never came: [offset, rows]. */
  readonly missing: readonly (readonly [number, number])[];
  /** Records that go to the dead letters as a whole. */
  readonly rejected: readonly number[];
  /** Single rows that do: [offset, index in the frame]. */
  readonly badRows: readonly (readonly [number, number])[];
}

/**
 * Raised when a reader of before would store other rows than the writer meant. Fields that change nothing of that are
 * added without: they are ignored by who does not know them.
 */
const version = 1;

/** What exceptions take of an intent, bytes: a block is cut before it has more. With the rest, 2 KiB are enough. */
export const maxExceptionBytes = 1_500;

/** What one of these takes: numbers, comma, brackets. */
export const exceptionBytes = (...numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + String(number).length + 1, 2);

const unlessEmpty = (name: string, list: readonly unknown[]): Record<string, unknown> =>
  list.length > 0 ? { [name]: list } : {};

export const encodeIntent = (intent: Intent): string =>
  JSON.stringify({
    v: version,
    topic: intent.topic,
    ...(intent.topicId === '' ? {} : { id: intent.topicId }),
    start: intent.startOffset,
    end: intent.endOffset,
    rows: intent.rows,
    crc: intent.crc32,
    ...unlessEmpty('doubled', intent.doubled),
    ...unlessEmpty('missing', intent.missing),
    ...unlessEmpty('rejected', intent.rejected),
    ...unlessEmpty('bad', intent.badRows),
  });

const unreadable = (metadata: string, cause?: unknown): TidegateError =>
  new TidegateError('INPUT_INVALID', `Committed metadata is no intent of this release: ${metadata.slice(0, 200)}`, {
    cause,
  });

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isPair = (value: unknown): value is [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every(isWhole);
const areNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every(isWhole);
const arePairs = (value: unknown): value is [number, number][] => Array.isArray(value) && value.every(isPair);

const readJson = (metadata: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(metadata);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw unreadable(metadata, cause);
  }
  throw unreadable(metadata);
};

/**
 * Null for '': nothing is under way. Throws INPUT_INVALID for anything that is no intent, or one of a later version:
 * guessing would lose rows. A release that knows it, or the one that wrote it, goes on where this one stops.
 */
export const decodeIntent = (metadata: string): Intent | null => {
  if (metadata === '') return null;
  const fields = readJson(metadata);
  const { v, topic, id = '', start, end, rows, crc, doubled = [], missing = [], rejected = [], bad = [] } = fields;
  if (v !== version || typeof topic !== 'string' || typeof id !== 'string' || typeof crc !== 'string')
    throw unreadable(metadata);
  if (!isWhole(start) || !isWhole(end) || !isWhole(rows) || end <= start) throw unreadable(metadata);
  if (!arePairs(doubled) || !arePairs(missing) || !areNumbers(rejected) || !arePairs(bad)) throw unreadable(metadata);
  const range = { startOffset: start, endOffset: end };
  return { topic, topicId: id, ...range, rows, crc32: crc, doubled, missing, rejected, badRows: bad };
};
