import { TidegateError } from '../errors.ts';
import type { Pseudonyms } from './pseudonyms.ts';

/** What a field is, to those who want nobody's name in a row. */
type Role = 'client' | 'kind' | 'address' | 'block' | 'verdict';

/**
 * Columns that say who somebody is. The ids of verdicts and blocks do, too: they are plain hashes of rule, client and time,
 * and whoever has the rest of the row tries out all addresses within minutes.
 */
export const namingColumns: ReadonlyMap<string, Role> = new Map([
  ['client', 'client'],
  ['client_kind', 'kind'],
  ['address', 'address'],
  ['block_id', 'block'],
  ['verdict_id', 'verdict'],
]);

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Of numbers and of true, false and null. */
const isScalar = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) ||
  (byte >= 0x61 && byte <= 0x7a) ||
  (byte >= 0x41 && byte <= 0x5a) ||
  byte === 0x2b ||
  byte === 0x2d ||
  byte === 0x2e;

/** Ids known by their bytes; twice as many are held. */
const maxKnown = 50_000;
/** Columns that name somebody, and those of them that stand in a row twice. */
const maxSpans = 32;
/** Most fields are told apart by how long they are and how they begin. */
const longestName = Math.max(...[...namingColumns.keys()].map((name) => name.length));
const firstBytes = new Set([...namingColumns.keys()].map((name) => (name.charCodeAt(0) << 8) | name.charCodeAt(1)));

/** Below, a loop is cheaper than a call. */
const fewBytes = 48;

const corrupt = (what: string): TidegateError => new TidegateError('FRAME_CORRUPT', `event is not JSON: ${what}`);

/** A text of the row, between its quotes. */
interface Span {
  role: Role;
  start: number;
  end: number;
  hasEscape: boolean;
}

/**
 * Rewrites NDJSON so that it names nobody: every byte stays, but for the values of {@link namingColumns} at the top of each
 * object. Nothing is parsed that need not be: it walks from quote to quote. It reads as the database does (a field's name
 * may be escaped, a line may hold two objects, fields come in any order and may come twice), and refuses what it cannot
 * read, so that nothing passes by it.
 */
