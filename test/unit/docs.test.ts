import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { referencePages } from '../../docs/generate.ts';
import { outdated, writeOrCheck } from '../../docs/generated-files.ts';
import { errorCatalogue } from '../../src/errors.ts';

describe('the generated pages of docs/reference', () => {
  it('are as the code would write them now', () => {
    expect(outdated(referencePages()), 'run npm run docs').toEqual([]);
  });

  it('name every error code, with what to do', () => {
    const page = referencePages().files.get('errors.md') ?? '';
    for (const [code, { next }] of Object.entries(errorCatalogue)) {
      expect(page).toContain(`## ${code}\n`);
      expect(page).toContain(next);
    }
  });
});

describe('what the texts tell a reader to run', () => {
  const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const commands = new Set(Array.from(read('src/cli/main.ts').matchAll(/^ {4}name: '(\w+)'/gm), ([, name]) => name));

  it.each([
    ...['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'src/errors.ts'],
    ...readdirSync(new URL('../../docs/guides', import.meta.url)).map((name) => `docs/guides/${name}`),
  ])('is a command that exists: %s', (path) => {
    const named = Array.from(read(path).matchAll(/`tidegate ([a-z]+)/g), ([, name]) => name);
    expect(named.filter((name) => !commands.has(name))).toEqual([]);
  });
});

describe('generated files', () => {
  it('are out of date until written, and again when the content changes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-generated-'));
    const told = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const page = (text: string) => ({ folder, files: new Map([['page.md', text]]), command: 'npm run pages' });
    expect(writeOrCheck(page('one'), ['--check'])).toBe(1);
    expect(writeOrCheck(page('one'), [])).toBe(0);
    expect(writeOrCheck(page('one'), ['--check'])).toBe(0);
    expect(writeOrCheck(page('two'), ['--check'])).toBe(1);
    expect(told.mock.lastCall?.[0]).toMatch(/page\.md is out of date: run npm run pages$/);
    told.mockRestore();
    rmSync(folder, { recursive: true });
  });
});
