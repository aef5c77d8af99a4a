import { crc32 } from 'node:zlib';
import { TidegateError } from '../errors.ts';
import { type DecisionEvent, eventVersion } from './decision-event.ts';
import { decodeEvent } from './event-codec.ts';

/**
 * What a frame says of itself, beside its body. On Kafka these are message headers, as text.
 */
export interface FrameHeaders {
  /** Event version, see {@link eventVersion}. */
  readonly v: number;
  readonly emitter: string;
  /** `seq` of the first event. Events of one emitter in one partition are numbered without a gap. */
  readonly firstSeq: number;
  /** Events in the body. 0: a frame that only says where its emitter stands. */
  readonly rows: number;
  /** Events with outcome `denied`. */
  readonly deniedRows: number;
  /** Σ count of all events of this emitter in this partition, this frame included. */
  readonly total: number;
  /** Time of the oldest and the newest event, milliseconds since the epoch. */
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  /** CRC-32 (IEEE) of the body, 8 hex digits. */
  readonly crc32: string;
  /** This emitter will send no more to this partition. */
  readonly last: boolean;
}

/** CRC-32 of the buffers as one run of bytes, 8 hex digits. */
export const crc32Hex = (buffers: readonly Buffer[]): string =>
  buffers
    .reduce((crc, buffer) => crc32(buffer, crc), 0)
    .toString(16)
    .padStart(8, '0');

const corrupt = (message: string, cause?: unknown): TidegateError =>
  new TidegateError('FRAME_CORRUPT', message, { cause });

export const formatFrameHeaders = (headers: FrameHeaders): Record<string, string> => ({
  v: String(headers.v),
  emitter: headers.emitter,
  'first-seq': String(headers.firstSeq),
  rows: String(headers.rows),
  'denied-rows': String(headers.deniedRows),
  total: String(headers.total),
  'min-time': String(headers.minTimeMs),
  'max-time': String(headers.maxTimeMs),
  crc32: headers.crc32,
  last: headers.last ? '1' : '0',
});

const wholeNumber = (headers: Readonly<Record<string, string>>, name: string): number => {
  const text = headers[name];
  const value = Number(text);
  if (text === undefined || !/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) {
    throw corrupt(`frame header ${name} is not a whole number: ${JSON.stringify(text?.slice(0, 40))}`);
  }
  return value;
};

/** Throws FRAME_CORRUPT when a header is missing, malformed, or of another version. */
export const parseFrameHeaders = (headers: Readonly<Record<string, string>>): FrameHeaders => {
  const v = wholeNumber(headers, 'v');
  if (v !== eventVersion) throw corrupt(`frame version ${v}; this release reads version ${eventVersion}`);
  const { emitter, crc32: checksum } = headers;
  if (!emitter || emitter.length > 128) throw corrupt('frame header emitter is missing or longer than 128 characters');
  if (!checksum || !/^[0-9a-f]{8}$/.test(checksum)) throw corrupt('frame header crc32 is not 8 hex digits');
  return {
    v,
    emitter,
    firstSeq: wholeNumber(headers, 'first-seq'),
    rows: wholeNumber(headers, 'rows'),
    deniedRows: wholeNumber(headers, 'denied-rows'),
    total: wholeNumber(headers, 'total'),
    minTimeMs: wholeNumber(headers, 'min-time'),
    maxTimeMs: wholeNumber(headers, 'max-time'),
    crc32: checksum,
    last: headers['last'] === '1',
  };
};

export interface EncodedFrame {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Headers and body as they must be, without looking into the rows. Throws FRAME_CORRUPT. */
export const checkFrame = (frame: EncodedFrame): FrameHeaders => {
  const headers = parseFrameHeaders(frame.headers);
  const checksum = crc32Hex([frame.body]);
  if (checksum !== headers.crc32) throw corrupt(`frame body has crc32 ${checksum}, its header says ${headers.crc32}`);
  return headers;
};

/** A frame with its events. Throws FRAME_CORRUPT. */
export const decodeFrame = (frame: EncodedFrame): { headers: FrameHeaders; events: DecisionEvent[] } => {
  const headers = checkFrame(frame);
  const lines = frame.body.toString('utf8').split('\n');
  if (lines.pop() !== '') throw corrupt('frame body does not end with a line break');
  if (lines.length !== headers.rows) throw corrupt(`frame holds ${lines.length} rows, its header says ${headers.rows}`);
  return { headers, events: lines.map(decodeEvent) };
};