export class PseudonymousLines {
  readonly #pseudonyms: Pseudonyms;
  /** By kind and by the bytes between the quotes. Those of before are looked at until the new ones are as many. */
  #known = new Map<string, Map<string, string>>();
  #before = new Map<string, Map<string, string>>();
  #knownCount = 0;
  #body: Buffer = Buffer.alloc(0);
  #at = 0;
  readonly #spans: Span[] = Array.from({ length: maxSpans }, () => ({
    role: 'client',
    start: 0,
    end: 0,
    hasEscape: false,
  }));
  #spanCount = 0;
  #out: Buffer = Buffer.alloc(0);
  #outLength = 0;
  #copied = 0;

  constructor(pseudonyms: Pseudonyms) {
    this.#pseudonyms = pseudonyms;
  }

  /** The same rows, naming nobody. Throws FRAME_CORRUPT where it is no NDJSON, or a name is no text. */
  rewrite(body: Buffer): Buffer {
    this.#body = body;
    this.#at = 0;
    this.#copied = 0;
    this.#outLength = 0;
    this.#out = Buffer.allocUnsafeSlow(body.length + (body.length >> 1) + 256);
    for (this.#skipSpace(); this.#at < body.length; this.#skipSpace()) this.#object();
    this.#keep(body.length);
    return this.#out.subarray(0, this.#outLength);
  }

  #object(): void {
    this.#spanCount = 0;
    this.#expect(openBrace);
    this.#skipSpace();
    if (this.#body[this.#at] === closeBrace) {
      this.#at += 1;
      return;
    }
    for (;;) {
      this.#member();
      this.#skipSpace();
      const byte = this.#body[this.#at];
      this.#at += 1;
      if (byte === closeBrace) break;
      if (byte !== comma) throw corrupt('a comma is missing');
      this.#skipSpace();
    }
    this.#replaceSpans();
  }

  #member(): void {
    const start = this.#at;
    const hasEscape = this.#string();
    const role = this.#roleOf(start + 1, this.#at - 1, hasEscape);
    this.#skipSpace();
    this.#expect(colon);
    this.#skipSpace();
    const valueStart = this.#at;
    const first = this.#body[valueStart];
    let hasEscapeInside = false;
    if (first === quote) hasEscapeInside = this.#string();
    else if (first === openBrace || first === openBracket) this.#nested();
    else this.#scalar();
    if (role === undefined) return;
    if (first !== quote) {
      if (this.#body.toString('latin1', valueStart, this.#at) === 'null') return;
      throw corrupt('a name is no text');
    }
    const span = this.#spans[this.#spanCount++];
    if (!span) throw corrupt('too many names');
    span.role = role;
    span.start = valueStart + 1;
    span.end = this.#at - 1;
    span.hasEscape = hasEscapeInside;
  }

  /** Goes behind a text; says whether there is an escape in it. */
  #string(): boolean {
    const body = this.#body;
    this.#expect(quote);
    let hasEscape = false;
    for (let at = this.#at; at < body.length; at += 1) {
      const byte = body[at];
      if (byte === quote) {
        this.#at = at + 1;
        return hasEscape;
      }
      if (byte !== backslash) continue;
      hasEscape = true;
      at += 1;
    }
    throw corrupt('a text does not end');
  }

  #nested(): void {
    const body = this.#body;
    let depth = 0;
    while (this.#at < body.length) {
      const byte = body[this.#at];
      if (byte === quote) {
        this.#string();
        continue;
      }
      this.#at += 1;
      if (byte === openBrace || byte === openBracket) depth += 1;
      else if (byte === closeBrace || byte === closeBracket) depth -= 1;
      if (depth === 0) return;
    }
    throw corrupt('it does not end');
  }

  #scalar(): void {
    const start = this.#at;
    while (isScalar(this.#body[this.#at] ?? 0)) this.#at += 1;
    if (this.#at === start) throw corrupt('a value is missing');
  }

  #roleOf(start: number, end: number, hasEscape: boolean): Role | undefined {
    if (hasEscape) return namingColumns.get(this.#decoded(start, end));
    if (end - start > longestName || !firstBytes.has(((this.#body[start] ?? 0) << 8) | (this.#body[start + 1] ?? 0)))
      return;
    return namingColumns.get(this.#body.toString('latin1', start, end));
  }

  #replaceSpans(): void {
    const kind = this.#kind();
    for (let index = 0; index < this.#spanCount; index += 1) {
      const span = this.#spans[index];
      if (!span || span.role === 'kind' || span.start === span.end) continue;
      if (span.role === 'client' && kind === null) throw corrupt('a client without client_kind');
      const subject = span.role === 'client' ? (kind ?? '') : span.role === 'address' ? 'ip' : span.role;
      this.#keep(span.start);
      this.#append(this.#pseudonymOf(subject, span));
      this.#copied = span.end;
    }
  }

  /** The last one counts, as for JSON.parse; the database refuses a row that has two. */
  #kind(): string | null {
    for (let index = this.#spanCount - 1; index >= 0; index -= 1) {
      const span = this.#spans[index];
      if (span?.role === 'kind') return this.#textOf(span);
    }
    return null;
  }

  #pseudonymOf(subject: string, span: Span): string {
    const raw = this.#body.toString('latin1', span.start, span.end);
    let known = this.#known.get(subject);
    const found = known?.get(raw);
    if (found !== undefined) return found;
    const pseudonym =
      this.#before.get(subject)?.get(raw) ??
      JSON.stringify(this.#pseudonyms.of(subject, this.#textOf(span))).slice(1, -1);
    if (this.#knownCount >= maxKnown) {
      this.#before = this.#known;
      this.#known = new Map();
      this.#knownCount = 0;
      known = undefined;
    }
    if (!known) {
      known = new Map();
      this.#known.set(subject, known);
    }
    known.set(raw, pseudonym);
    this.#knownCount += 1;
    return pseudonym;
  }

  #textOf({ start, end, hasEscape }: Span): string {
    return hasEscape ? this.#decoded(start, end) : this.#body.toString('utf8', start, end);
  }

  #decoded(start: number, end: number): string {
    try {
      return String(JSON.parse(`"${this.#body.toString('utf8', start, end)}"`));
    } catch {
      // The reason would repeat the text, which may be a name.
      throw corrupt('an escape that there is not');
    }
  }

  /** Copies what has not been copied, up to `end`. */
  #keep(end: number): void {
    const length = end - this.#copied;
    this.#reserve(length);
    if (length > fewBytes) this.#body.copy(this.#out, this.#outLength, this.#copied, end);
    else for (let at = 0; at < length; at += 1) this.#out[this.#outLength + at] = this.#body[this.#copied + at] ?? 0;
    this.#outLength += length;
    this.#copied = end;
  }

  /** ASCII: what a pseudonym, or a name that stays, is made of. */
  #append(text: string): void {
    this.#reserve(text.length);
    this.#outLength += this.#out.write(text, this.#outLength, 'latin1');
  }

  #reserve(bytes: number): void {
    if (this.#outLength + bytes <= this.#out.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * (this.#outLength + bytes));
    this.#out.copy(grown, 0, 0, this.#outLength);
    this.#out = grown;
  }

  #skipSpace(): void {
    while (isSpace(this.#body[this.#at] ?? 0)) this.#at += 1;
  }

  #expect(byte: number): void {
    if (this.#body[this.#at] !== byte) throw corrupt(`${String.fromCharCode(byte)} is missing`);
    this.#at += 1;
  }
}
