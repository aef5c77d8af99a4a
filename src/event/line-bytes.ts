/** Bytes of a line that many lines share, UTF-8. */
export type Bytes = Uint8Array;

export const bytesOf = (text: string): Bytes => new Uint8Array(Buffer.from(text, 'utf8'));

export const json = (value: string | number | readonly string[] | null): string => JSON.stringify(value);

const quote = 0x22;
const backslash = 0x5c;
const zero = 0x30;
const firstPrintable = 0x20;
const lastPrintable = 0x7e;
const firstBytes = 4096;
/** Below, a loop is cheaper than a call. */
const fewBytes = 16;
/** Nine digits fit the arithmetic of small integers. */
const billion = 1_000_000_000;

/** JSON, written byte by byte: what is written for every event is mostly known, and no text has to be made of it. */
export class LineBytes {
  #bytes = Buffer.allocUnsafeSlow(firstBytes);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Makes room for so many bytes; all else here relies on it. */
  reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }

  /** Of a text, beside its quotes: what one UTF-16 unit can come to, `\u001f`. */
  static readonly roomForUnit = 6;
  static readonly roomForNumber = 24;

  put(bytes: Bytes): void {
    const { length } = bytes;
    if (length < fewBytes) for (let at = 0; at < length; at += 1) this.#bytes[this.#length + at] = bytes[at] ?? 0;
    else this.#bytes.set(bytes, this.#length);
    this.#length += length;
  }

  /** As JSON.stringify writes it. */
  putText(text: string): void {
    const bytes = this.#bytes;
    let end = this.#length;
    bytes[end++] = quote;
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      if (unit < firstPrintable || unit > lastPrintable || unit === quote || unit === backslash) {
        this.#length += bytes.write(json(text), this.#length, 'utf8');
        return;
      }
      bytes[end++] = unit;
    }
    bytes[end++] = quote;
    this.#length = end;
  }

  /** As JSON.stringify writes it. */
  putNumber(value: number): void {
    if (value >= 0 && value < 10 && Number.isInteger(value)) this.#bytes[this.#length++] = zero + value;
    else if (value >= 0 && value < billion && Number.isInteger(value)) this.#putDigits(value, digitsOf(value));
    else if (value >= 0 && Number.isSafeInteger(value)) {
      const billions = Math.floor(value / billion);
      this.#putDigits(billions, digitsOf(billions));
      this.#putDigits(value - billions * billion, 9);
    } else this.#length += this.#bytes.write(json(value), this.#length, 'latin1');
  }

  /** Cuts off the first `length` bytes; what is behind them moves to the front. */
  cut(length: number): Buffer {
    const taken = Buffer.allocUnsafeSlow(length);
    this.#bytes.copy(taken, 0, 0, length);
    this.#bytes.copyWithin(0, length, this.#length);
    this.#length -= length;
    return taken;
  }

  #putDigits(value: number, digits: number): void {
    const bytes = this.#bytes;
    let rest = value | 0;
    for (let at = this.#length + digits - 1; at >= this.#length; at -= 1) {
      const tenth = (rest / 10) | 0;
      bytes[at] = zero + rest - tenth * 10;
      rest = tenth;
    }
    this.#length += digits;
  }
}

const digitsOf = (value: number): number => {
  let digits = 1;
  for (let bound = 10; bound <= value; bound *= 10) digits += 1;
  return digits;
};
