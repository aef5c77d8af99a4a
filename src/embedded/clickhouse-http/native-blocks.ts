import { exception } from './exception.ts';
import { type Layout, layoutOf } from './native-type.ts';

/** From this revision of the protocol on, a column says whether its values are laid out in a special way. */
const withLayoutFlag = 54_454;

/** Not an overflow of GROUP BY, no bucket: what a block says of itself before anything else. */
const blockInfo = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]);
const plainLayout = Buffer.from([0]);

/** @throws Exception NOT_IMPLEMENTED for a revision of years ago. */
export const checkRevision = (revision: number): void => {
  if (revision !== 0 && revision < withLayoutFlag)
    throw exception('NOT_IMPLEMENTED', `The Native format is written for revision 0 and from ${withLayoutFlag} on`);
};

const broken = (): Error => exception('NOT_IMPLEMENTED', 'This result cannot be written in the Native format');

class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  skip(count: number): void {
    this.at += count;
    if (!(this.at <= this.bytes.length)) throw broken();
  }

  varint(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.bytes[this.at++];
      if (byte === undefined || shift > 2 ** 42) throw broken();
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  }

  int64(): number {
    if (this.at + 8 > this.bytes.length) throw broken();
    const value = Number(this.bytes.readBigUInt64LE(this.at));
    this.at += 8;
    return value;
  }

  text(): string {
    const length = this.varint();
    const start = this.at;
    this.skip(length);
    return this.bytes.toString('utf8', start, this.at);
  }
}

const versionBytes = 8;

/** Every dictionary within a column says its version first, before any value. */
const skipVersions = (cursor: Cursor, layout: Layout): void => {
  if (layout.kind === 'dictionary') cursor.skip(versionBytes);
  if (layout.kind === 'tuple') for (const part of layout.of) skipVersions(cursor, part);
  else if (layout.kind === 'nullable' || layout.kind === 'array') skipVersions(cursor, layout.of);
};

const skipDictionary = (cursor: Cursor, keys: Layout): void => {
  const indexBytes = 2 ** (cursor.int64() & 0xff);
  skipValues(cursor, keys, cursor.int64());
  cursor.skip(cursor.int64() * indexBytes);
};

const skipValues = (cursor: Cursor, layout: Layout, rows: number): void => {
  switch (layout.kind) {
    case 'fixed':
      cursor.skip(layout.bytes * rows);
      break;
    case 'string':
      for (let row = 0; row < rows; row++) cursor.skip(cursor.varint());
      break;
    case 'tuple':
      for (const part of layout.of) skipValues(cursor, part, rows);
      break;
    case 'nullable':
      cursor.skip(rows);
      skipValues(cursor, layout.of, rows);
      break;
    case 'array':
      if (rows === 0) break;
      // Where each row's items end; the last one's end is how many there are.
      cursor.skip((rows - 1) * 8);
      skipValues(cursor, layout.of, cursor.int64());
      break;
    case 'dictionary':
      if (rows > 0) skipDictionary(cursor, layout.of);
      break;
  }
};

/**
 * Blocks of the Native format as chDB writes them (revision 0), as a client of a later revision reads them: the bytes of
 * the values stay, what blocks and columns say of themselves is put between them. `bytes` holds whole blocks.
 *
 * @throws Exception NOT_IMPLEMENTED for a column of a type whose end cannot be told.
 */
export const nativeBlocksFor = (revision: number, bytes: Uint8Array): Buffer => {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (revision < withLayoutFlag) return source;
  const cursor = new Cursor(source);
  const parts: Buffer[] = [];
  const layouts = new Map<string, Layout>();
  while (cursor.at < source.length) {
    const start = cursor.at;
    const columns = cursor.varint();
    const rows = cursor.varint();
    parts.push(blockInfo, source.subarray(start, cursor.at));
    for (let column = 0; column < columns; column++) {
      const head = cursor.at;
      cursor.text();
      const type = cursor.text();
      const body = cursor.at;
      const layout = layouts.get(type) ?? layoutOf(type);
      layouts.set(type, layout);
      if (rows > 0) {
        skipVersions(cursor, layout);
        skipValues(cursor, layout, rows);
      }
      parts.push(source.subarray(head, body), plainLayout, source.subarray(body, cursor.at));
    }
  }
  return Buffer.concat(parts);
};
