import { describe, expect, it } from 'vitest';
import { headerProblems } from '../support/lua-header.ts';
import { bareCode, repositoryRoot, type SourceFile, sourceFiles } from '../support/source-text.ts';

// Long functions, parameter lists and unused names are Biome's part: see biome.json.

const maxLines = 400;
const written = sourceFiles(
  ['src', 'lua', 'test', 'dashboards', 'migrations'],
  ['.ts', '.tsx', '.js', '.mjs', '.lua', '.sql', '.html', '.css'],
);
const source = sourceFiles(['src'], ['.ts', '.tsx']);

const longFiles = (files: readonly SourceFile[]): string[] =>
  files
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines >= maxLines)
    .map(({ path, lines }) => `${path} has ${lines} lines: split it by idea`);

/** What only clock.ts may say, and who else may: the page runs in a browser, where tidegate's clock does not reach. */
const timeAndChance = [
  { what: /\bDate\s*\.\s*now\b/, name: 'Date.now', alsoIn: [] },
  { what: /\bnew\s+Date\b|(?<![\w.])Date\s*\(/, name: 'new Date()', alsoIn: ['src/console/'] },
  { what: /\bperformance\s*\.\s*now\b|\bhrtime\b/, name: 'performance.now', alsoIn: [] },
  { what: /\bset(?:Timeout|Interval)\b/, name: 'setTimeout', alsoIn: ['src/console/'] },
  { what: /\bMath\s*\.\s*random\b/, name: 'Math.random', alsoIn: ['src/cli/'] },
] as const;

const clockProblems = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => path !== 'src/clock.ts')
    .flatMap(({ path, text }) => {
      const code = bareCode(text).replace(/\bnew\s+Date\s*\((?=\s*[^)\s])/g, 'instant(');
      return timeAndChance
        .filter(({ what, alsoIn }) => what.test(code) && !alsoIn.some((room) => path.startsWith(room)))
        .map(({ name }) => `${path} uses ${name}; take a Clock (or random: () => number) in the options instead`);
    });

const anyProblems = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ text }) => /(?::|<|\bas|\||&|,|=>?)\s*any\b(?!\s*[:(=.])/.test(bareCode(text)))
    .map(({ path }) => `${path} uses any; take unknown and parse`);

/** Paths that exist on one machine only. */
const machineProblems = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ text }) => text.includes(repositoryRoot) || /["'`](?:\/home\/|\/Users\/|[A-Z]:\\\\)/.test(text))
    .map(({ path }) => `${path} holds an absolute path of one machine`);

describe('the written code', () => {
  it('has no file of 400 lines or more', () => {
    expect(longFiles(written)).toEqual([]);
  });

  it('asks for time and chance in clock.ts alone', () => {
    expect(clockProblems(source)).toEqual([]);
  });

  it('does without any', () => {
    expect(anyProblems(written.filter(({ path }) => /\.tsx?$/.test(path)))).toEqual([]);
  });

  it('knows no path of one machine', () => {
    expect(machineProblems([...written, ...sourceFiles(['docs', 'policies', 'README.md'], ['.md', '.yaml'])])).toEqual(
      [],
    );
  });

  it('has no folder for what has no name', () => {
    const nameless = /(?:^|\/)(?:utils?|helpers?|common|lib|misc)(?:\/|\.[a-z]+$)/;
    expect(written.map(({ path }) => path).filter((path) => path.startsWith('src/') && nameless.test(path))).toEqual(
      [],
    );
  });

  it('documents in each Lua header the slots that the script reads, and what it returns', () => {
    expect(sourceFiles(['lua'], ['.lua']).flatMap(({ path, text }) => headerProblems(path, text))).toEqual([]);
  });
});

const at = (text: string, path = 'src/gate/gate.ts'): SourceFile[] => [{ path, text }];

describe('these checks themselves', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text under test is source code
  const inTemplate = 'const a = `${new Date().toISOString()}`;';

  it.each([
    'const a = Date.now();',
    'const clock = Date.now;',
    'const a = new Date();',
    'const a = new Date;',
    'setTimeout(done, 5);',
    'const a = performance.now();',
    'const random = Math.random;',
    inTemplate,
  ])('catch %s', (text) => {
    expect(clockProblems(at(text))).toHaveLength(1);
  });

  it.each([
    '// Date.now is for clock.ts',
    "throw new Error('setTimeout');",
    'const a = new Date(atMs).toISOString();',
    'const a = Date.UTC(2015, 4, 17);',
    'const a = Date.parse(text);',
  ])('let pass %s', (text) => {
    expect(clockProblems(at(text))).toEqual([]);
  });

  it('let a composition root choose Math.random, and nobody else', () => {
    const text = 'const random = Math.random;';
    expect(clockProblems(at(text, 'src/cli/up.ts'))).toEqual([]);
    expect(clockProblems(at(text, 'src/detect/promoter.ts'))).toHaveLength(1);
  });

  it.each(['let a: any;', 'f(a as any)', 'type A = Record<string, any>;', 'const f = (a: any) => a;'])(
    'catch %s',
    (text) => {
      expect(anyProblems(at(text))).toHaveLength(1);
    },
  );

  it.each(['// any client', "const a = 'as any';", 'const any = 1;', 'z.any()'])('let pass %s', (text) => {
    expect(anyProblems(at(text))).toEqual([]);
  });

  it('catch a file of 400 lines', () => {
    expect(longFiles(at('x\n'.repeat(400)))).toHaveLength(1);
    expect(longFiles(at('x\n'.repeat(399)))).toEqual([]);
  });

  it('catch a path of one machine', () => {
    expect(machineProblems(at(`const a = '${['', 'home', 'ann'].join('/')}/x';`))).toHaveLength(1);
  });
});

describe('the check of Lua headers', () => {
  const header = '--[[ Spends.\n  KEYS[1]  counter\n  ARGV[1]  cost, units\n  Returns {allowed 0|1}\n]]\n';

  it('accepts a header that names what the body reads', () => {
    expect(headerProblems('a.lua', `${header}return redis.call('INCRBY', KEYS[1], ARGV[1])`)).toEqual([]);
  });

  it('accepts ranges for computed slots', () => {
    const ranged = '-- Reads all.\n-- KEYS[1..n]  counters\n-- Returns values\n';
    expect(headerProblems('a.lua', `${ranged}for i = 1, #KEYS do redis.call('GET', KEYS[i]) end`)).toEqual([]);
  });

  it.each([
    ["return redis.call('GET', KEYS[1])", 'the header names ARGV[1], the body does not read it'],
    [
      "return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])",
      'the body reads ARGV[2], the header does not name it',
    ],
    ["return redis.call('SET', KEYS[1], ARGV[1], unpack(KEYS))", 'the body reads KEYS[…], the header does not name it'],
  ])('catches that in %s %s', (body, problem) => {
    expect(headerProblems('a.lua', header + body)).toEqual([`a.lua: ${problem}`]);
  });

  it('catches a script without header, and a header without Returns', () => {
    expect(headerProblems('a.lua', 'return 1')).toEqual(['a.lua has no header comment']);
    expect(headerProblems('a.lua', '-- Says one.\nreturn 1')).toEqual([
      'a.lua: the header has no line that begins with Returns',
    ]);
  });
});
