/** Texts kept, a power of two. One that falls on another's place takes it. */
const places = 4096;
/** Longer ones are rare, and not worth their room. */
const maxKeptBytes = 128;
const hashStart = 0x811c9dc5;
const hashFactor = 0x01000193;

const quote = 0x22;
const backslash = 0x5c;
const firstPrintable = 0x20;
const lastPrintable = 0x7e;

/**
 * Texts out of JSON, each made once while it comes often: most rows name the same routes, policies and clients as the
 * rows before. Bounded: {@link places} texts of {@link maxKeptBytes} bytes.
 */
export class ByteTexts {
  readonly #kept: (string | undefined)[] = new Array<string | undefined>(places).fill(undefined);
  /** Where the last text that was read ends: behind its quote. */
  end = 0;

  /** Goes behind the text whose opening quote is at `at`, if it is a plain one. */
  skip(bytes: Buffer, at: number): boolean {
    if (bytes[at] !== quote) return false;
    let end = at + 1;
    for (let byte = bytes[end]; byte !== quote; byte = bytes[end]) {
      if (byte === undefined || byte === backslash || byte < firstPrintable || byte > lastPrintable) return false;
      end += 1;
    }
    this.end = end + 1;
    return true;
  }

  /** The text whose opening quote is at `at`; null when it is no plain one: escapes, control or other characters. */
  read(bytes: Buffer, at: number): string | null {
    if (bytes[at] !== quote) return null;
    const start = at + 1;
    let hash = hashStart;
    let end = start;
    for (let byte = bytes[end]; byte !== quote; byte = bytes[end]) {
      if (byte === undefined || byte === backslash || byte < firstPrintable || byte > lastPrintable) return null;
      hash = Math.imul(hash ^ byte, hashFactor);
      end += 1;
    }
    this.end = end + 1;
    if (end === start) return '';
    if (end - start > maxKeptBytes) return bytes.toString('latin1', start, end);
    const place = (hash ^ (hash >>> 15)) & (places - 1);
    const kept = this.#kept[place];
    if (kept?.length === end - start && isAt(kept, bytes, start)) return kept;
    const made = bytes.toString('latin1', start, end);
    this.#kept[place] = made;
    return made;
  }
}

const isAt = (text: string, bytes: Buffer, start: number): boolean => {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
};
