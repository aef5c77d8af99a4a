import { readSubject } from '../../blocklist/subject-text.ts';
import { type BlockSubject, subjectKeyOf } from '../../client.ts';
import { TidegateError } from '../../errors.ts';

export const listFormats = ['lines', 'tsv', 'ipsum'] as const;
/** `lines`: the subject is all of the line; `tsv`: its first column; `ipsum`: an address, a tab, and how many lists it is on. */
export type ListFormat = (typeof listFormats)[number];

/** A line that names nobody, and why. */
export interface BadLine {
  readonly number: number;
  readonly problem: string;
}

export interface ListFile {
  /** Each once. */
  readonly subjects: readonly BlockSubject[];
  readonly lines: number;
  /** Lines that named somebody again: an IPv6 address stands for its /64. */
  readonly repeated: number;
  /** Lines below the least score. */
  readonly below: number;
  readonly badLines: number;
  /** The first of them. */
  readonly firstBad: readonly BadLine[];
}

export interface ListFileOptions {
  readonly format: ListFormat;
  /** Of `ipsum`: lines with a smaller number are left out. */
  readonly minScore: number;
  /** Told now and then how many lines were read. */
  readonly onLines?: (lines: number) => void;
}

export const maxSubjects = 1_000_000;
const maxLineLength = 1024;
const maxBadKept = 20;
const toldEvery = 20_000;

const tooLong = { problem: `is longer than ${maxLineLength} characters` } as const;

type Word = { readonly subject: string } | { readonly problem: string } | 'below';

/** Null: nothing is on this line. */
const wordOf = (line: string, { format, minScore }: ListFileOptions): Word | null => {
  // Each run of spaces is looked at once, and not from each of its spaces anew.
  const text = line.replace(/(?<!\s)\s+[#;].*$/, '').trim();
  if (text === '' || text.startsWith('#') || text.startsWith(';')) return null;
  if (format === 'lines') return { subject: text };
  const [subject = '', score = ''] = text.split('\t', 2).map((cell) => cell.trim());
  if (format === 'tsv') return { subject };
  if (!/^\d{1,9}$/.test(score)) return { problem: 'has no number behind a tab' };
  return Number(score) < minScore ? 'below' : { subject };
};

/** Whom one line of `lines` names; null: nobody. */
export const subjectOfLine = (line: string): BlockSubject | null => {
  const word = wordOf(line, { format: 'lines', minScore: 0 });
  const read = word !== null && typeof word === 'object' && 'subject' in word ? readSubject(word.subject) : null;
  return read !== null && 'subject' in read ? read.subject : null;
};

/** Takes lines and gives a list. What is wrong with a line is part of the answer; too many lines are not. */
export class ListFileReader {
  readonly #options: ListFileOptions;
  readonly #subjects = new Map<string, BlockSubject>();
  readonly #firstBad: BadLine[] = [];
  #lines = 0;
  #repeated = 0;
  #below = 0;
  #badLines = 0;

  constructor(options: ListFileOptions) {
    this.#options = options;
  }

  /** @throws TidegateError INPUT_INVALID at more than {@link maxSubjects} subjects. */
  line(text: string): void {
    this.#lines += 1;
    if (this.#lines % toldEvery === 0) this.#options.onLines?.(this.#lines);
    const word = text.length > maxLineLength ? tooLong : wordOf(text, this.#options);
    if (word === 'below') this.#below += 1;
    else if (word !== null && 'problem' in word) this.#bad(word.problem);
    else if (word !== null) this.#read(word.subject);
  }

  end(): ListFile {
    return {
      subjects: [...this.#subjects.values()],
      lines: this.#lines,
      repeated: this.#repeated,
      below: this.#below,
      badLines: this.#badLines,
      firstBad: this.#firstBad,
    };
  }

  #read(word: string): void {
    const read = readSubject(word);
    if ('subject' in read) this.#add(read.subject);
    else this.#bad(read.instead === null ? read.problem : `${read.problem}; did you mean ${read.instead}?`);
  }

  #add(subject: BlockSubject): void {
    const key = subjectKeyOf(subject);
    if (this.#subjects.has(key)) {
      this.#repeated += 1;
      return;
    }
    if (this.#subjects.size >= maxSubjects) {
      throw new TidegateError('INPUT_INVALID', `A list holds at most ${maxSubjects} entries: import it as several`);
    }
    this.#subjects.set(key, subject);
  }

  #bad(problem: string): void {
    this.#badLines += 1;
    if (this.#firstBad.length < maxBadKept) this.#firstBad.push({ number: this.#lines, problem });
  }
}

/** Reads a list from chunks of text, without ever holding more than a line of it. */
export const readList = async (chunks: AsyncIterable<string>, options: ListFileOptions): Promise<ListFile> => {
  const reader = new ListFileReader(options);
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(0, 2 * maxLineLength);
    for (const line of lines) reader.line(line);
  }
  if (rest !== '') reader.line(rest);
  return reader.end();
};
