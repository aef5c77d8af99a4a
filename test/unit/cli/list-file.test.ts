import { describe, expect, it } from 'vitest';
import { badLineNotes } from '../../../src/cli/blocks/import.ts';
import { type ListFileOptions, readList } from '../../../src/cli/blocks/list-file.ts';
import { subjectKeyOf } from '../../../src/client.ts';

async function* chunksOf(...chunks: string[]): AsyncGenerator<string> {
  yield* chunks;
}
const read = (options: Partial<ListFileOptions>, ...chunks: string[]) =>
  readList(chunksOf(...chunks), { format: 'lines', minScore: 1, ...options });

describe('a list from elsewhere', () => {
  it('is read line by line wherever its chunks end, without comments and repetitions', async () => {
    const list = await read(
      {},
      '# feed\r\n203.0.1',
      '13.9\r\n\n; more\n198.51.100.0/24 # spray\n203.0.113.9\n2001:db8::1\n2001:',
      'db8::2',
    );
    expect(list.subjects.map(subjectKeyOf)).toEqual(['ip:203.0.113.9', 'network:198.51.100.0/24', 'ip:2001:db8::/64']);
    expect(list).toMatchObject({ lines: 8, repeated: 2, badLines: 0 });
  });

  it('names bad lines by their number, the first 20 of them, and counts the rest', async () => {
    const list = await read(
      {},
      Array.from({ length: 30 }, (_, index) => `nonsense ${index}\n`).join(''),
      '203.0.113.9',
    );
    expect(list).toMatchObject({ badLines: 30, lines: 31 });
    expect(list.firstBad).toHaveLength(20);
    expect(list.firstBad[1]).toMatchObject({ number: 2 });
    const notes = badLineNotes('feed.txt', list);
    expect(notes[0]).toMatch(/^feed\.txt:1 must be ip:/);
    expect(notes.slice(-2)).toEqual(['… and 10 more lines', '30 lines left out']);
  });

  it('reads megabytes of nothing but spaces as fast as anything else', async () => {
    const line = `a${' '.repeat(1020)}b\n`;
    const list = await read({}, line.repeat(6000), '203.0.113.9   # the only one\n');
    expect(list).toMatchObject({ badLines: 6000, subjects: [{ kind: 'ip', id: '203.0.113.9' }] });
  }, 2000);

  it('takes the first column of tsv, and of ipsum what is on enough lists', async () => {
    const tsv = await read({ format: 'tsv' }, '203.0.113.9\tx\ty\n');
    expect(tsv.subjects.map(subjectKeyOf)).toEqual(['ip:203.0.113.9']);
    const ipsum = await read({ format: 'ipsum', minScore: 3 }, '203.0.113.9\t3\n203.0.113.8\t2\n203.0.113.7\n');
    expect(ipsum.subjects.map(subjectKeyOf)).toEqual(['ip:203.0.113.9']);
    expect(ipsum).toMatchObject({ below: 1, badLines: 1 });
  });

  it('does not grow with a line that never ends', async () => {
    const list = await read({}, ...Array.from({ length: 100 }, () => 'x'.repeat(10_000)), '\n203.0.113.9\n');
    expect(list).toMatchObject({
      lines: 2,
      badLines: 1,
      firstBad: [{ number: 1, problem: 'is longer than 1024 characters' }],
    });
    expect(list.subjects).toHaveLength(1);
  });
});
