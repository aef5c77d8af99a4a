// Builds dist/ from src/. Run by `npm run build`, and by npm itself (`prepare`) after `npm ci` and before `npm pack`.
// `node build.mjs console` builds the console alone and prints its folder: what a source checkout serves.
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, 'dist');
const consoleSource = join(root, 'src', 'console');
const consoleBuilds = join(root, 'node_modules', '.cache', 'tidegate-console');
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

/** What the compiler does not touch and nobody builds. */
const copyAssets = () => {
  cpSync(join(root, 'src'), dist, {
    recursive: true,
    filter: (path) => path !== consoleSource && (statSync(path).isDirectory() || !/\.tsx?$/.test(path)),
  });
};

const filesUnder = (folder) =>
  readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();

/** Of all that the console is built from: another text is another build. */
const consoleDigest = () => {
  const hash = createHash('sha256');
  const packages = ['vite', 'preact', '@preact/signals', 'uplot'].map((name) =>
    join(root, 'node_modules', name, 'package.json'),
  );
  for (const path of [...filesUnder(consoleSource), fileURLToPath(import.meta.url), ...packages.filter(existsSync)]) {
    hash
      .update(`${relative(root, path).split(sep).join('/')}\0`)
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 20);
};

const consoleConfig = (outDir) => ({
  root: consoleSource,
  base: './',
  configFile: false,
  envDir: false,
  logLevel: 'warn',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    // Nothing inline: the page's content security policy refuses it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    sourcemap: false,
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      output: {
        entryFileNames: '[name]-[hash].js',
        chunkFileNames: '[name]-[hash].js',
        assetFileNames: '[name]-[hash][extname]',
      },
    },
  },
});

/** Builds that nobody has used for a week go. */
const sweepConsoleBuilds = () => {
  const weekMs = 7 * 24 * 3_600_000;
  for (const name of readdirSync(consoleBuilds)) {
    const path = join(consoleBuilds, name);
    if (Date.now() - statSync(path).mtimeMs > weekMs) rmSync(path, { recursive: true, force: true });
  }
};

/** The folder of a console built from the present source. Several processes may ask for it at once. */
const buildConsole = async () => {
  const folder = join(consoleBuilds, consoleDigest());
  if (existsSync(folder)) return folder;
  const { build } = await import('vite');
  const draft = `${folder}.${randomBytes(4).toString('hex')}`;
  mkdirSync(consoleBuilds, { recursive: true });
  await build(consoleConfig(draft));
  try {
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Another process was faster, with the same files.
    if (!existsSync(folder)) throw error;
  }
  sweepConsoleBuilds();
  return folder;
};

const build = async () => {
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
  cpSync(await buildConsole(), join(dist, 'console'), { recursive: true });
  const program = join(dist, 'cli', 'main.js');
  if (existsSync(program)) makeExecutable(program);
  return 0;
};

if (process.argv[2] === 'console') console.log(await buildConsole());
else process.exitCode = await build();
