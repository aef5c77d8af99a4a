import type { Readable } from 'node:stream';
import { TidegateError } from '../errors.ts';
import { type LoggedRequest, parseAccessLogLine } from './access-log-line.ts';
import { type Line, LineSplitter } from './line-splitter.ts';
import { displayNameOf, readLogBytes, refusalOf } from './log-bytes.ts';

/** A line that could not be read, shortened, with control characters made visible. */
export interface RejectedSample {
  readonly file: string;
  /** From 1. */
  readonly lineNumber: number;
  readonly reason: string;
  readonly text: string;
}

export interface AccessLog {
  /** In order of time; requests of one instant stay in the order they were read. */
  readonly requests: readonly LoggedRequest[];
  /** requests + rejectedLines. */
  readonly lines: number;
  readonly rejectedLines: number;
  /** The first {@link maxRejectedSamples}. */
  readonly rejectedSamples: readonly RejectedSample[];
}

export interface ReadOptions {
  /** Paths; `-` is `stdin`. */
  readonly files: readonly string[];
  readonly stdin: Readable;
  /** More lines than this are refused, for they are sorted in memory. Default {@link defaultMaxLines}. */
  readonly maxLines?: number;
  /** Characters of distinct addresses and paths, likewise. Default {@link defaultMaxCharacters}. */
  readonly maxCharacters?: number;
  /** Called after every chunk with the lines read so far. */
  readonly onLines?: (lines: number) => void;
}

export const maxRejectedSamples = 5;
/** About 1 GB of memory. */
export const defaultMaxLines = 5_000_000;
/** Another 512 MiB: a log of a few MiB, gzipped, can name gigabytes of distinct paths. */
export const defaultMaxCharacters = 512 * 1024 * 1024;
const maxSampleLength = 160;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it replaces
const invisible = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Text of a hostile log, fit for a terminal: one short line without control characters. */
export const visible = (text: string, maxLength = maxSampleLength): string => {
  const shown = text
    .slice(0, maxLength)
    .toWellFormed()
    .replace(invisible, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return text.length > maxLength ? `${shown}…` : shown;
};

/** Equal texts as one string: a log names few clients and paths, but names them often. */
class Interner {
  readonly #known = new Map<string, string>();
  characters = 0;

  of(text: string): string {
    const first = this.#known.get(text);
    if (first !== undefined) return first;
    // The copy lets go of the line that the text is a slice of.
    const copy = Buffer.from(text).toString();
    this.#known.set(copy, copy);
    this.characters += copy.length;
    return copy;
  }
}

class Reading {
  readonly requests: LoggedRequest[] = [];
  readonly rejectedSamples: RejectedSample[] = [];
  lines = 0;
  rejectedLines = 0;
  readonly #texts = new Interner();

  get characters(): number {
    return this.#texts.characters;
  }

  take(file: string, lineNumber: number, line: Line): void {
    this.lines += 1;
    const parsed = line.overlong ? { rejected: 'longer than 64 KiB' } : parseAccessLogLine(line.text);
    if ('request' in parsed) {
      const { timeMs, address, method, path } = parsed.request;
      this.requests.push({
        timeMs,
        address: this.#texts.of(address),
        method: this.#texts.of(method),
        path: this.#texts.of(path),
      });
      return;
    }
    this.rejectedLines += 1;
    if (this.rejectedSamples.length >= maxRejectedSamples) return;
    this.rejectedSamples.push({
      file: displayNameOf(file),
      lineNumber,
      reason: parsed.rejected,
      text: visible(line.text),
    });
  }
}

const readFile = async (reading: Reading, file: string, options: ReadOptions): Promise<void> => {
  const { maxLines = defaultMaxLines, maxCharacters = defaultMaxCharacters } = options;
  const splitter = new LineSplitter();
  const requestsBefore = reading.requests.length;
  let lineNumber = 0;
  const takeAll = (lines: Iterable<Line>): void => {
    for (const line of lines) reading.take(file, ++lineNumber, line);
    if (reading.lines > maxLines) {
      throw new TidegateError('INPUT_INVALID', `more than ${maxLines} lines: replay the log in parts`);
    }
    if (reading.characters > maxCharacters) {
      const message = `distinct addresses and paths of more than ${maxCharacters} characters: replay the log in parts`;
      throw new TidegateError('INPUT_INVALID', message);
    }
    options.onLines?.(reading.lines);
  };
  for await (const chunk of readLogBytes({ file, stdin: options.stdin })) takeAll(splitter.push(chunk));
  takeAll(splitter.end());
  if (reading.requests.length === requestsBefore) {
    const reason = reading.rejectedSamples.find((sample) => sample.file === displayNameOf(file))?.reason;
    const why = reason === undefined ? '' : ` (line 1: ${reason})`;
    throw new TidegateError(
      'INPUT_INVALID',
      `${displayNameOf(file)} is no access log: none of its ${lineNumber} lines can be read${why}`,
    );
  }
};

/** Names all files that are not there before the first is read, which may take a while. */
const refuseAbsent = async (files: readonly string[]): Promise<void> => {
  const refusals = (await Promise.all(files.map(refusalOf))).filter((refusal) => refusal !== null);
  const [first, second] = refusals;
  if (!first) return;
  if (!second) throw first;
  const problems = refusals.map(({ message }) => ({ path: '', message }));
  throw new TidegateError('INPUT_INVALID', `${refusals.length} of ${files.length} files cannot be read`, { problems });
};

/**
 * Reads access logs whole and sorts them by time. Lines that cannot be read are counted and sampled; a file without one
 * readable line is refused with INPUT_INVALID, as is one that cannot be opened, is empty, or is broken gzip.
 */
export const readAccessLogs = async (options: ReadOptions): Promise<AccessLog> => {
  await refuseAbsent(options.files);
  const reading = new Reading();
  for (const file of options.files) await readFile(reading, file, options);
  // Array.prototype.sort is stable: lines of one second keep the order in which they were read.
  const requests = reading.requests.sort((left, right) => left.timeMs - right.timeMs);
  return {
    requests,
    lines: reading.lines,
    rejectedLines: reading.rejectedLines,
    rejectedSamples: reading.rejectedSamples,
  };
};
