import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maxRejectedSamples, readAccessLogs, visible } from '../../../src/replay/access-log.ts';
import { LineSplitter, maxLineBytes } from '../../../src/replay/line-splitter.ts';

const lineAt = (second: number, path: string): string =>
  `192.0.2.7 - - [05/Mar/2024:10:11:${String(second).padStart(2, '0')} +0000] "GET ${path} HTTP/1.1" 200 1 "-" "-"`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-access-log-'));
});
afterAll(() => rm(folder, { recursive: true }));

const fileWith = async (name: string, content: string | Buffer): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
};
const read = (files: readonly string[], input: string | Buffer = '') =>
  readAccessLogs({ files, stdin: Readable.from([Buffer.from(input)]) });

describe('readAccessLogs', () => {
  it('sorts by time over all files and keeps the order of reading within a second', async () => {
    const first = await fileWith('first.log', `${lineAt(30, '/c')}\n${lineAt(10, '/a')}\n`);
    const second = await fileWith('second.log', `${lineAt(30, '/d')}\n${lineAt(20, '/b')}\n${lineAt(30, '/e')}`);
    const log = await read([first, second]);
    expect(log.requests.map((request) => request.path)).toEqual(['/a', '/b', '/c', '/d', '/e']);
    expect(log).toMatchObject({ lines: 5, rejectedLines: 0 });
  });

  it('knows gzip by its first bytes, not by the name', async () => {
    const members = Buffer.concat([gzipSync(`${lineAt(1, '/a')}\n`), gzipSync(`${lineAt(2, '/b')}\n`)]);
    const zipped = await fileWith('zipped.log', members);
    const plain = await fileWith('plain.gz', `${lineAt(3, '/c')}\r\n`);
    expect((await read([zipped, plain])).requests.map((request) => request.path)).toEqual(['/a', '/b', '/c']);
  });

  it('reads standard input, gzipped or not', async () => {
    expect((await read(['-'], lineAt(1, '/a'))).requests).toHaveLength(1);
    expect((await read(['-'], gzipSync(lineAt(1, '/a')))).requests).toHaveLength(1);
  });

  it('accounts for every line: requests and rejected ones', async () => {
    const path = await fileWith(
      'mixed.log',
      ['', 'nonsense', lineAt(1, '/a'), '\u001b[31mred', ...Array(9).fill('x')].join('\n'),
    );
    const log = await read([path]);
    expect(log).toMatchObject({ lines: 13, rejectedLines: 12 });
    expect(log.requests).toHaveLength(1);
    expect(log.rejectedSamples).toHaveLength(maxRejectedSamples);
    expect(log.rejectedSamples[2]).toMatchObject({ lineNumber: 4, text: '\\u001b[31mred' });
  });

  it('rejects a line that is too long and goes on behind it', async () => {
    const path = await fileWith('long.log', `${lineAt(1, `/${'a'.repeat(maxLineBytes)}`)}\n${lineAt(2, '/b')}\n`);
    const log = await read([path]);
    expect(log).toMatchObject({ lines: 2, rejectedLines: 1 });
    expect(log.rejectedSamples[0]?.reason).toBe('longer than 64 KiB');
  });

  it.each([
    ['a missing file', () => Promise.resolve(join(folder, 'missing.log')), /missing\.log does not exist$/],
    ['a directory', () => Promise.resolve(folder), /is a directory, not an access log$/],
    ['an empty file', () => fileWith('empty.log', ''), /empty\.log is empty$/],
    ['an empty gzip file', () => fileWith('empty.gz', gzipSync('')), /empty\.gz is empty$/],
    ['a binary file', () => fileWith('binary.log', Buffer.alloc(70_000)), /is no access log: none of its 1 lines/],
    [
      'a truncated gzip file',
      () => fileWith('cut.gz', gzipSync(lineAt(1, '/a')).subarray(0, 30)),
      /ends in the middle of its gzip data$/,
    ],
    [
      'a broken gzip file',
      () => fileWith('broken.gz', Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9])),
      /holds broken gzip data/,
    ],
  ])('refuses %s in one line that names it', async (_what, make, message) => {
    await expect(make().then((path) => read([path]))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('names every file that is not there, before it reads the first', async () => {
    const good = await fileWith('good.log', `${lineAt(1, '/a')}\n`);
    await expect(read([good, join(folder, 'missing.log'), folder])).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: '2 of 3 files cannot be read',
      problems: [
        expect.objectContaining({ message: expect.stringMatching(/missing\.log does not exist$/) }),
        expect.objectContaining({ message: expect.stringMatching(/is a directory, not an access log$/) }),
      ],
    });
  });

  it('refuses more lines than fit in memory', async () => {
    const path = await fileWith('many.log', `${lineAt(1, '/a')}\n`.repeat(4));
    const reading = readAccessLogs({ files: [path], stdin: Readable.from([]), maxLines: 3 });
    await expect(reading).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('refuses more distinct paths than fit in memory, however small the file is gzipped', async () => {
    const lines = Array.from({ length: 2000 }, (_, n) => `${lineAt(1, `/${n}${'a'.repeat(900)}`)}\n`);
    const path = await fileWith('long.log.gz', gzipSync(lines.join('')));
    const read = (maxCharacters: number) => readAccessLogs({ files: [path], stdin: Readable.from([]), maxCharacters });
    await expect(read(1_000_000)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect((await read(2_000_000)).requests).toHaveLength(2000);
  });
});

describe('LineSplitter', () => {
  const split = (chunks: readonly Buffer[]): string[] => {
    const splitter = new LineSplitter();
    return [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.end()].map((line) => line.text);
  };

  it('gives the same lines however the bytes are cut into chunks', () => {
    const bytes = fc
      .array(fc.constantFrom('a', 'é', '\n', '\r\n', ' '), { maxLength: 60 })
      .map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(bytes, fc.array(fc.nat({ max: 60 }), { maxLength: 8 }), (whole, cuts) => {
        const edges = [
          0,
          ...cuts.filter((cut) => cut < whole.length).sort((left, right) => left - right),
          whole.length,
        ];
        const chunks = edges.slice(1).map((end, index) => whole.subarray(edges[index], end));
        expect(split(chunks)).toEqual(split([whole]));
      }),
    );
  });

  it('counts as many lines as there are line ends, plus an unended one', () => {
    expect(split([Buffer.from('a\n\nb')])).toEqual(['a', '', 'b']);
    expect(split([Buffer.from('a\n')])).toEqual(['a']);
  });
});

describe('visible', () => {
  it('leaves nothing that moves a terminal or turns text around', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be gone
        expect(visible(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });
});
