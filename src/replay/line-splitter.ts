/** 64 KiB: servers cut request lines far below it, and nothing longer is a line of an access log. */
export const maxLineBytes = 64 * 1024;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export interface Line {
  /** The first {@link maxLineBytes} bytes as UTF-8, without line end. */
  readonly text: string;
  /** Longer than {@link maxLineBytes}: `text` is its beginning. */
  readonly overlong: boolean;
}

/** Cuts a stream of bytes into lines. Holds at most one line of {@link maxLineBytes}, whatever comes. */
export class LineSplitter {
  #parts: Buffer[] = [];
  #heldBytes = 0;
  #overlong = false;

  /** The lines that this chunk completes. */
  *push(chunk: Buffer): Generator<Line> {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      this.#hold(chunk.subarray(start, end));
      yield this.#take();
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
  }

  /** The last line when the stream does not end with a line end. */
  *end(): Generator<Line> {
    if (this.#heldBytes > 0) yield this.#take();
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const room = maxLineBytes - this.#heldBytes;
    if (bytes.length > room) this.#overlong = true;
    if (room === 0) return;
    const kept = bytes.subarray(0, room);
    this.#parts.push(kept);
    this.#heldBytes += kept.length;
  }

  #take(): Line {
    const bytes = this.#parts.length === 1 ? (this.#parts[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#parts);
    const overlong = this.#overlong;
    this.#parts = [];
    this.#heldBytes = 0;
    this.#overlong = false;
    const length = !overlong && bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
    return { text: bytes.toString('utf8', 0, length), overlong };
  }
}
