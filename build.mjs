// Builds dist/ from src/. Run by `npm run build`, and by npm itself (`prepare`) after `npm ci` and before `npm pack`.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, 'dist');
const require = createRequire(import.meta.url);

/** The compiler of this project, never one that happens to be on PATH. */
const compilerPath = () => {
  try {
    const manifestPath = require.resolve('typescript/package.json');
    return join(dirname(manifestPath), JSON.parse(readFileSync(manifestPath, 'utf8')).bin.tsc);
  } catch {
    return null;
  }
};

const shebang = '#!/usr/bin/env node\n';

/** `npx tidegate` runs this file as a program. */
const makeExecutable = (path) => {
  const text = readFileSync(path, 'utf8');
  if (!text.startsWith('#!')) writeFileSync(path, shebang + text);
  chmodSync(path, 0o755);
};

/** What the compiler does not touch: the console's page, styles and script. */
const copyAssets = () => {
  cpSync(join(root, 'src'), dist, {
    recursive: true,
    filter: (path) => statSync(path).isDirectory() || !path.endsWith('.ts'),
  });
};

const build = () => {
  const compiler = compilerPath();
  if (compiler === null) {
    // `npm ci --omit=dev` runs `prepare` too: there the package was built before, or nobody can build it.
    const built = existsSync(join(dist, 'index.js'));
    if (!built) console.error('build: TypeScript is not installed. Run `npm ci` with development dependencies.');
    return built ? 0 : 1;
  }
  rmSync(dist, { recursive: true, force: true });
  const { status, error } = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.json')], {
    cwd: root,
    stdio: 'inherit',
  });
  if (error) console.error(`build: the compiler did not start: ${error.message}`);
  if (status !== 0) return status ?? 1;
  copyAssets();
  const program = join(dist, 'cli', 'main.js');
  if (existsSync(program)) makeExecutable(program);
  return 0;
};

process.exitCode = build();
