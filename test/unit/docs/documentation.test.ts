import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../support/source-text.ts';

interface Example {
  readonly name: string;
  readonly mark: string;
  readonly code: string;
}

const guides = readdirSync(join(repositoryRoot, 'docs', 'guides')).map((name) => `docs/guides/${name}`);
const pages = ['README.md', ...guides, 'docs/reference/metrics.md'];

const examplesOf = (page: string): Example[] =>
  [...readFileSync(join(repositoryRoot, page), 'utf8').matchAll(/^```ts ?(\w*)\n([\s\S]*?)^```$/gm)].map(
    ([, mark = '', code = ''], index) => ({ name: `${page.replace(/\W/g, '-')}-${index}`, mark, code }),
  );

/** The entries of the package, as an example that is not installed sees them. */
const entries: Readonly<Record<string, string>> = {
  tidegate: 'src/index.ts',
  'tidegate/express': 'src/http/express.ts',
  'tidegate/fastify': 'src/http/fastify.ts',
  'tidegate/fetch': 'src/http/fetch.ts',
  'tidegate/kafka': 'src/kafka/index.ts',
  'tidegate/testing': 'src/embedded/testing.ts',
};

describe('the examples in the documentation', () => {
  let folder: string;
  const examples = pages.flatMap(examplesOf);

  beforeAll(() => {
    mkdirSync(join(repositoryRoot, '.services'), { recursive: true });
    folder = mkdtempSync(join(repositoryRoot, '.services', 'examples-'));
    for (const { name, code } of examples) {
      const resolved = code.replace(
        /from '(tidegate[^']*)'/g,
        (_match, entry: string) => `from '../../${entries[entry]}'`,
      );
      writeFileSync(join(folder, `${name}.ts`), resolved);
    }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const compilerOptions = { rootDir: repositoryRoot, noEmit: true, noUnusedParameters: false };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.test.json', compilerOptions, include: ['*.ts'] }),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('compile in strict mode', () => {
    expect(examples.length).toBeGreaterThan(3);
    const tsc = join(repositoryRoot, 'node_modules', '.bin', 'tsc');
    const run = () => execFileSync(tsc, ['-p', folder], { encoding: 'utf8', stdio: 'pipe' });
    expect(run).not.toThrow();
  }, 60_000);

  it('begin with one that prints what the README says', () => {
    const quickstart = examples.find(({ mark }) => mark === 'quickstart');
    const printed = execFileSync(process.execPath, ['--import', 'tsx', join(folder, `${quickstart?.name}.ts`)], {
      cwd: repositoryRoot,
      encoding: 'utf8',
    });
    expect(
      printed
        .trim()
        .split('\n')
        .map((line) => line.trim()),
    ).toEqual(['allowed', 'allowed', expect.stringMatching(/^denied retry in \d+ ms$/)]);
  }, 60_000);
});
