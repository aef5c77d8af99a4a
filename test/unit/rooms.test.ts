import { describe, expect, it } from 'vitest';
import { circleIn, environmentReaders, forbiddenImports, rooms } from '../support/rooms.ts';
import { bareCode, importsOf, sourceFiles } from '../support/source-text.ts';

const source = sourceFiles(['src'], ['.ts', '.tsx', '.js', '.mjs']);

describe('rooms of src/', () => {
  it('import only what the table lists', () => {
    expect(source.length).toBeGreaterThan(10);
    expect(forbiddenImports(source)).toEqual([]);
  });

  it('form no circle', () => {
    expect(circleIn(rooms)).toBeNull();
  });

  it('read the environment in cli/ alone', () => {
    expect(environmentReaders(source)).toEqual([]);
  });
});

const judged = (path: string, text: string): string[] => forbiddenImports([{ path, text }]);

describe('the rooms test itself', () => {
  it.each([
    ['a static import', "import { log } from '../kafka/event-log.ts';"],
    ['an import of a type', "import type { Log } from '../kafka/event-log.ts';"],
    ['an import for its effects', "import '../kafka/event-log.ts';"],
    ['a re-export', "export * from '../kafka/event-log.ts';"],
    ['a dynamic import', "const log = await import('../kafka/event-log.ts');"],
    ['an import over several lines', "import {\n  a,\n  b,\n} from '../kafka/event-log.ts';"],
  ])('catches %s that the table does not list', (_, text) => {
    expect(judged('src/gate/gate.ts', text)).toEqual([
      'src/gate/gate.ts imports kafka, which gate may not; add a port to gate, or change the table and record why',
    ]);
  });

  it('lets a room import leaves, itself, what the table lists, and Node', () => {
    const text = [
      "import { readFile } from 'node:fs/promises';",
      "import { systemClock } from '../clock.ts';",
      "import { a } from './ports.ts';",
      "import type { Policy } from '../policy/policy.ts';",
    ].join('\n');
    expect(judged('src/gate/gate.ts', text)).toEqual([]);
  });

  it.each([
    ['src/gate/gate.ts', "import Redis from 'ioredis';", 'knows the package ioredis; only redis may'],
    ['src/gate/gate.ts', "import x from 'left-pad';", 'which no room may know'],
    ['src/api/server.ts', "import { env } from '../cli/settings.ts';", 'imports cli; nobody may'],
    ['src/api/server.ts', "import { x } from '../redis/client.ts';", 'imports redis, which api may not'],
    ['src/index.ts', "export { openChdb } from './embedded/chdb.ts';", 'memory engines of embedded only'],
    ['src/console/page.ts', "import { systemClock } from '../clock.ts';", 'speaks the API alone'],
    ['src/gate/gate.ts', 'await import(name);', 'imports a computed name'],
    ['src/gate/gate.ts', "import { x } from '../../test/support/x.ts';", 'outside src/'],
    ['src/utils/strings.ts', '', 'is in no room'],
  ])('catches in %s: %s', (path, text, problem) => {
    expect(judged(path, text).join('\n')).toContain(problem);
  });

  it('ignores what only looks like an import', () => {
    const text =
      "// import x from '../kafka/a.ts'\nconst s = \"import y from '../kafka/a.ts'\";\nconst r = /['\"]/;\nconst z = a / b / c;";
    expect(importsOf(text)).toEqual([]);
  });

  it('catches a read of the environment, but not a comment about it', () => {
    const reader = { path: 'src/redis/client.ts', text: "const url = process.env['REDIS_URL'];" };
    const comment = { path: 'src/redis/client.ts', text: '// process.env is for cli/' };
    expect(environmentReaders([reader, comment])).toHaveLength(1);
  });

  it('catches a circle in the table', () => {
    expect(circleIn({ a: ['b'], b: ['c'], c: ['a'] })).toBe('a > b > c > a');
  });

  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: the text under test is source code
  it('keeps code inside templates and blanks their text', () => {
    expect(bareCode('`now ${Date.now()} done`').replace(/ +/g, ' ')).toBe('` Date.now() `');
    const nested = '`a ${b(`c ${{ d: "}" }.d} /* e */`)} f`; // g';
    expect(bareCode(nested).replace(/ +/g, ' ')).toBe('` b(` { d: " " }.d `) `; ');
    expect(bareCode(nested)).toHaveLength(nested.length);
  });
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: the text under test is source code
});
