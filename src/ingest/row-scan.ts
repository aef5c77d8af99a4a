import { messageOf, TidegateError } from '../errors.ts';
import type { FrameHeaders } from '../event/frame.ts';
import { parseRow, text, whole } from '../event/row-fields.ts';

/** A row that cannot be read, in a frame that can. */
export interface BadRow {
  /** In the frame, from 0. */
  readonly index: number;
  readonly error: string;
}

/** Rows of one frame that are buried one by one; with more, the whole frame goes. */
export const maxBadRows = 50;

export interface Framed {
  readonly headers: FrameHeaders;
  readonly partition: number;
}

export interface ScannedRows {
  /** At most one more than {@link maxBadRows}. */
  readonly bad: readonly BadRow[];
  /** Some row bears the frame out. */
  readonly isBorneOut: boolean;
}

const lineBreak = 0x0a;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const closeBrace = 0x7d;
const zero = 0x30;
const nine = 0x39;
/** More would not be exact. */
const maxDigits = 15;
const opening = Buffer.from('{"time":');

/** Walks over a frame; each step says whether a line goes on as emitters write it. */
class Cursor {
  readonly #body: Buffer;
  readonly #hasEscape: boolean;
  /** The next one at or behind {@link at}, when it was looked for. */
  #brace = -1;
  at = 0;

  constructor(body: Buffer) {
    this.#body = body;
    this.#hasEscape = body.includes(backslash);
  }

  takes(expected: Buffer): boolean {
    const [body, { at }] = [this.#body, this];
    for (let index = 0; index < expected.length; index += 1) if (body[at + index] !== expected[index]) return false;
    this.at = at + expected.length;
    return true;
  }

  /** -1 when there is none, or one that is not written as emitters do. */
  number(): number {
    const start = this.at;
    let value = 0;
    for (let byte = this.#body[start] ?? 0; byte >= zero && byte <= nine; byte = this.#body[this.at] ?? 0) {
      value = value * 10 + byte - zero;
      this.at += 1;
    }
    const digits = this.at - start;
    const isPlain = digits > 0 && digits <= maxDigits && (digits === 1 || this.#body[start] !== zero);
    return isPlain ? value : -1;
  }

  /** Goes behind the line, if what is left of it is the rest of one object. */
  endsObject(): boolean {
    return this.#endsObjectOrIsRefused() || this.#endsObjectStrictly();
  }

  /**
   * Without another brace and without escapes, a reader that is not through at the end of the line is within a text that
   * has not ended. The quote of the next line's `{"t` ends it, and no reader takes a `t` there: the database refuses all.
   */
  #endsObjectOrIsRefused(): boolean {
    const body = this.#body;
    if (this.#hasEscape) return false;
    const next = body.indexOf(lineBreak, this.at) + 1;
    if (this.#brace < this.at) this.#brace = body.indexOf(closeBrace, this.at);
    if (this.#brace === -1) this.#brace = body.length;
    if (this.#brace !== next - 2 || body[next + 1] !== opening[1] || body[next + 2] !== opening[2]) return false;
    this.at = next;
    return true;
  }

  #endsObjectStrictly(): boolean {
    const body = this.#body;
    let inText = false;
    let depth = 1;
    for (let at = this.at; at < body.length; at += 1) {
      const byte = body[at];
      if (byte === quote) inText = !inText;
      else if (byte === backslash || byte === lineBreak) return false;
      else if (!inText && byte === opening[0]) depth += 1;
      else if (!inText && byte === closeBrace) {
        depth -= 1;
        if (depth > 0) continue;
        this.at = at + 2;
        return body[at + 1] === lineBreak;
      }
    }
    return false;
  }
}

/** The long way, for rows that are not as this release writes them. Null: the row is as its frame says. */
const badRowIn = (line: string, index: number, { headers, partition }: Framed): BadRow | null => {
  const { emitter, firstSeq, minTimeMs, maxTimeMs } = headers;
  let isOwn: boolean;
  try {
    const row = parseRow(line);
    const timeMs = whole(row, 'time');
    const [name, number, seq] = [text(row, 'emitter'), whole(row, 'partition'), whole(row, 'seq', 1)];
    const isInTime = timeMs >= minTimeMs && timeMs <= maxTimeMs;
    isOwn = isInTime && name === emitter && number === partition && seq === firstSeq + index;
  } catch (error) {
    return { index, error: messageOf(error) };
  }
  if (isOwn) return null;
  throw new TidegateError('FRAME_CORRUPT', `row ${index} is of another emitter, position, partition or time`);
};

/**
 * Rows are found again by what their frame says of them, and counted by lines. A row that says otherwise would be stored,
 * never be found, and stored again. A line that is not one object (none, two, a `;`, which ends the data) would take rows
 * of others with it, or bring some that nobody counts. So every line is looked at: what is written as emitters write it by
 * its first bytes and its last, all else as JSON. Types of fields are the database's business.
 *
 * Throws FRAME_CORRUPT when a row is of another emitter, position, partition or time than the frame.
 */
export const scanRows = (body: Buffer, framed: Framed): ScannedRows => {
  const { headers, partition } = framed;
  const { emitter, firstSeq, minTimeMs, maxTimeMs } = headers;
  const named = Buffer.from(`,"emitter":${JSON.stringify(emitter)},"partition":${partition},"seq":`);
  const cursor = new Cursor(body);
  const bad: BadRow[] = [];
  let index = 0;
  for (let start = 0; start < body.length && bad.length <= maxBadRows; index += 1, start = cursor.at) {
    cursor.at = start;
    const timeMs = cursor.takes(opening) ? cursor.number() : -1;
    if (
      timeMs >= minTimeMs &&
      timeMs <= maxTimeMs &&
      cursor.takes(named) &&
      cursor.number() === firstSeq + index &&
      body[cursor.at] === comma &&
      cursor.endsObject()
    )
      continue;
    const end = body.indexOf(lineBreak, start);
    const badRow = badRowIn(body.toString('utf8', start, end), index, framed);
    if (badRow) bad.push(badRow);
    cursor.at = end + 1;
  }
  return { bad, isBorneOut: bad.length < index };
};
