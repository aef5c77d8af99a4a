import { mkdtempSync, rmSync } from 'node:fs';
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
