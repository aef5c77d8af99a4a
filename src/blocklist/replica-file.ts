import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { TidegateError } from '../errors.ts';
import type { BlockAction } from './block.ts';
import type { BlockEntry, Cursor, Exemption } from './block-feed.ts';
import type { Switches } from './block-switches.ts';
import { HeldList, type HeldListLimits } from './held-list.ts';

/**
 * A list in a file: a line of JSON that says what it is, lines of entries and of exemptions, and a last line with the
 * CRC-32 of all before. It is read into a list of its own, which nobody asks before that last line has agreed.
 */
const format = 'tidegate block list';
const version = 1;
/** What is read and written at once: some milliseconds of work between two turns of the event loop. */
const chunkBytes = 64 * 1024;
const entriesPerLine = 256;
const maxLineBytes = 1024 * 1024;
const newline = 10;
const writableByOthers = 0o022;

/** A list, and where in whose change log it stands. */
export interface Kept extends Cursor {
  readonly listName: string;
  /** When it was last known to be complete. */
  readonly syncedAtMs: number;
  readonly list: HeldList;
}

interface Head extends Omit<Kept, 'list'> {
  readonly format: string;
  readonly version: number;
  readonly switches: Switches;
}

/** The block is '' where it is the same as of the entry before. */
type Triple = readonly [subjectKey: string, blockId: string, expiresAtMs: number];

interface EntryLine {
  readonly rule: string;
  readonly action: BlockAction;
  readonly entries: readonly Triple[];
}

type Line =
  | { readonly head: Head }
  | EntryLine
  | { readonly exempted: readonly Exemption[] }
  | { readonly crc: number };

/** Lines of what shares rule and action, in their order. */
function* linesOf(entries: readonly BlockEntry[]): Generator<EntryLine> {
  let triples: Triple[] = [];
  let before: BlockEntry | null = null;
  for (const entry of entries) {
    const { subjectKey, blockId, rule, action, expiresAtMs } = entry;
    const isAlike = before !== null && before.rule === rule && before.action === action;
    if (before !== null && (!isAlike || triples.length >= entriesPerLine)) {
      yield { rule: before.rule, action: before.action, entries: triples };
      triples = [];
    }
    triples.push([subjectKey, triples.length > 0 && before?.blockId === blockId ? '' : blockId, expiresAtMs]);
    before = entry;
  }
  if (before !== null) yield { rule: before.rule, action: before.action, entries: triples };
}

class LineWriter {
  readonly #handle: FileHandle;
  #waiting: string[] = [];
  #length = 0;
  crc = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(line: Line): Promise<void> {
    const text = `${JSON.stringify(line)}\n`;
    this.#waiting.push(text);
    this.#length += text.length;
    if (this.#length >= chunkBytes) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = Buffer.from(this.#waiting.join(''));
    this.#waiting = [];
    this.#length = 0;
    this.crc = crc32(bytes, this.crc);
    await this.#handle.appendFile(bytes);
  }
}

const writeAll = async (handle: FileHandle, { list, ...cursor }: Kept): Promise<void> => {
  const writer = new LineWriter(handle);
  await writer.write({ head: { format, version, ...cursor, switches: list.switches } });
  for (const entries of list.entries()) for (const line of linesOf(entries)) await writer.write(line);
  for (const exempted of list.exemptions()) await writer.write({ exempted });
  await writer.flush();
  await writer.write({ crc: writer.crc });
  await writer.flush();
  await handle.sync();
};

/**
 * Replaces the file at once, readable by this user alone. What changes while it is written may be in it or not: the
 * changes after `sequence` put it right.
 */
export const writeListFile = async (path: string, kept: Kept): Promise<void> => {
  const half = `${path}.${process.pid}.tmp`;
  try {
    await rm(half, { force: true });
    const handle = await open(half, 'wx', 0o600);
    try {
      await writeAll(handle, kept);
    } finally {
      await handle.close();
    }
    await rename(half, path);
  } catch (error) {
    await rm(half, { force: true });
    throw error;
  }
};

export interface ListFileOptions {
  readonly path: string;
  readonly listName: string;
  readonly limits: HeldListLimits;
  readonly nowMs: number;
}

const unusable = (why: string): TidegateError => new TidegateError('INPUT_INVALID', `the kept block list ${why}`);

/** The lines of a file, each with the CRC of all before it. */
async function* linesIn(handle: FileHandle): AsyncGenerator<{ readonly text: string; readonly crcBefore: number }> {
  let crcBefore = 0;
  let rest: Buffer = Buffer.alloc(0);
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(chunkBytes), 0, chunkBytes);
    if (bytesRead === 0) break;
    let bytes: Buffer = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline)) {
      const line = bytes.subarray(0, end + 1);
      yield { text: line.toString('utf8', 0, end), crcBefore };
      crcBefore = crc32(line, crcBefore);
      bytes = bytes.subarray(end + 1);
    }
    if (bytes.length > maxLineBytes) throw unusable('has a line without end');
    rest = bytes;
  }
  if (rest.length > 0) throw unusable('ends in the middle');
}

const headFrom = (line: Line | undefined, listName: string): Head => {
  if (line === undefined || !('head' in line)) throw unusable('does not say what it is');
  const { head } = line;
  if (head.format !== format || head.version !== version) throw unusable('is of another format or version');
  if (head.listName !== listName) throw unusable('is of another list');
  return head;
};

const takeEntries = (list: HeldList, { rule, action, entries }: EntryLine, nowMs: number): void => {
  let blockId = '';
  for (const [subjectKey, ownId, expiresAtMs] of entries) {
    blockId = ownId === '' ? blockId : ownId;
    if (expiresAtMs > nowMs) list.add({ subjectKey, blockId, rule, action, expiresAtMs });
  }
};

const readAll = async (handle: FileHandle, { listName, limits, nowMs }: ListFileOptions): Promise<Kept> => {
  const list = new HeldList(limits);
  let head: Head | null = null;
  let isWhole = false;
  for await (const { text, crcBefore } of linesIn(handle)) {
    if (isWhole) throw unusable('goes on behind its end');
    const line = JSON.parse(text) as Line;
    if (head === null) head = headFrom(line, listName);
    else if ('entries' in line) takeEntries(list, line, nowMs);
    else if ('exempted' in line) for (const exemption of line.exempted) list.exempt(exemption);
    else if ('crc' in line) {
      if (line.crc !== crcBefore) throw unusable('is damaged');
      isWhole = true;
    } else throw unusable('has a line of an unknown kind');
  }
  if (head === null || !isWhole) throw unusable('ends in the middle');
  const { switches, epoch, sequence, syncedAtMs } = head;
  list.switches = switches;
  return { listName, epoch, sequence, syncedAtMs, list };
};

/**
 * The list in a file, without what has ended; null where there is no file. Throws where it is of no use: damaged, of another
 * list, or not ours alone to write.
 */
export const readListFile = async (options: ListFileOptions): Promise<Kept | null> => {
  let handle: FileHandle;
  try {
    handle = await open(options.path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { mode, uid } = await handle.stat();
    if ((mode & writableByOthers) !== 0) throw unusable('could have been written by anybody');
    const self = process.getuid?.() ?? uid;
    if (uid !== self && uid !== 0) throw unusable('belongs to somebody else');
    return await readAll(handle, options);
  } finally {
    await handle.close();
  }
};
