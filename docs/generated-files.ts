import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Files that a program writes and the repository keeps, so that readers and tools find them without running it. */
export interface GeneratedFiles {
  readonly folder: string;
  /** Name → content. */
  readonly files: ReadonlyMap<string, string>;
  /** What writes them: `npm run docs`. */
  readonly command: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));

const contentOf = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

/** Names of the files that differ from what would be written now. */
export const outdated = ({ folder, files }: GeneratedFiles): string[] =>
  [...files].filter(([name, text]) => contentOf(join(folder, name)) !== text).map(([name]) => name);

/** Writes the files; with `--check` only says which are out of date, and returns 1 if any is. */
export const writeOrCheck = (generated: GeneratedFiles, args: readonly string[]): 0 | 1 => {
  const { folder, files, command } = generated;
  if (args.includes('--check')) {
    const stale = outdated(generated);
    for (const name of stale) console.error(`${relative(root, join(folder, name))} is out of date: run ${command}`);
    return stale.length > 0 ? 1 : 0;
  }
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  return 0;
};
