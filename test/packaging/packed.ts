import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { repositoryRoot } from '../support/source-text.ts';

export interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly bin: Readonly<Record<string, string>>;
}

export interface Packed {
  readonly tarball: string;
  /** What the tarball holds: `dist/index.js`. */
  readonly paths: readonly string[];
  /** A project that has tidegate and its dependencies installed, and nothing else. */
  readonly consumer: string;
  /** The package inside the consumer. */
  readonly installed: string;
  readonly manifest: Manifest;
}

const leftBehind = new Set(['node_modules', '.git', 'dist', 'coverage', '.services', '.tidegate']);

/** Makes a package that is installed here visible to the project in `folder`. */
export const link = (name: string, folder: string): void => {
  mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
  symlinkSync(join(repositoryRoot, 'node_modules', name), join(folder, 'node_modules', name));
};

const npm = (cwd: string, args: readonly string[]): string =>
  execFileSync('npm', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, npm_config_offline: 'true' },
  });

/**
 * Packs a copy of the repository, so that dist/ of the working tree stays as it is, and unpacks it into a fresh
 * project, both under `folder`. Nothing comes from the network: the dependencies are links to what is installed here.
 */
export const packProject = (folder: string): Packed => {
  const copy = join(folder, 'copy');
  cpSync(repositoryRoot, copy, {
    recursive: true,
    filter: (path) => !leftBehind.has(relative(repositoryRoot, path).split('/', 1)[0] ?? ''),
  });
  symlinkSync(join(repositoryRoot, 'node_modules'), join(copy, 'node_modules'));
  const answer = JSON.parse(npm(copy, ['pack', '--json', '--pack-destination', folder]).replace(/^[^[{]*/, ''));
  const [report]: { filename: string; files: { path: string }[] }[] = Array.isArray(answer)
    ? answer
    : Object.values(answer);
  if (!report) throw new Error('npm pack reported nothing');
  const tarball = join(folder, report.filename);
  const consumer = join(folder, 'consumer');
  const installed = join(consumer, 'node_modules', 'tidegate');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components', '1']);
  const manifest: Manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  for (const name of Object.keys(manifest.dependencies)) link(name, consumer);
  mkdirSync(join(consumer, 'node_modules', '.bin'));
  for (const [name, path] of Object.entries(manifest.bin)) {
    symlinkSync(join(installed, path), join(consumer, 'node_modules', '.bin', name));
  }
  return { tarball, consumer, installed, manifest, paths: report.files.map(({ path }) => path) };
};
