import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importsOf, repositoryRoot } from '../support/source-text.ts';
import { link, type Packed, packProject } from './packed.ts';

const optionalPackages = ['kafkajs', '@clickhouse/client', 'chdb', 'fastify', 'express', '@types/express', 'hono'];
const shipped =
  /^(?:dist|lua|migrations|policies|dashboards\/(?:json|provisioning|opt-in|prometheus|clickhouse)|docs\/(?:guides|reference|decisions|images|runbooks))\//;
const shippedAtTop = [
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  'docs/benchmarks.md',
  'package.json',
];

/** The program, which reads its arguments at once, and the script of a page. */
const isNotLoadedHere = (path: string): boolean => path === 'dist/cli/main.js' || path.startsWith('dist/console/');

const folder = mkdtempSync(join(tmpdir(), 'tidegate-pack-'));
let packed: Packed;
beforeAll(() => {
  packed = packProject(folder);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const tool = (name: string): string => join(repositoryRoot, 'node_modules', '.bin', name);
const run = (program: string, args: readonly string[]): string => {
  try {
    return execFileSync(program, args, { cwd: packed.consumer, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
};
const runNode = (script: string): unknown => JSON.parse(run(process.execPath, ['--input-type=module', '-e', script]));

/** All packages and modules of Node that loading a file of the package loads, computed imports and lazy ones aside. */
const modulesBehind = (entry: string, seen = new Set<string>()): Set<string> => {
  const found = new Set<string>();
  if (seen.has(entry)) return found;
  seen.add(entry);
  const text = readFileSync(entry, 'utf8');
  for (const specifier of importsOf(text)) {
    if (specifier === null) continue;
    if (!specifier.startsWith('.')) found.add(specifier);
    else for (const name of modulesBehind(join(dirname(entry), specifier), seen)) found.add(name);
  }
  return found;
};

const packagesBehind = (path: string): string[] =>
  [...modulesBehind(join(packed.installed, path))].filter((name) => !name.startsWith('node:'));

/** `tidegate`, `tidegate/kafka`, … */
const entries = (): string[] =>
  Object.keys(packed.manifest.exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => path.replace(/^\./, 'tidegate'));

describe('the tarball', () => {
  it('holds what runs and what it is licensed under, and nothing else', () => {
    const unexpected = packed.paths.filter((path) => !shipped.test(path) && !shippedAtTop.includes(path));
    expect(unexpected).toEqual([]);
    const forGrafana = ['json/tidegate-overview.json', 'provisioning/alerting/rules.yaml', 'prometheus/rules.yml'];
    const needed = [
      'dist/index.js',
      'dist/index.d.ts',
      'lua/limits.lua',
      ...forGrafana.map((path) => `dashboards/${path}`),
    ];
    for (const path of [...shippedAtTop, ...needed]) {
      expect(packed.paths).toContain(path);
    }
  });

  it('holds what its README links to', () => {
    const readme = readFileSync(join(packed.installed, 'README.md'), 'utf8');
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) => path);
    expect(links.length).toBeGreaterThan(10);
    const missing = links.filter((link) => !packed.paths.some((path) => path === link || path.startsWith(`${link}/`)));
    expect(missing).toEqual([]);
  });

  it('holds no source maps to files that stay behind, no tests and no sources', () => {
    const staying = packed.paths.filter((path) => /\.map$|\.test\.|(?<!\.d)\.ts$/.test(path));
    // For promtool: who changes a threshold sees by it what the rules still find.
    expect(staying).toEqual(['dashboards/prometheus/rules.test.yml']);
    const scripts = packed.paths.filter((path) => path.endsWith('.js'));
    expect(
      scripts.filter((path) => readFileSync(join(packed.installed, path), 'utf8').includes('sourceMappingURL')),
    ).toEqual([]);
  });

  it('holds the page, style and script of the console as they are built, and what they are licensed under', () => {
    const names = packed.paths.filter((path) => path.startsWith('dist/console/')).map((path) => path.slice(13));
    const shapes = [/^index\.html$/, /^index-[\w-]{8}\.js$/, /^style-[\w-]{8}\.css$/, /^licenses\.md$/];
    for (const shape of shapes) expect(names.filter((name) => shape.test(name))).toHaveLength(1);
    expect(names).toHaveLength(shapes.length);
    const page = readFileSync(join(packed.installed, 'dist/console/index.html'), 'utf8');
    const linked = [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, name = '']) => name);
    expect(linked).toHaveLength(2);
    for (const name of linked) expect(names).toContain(name);
  });

  it('holds each file that package.json points to', () => {
    const targets = Object.values(packed.manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : [target.types, target.default],
    );
    const missing = [...targets, ...Object.values(packed.manifest.bin)].filter(
      (target) => !packed.paths.includes(target.replace(/^\.\//, '')),
    );
    expect(missing).toEqual([]);
  });

  it('passes publint', async () => {
    const { messages, pkg } = await publint({ pkgDir: packed.installed, pack: false, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  // attw exits with 1 on any problem. `esm-only` leaves out require() and the resolution of Node 10: tidegate is ESM and needs Node 20.19, which knows `exports`.
  it('resolves with its types for ESM in Node and in bundlers (attw)', () => {
    expect(run(tool('attw'), [packed.tarball, '--profile', 'esm-only', '--no-emoji', '--no-color'])).toContain(
      'OK (ESM)',
    );
  });
});

describe('the tidegate program', () => {
  it('is executable and says what it can do, with nothing but its own dependencies installed', () => {
    const program = join(packed.installed, packed.manifest.bin.tidegate ?? '');
    expect(statSync(program).mode & 0o111).not.toBe(0);
    expect(readFileSync(program, 'utf8').startsWith('#!/usr/bin/env node\n')).toBe(true);
    expect(run('npx', ['--offline', 'tidegate', '--help'])).toContain('Usage: tidegate');
  });
});

describe('an installed tidegate', () => {
  it('can be imported where Kafka, ClickHouse, chDB, Fastify, Express and Hono are not installed', () => {
    const script = `
      const absent = ${JSON.stringify(optionalPackages)}.filter((name) => {
        try { import.meta.resolve(name); return false; } catch { return true; }
      });
      const names = Object.keys(await import('tidegate'));
      console.log(JSON.stringify({ absent, names }));
      process.exit(0);`;
    const { absent, names } = runNode(script) as { absent: string[]; names: string[] };
    expect(absent).toEqual(optionalPackages);
    expect(names).toContain('createGate');
  });

  it('needs no package for its entry but its own dependencies', () => {
    const needed = packagesBehind('dist/index.js');
    const declared = Object.keys(packed.manifest.dependencies);
    const foreign = needed.filter((name) => !declared.some((known) => name === known || name.startsWith(`${known}/`)));
    expect(foreign).toEqual([]);
  });

  it('loads its Lua scripts from where it is installed', () => {
    const script = `
      const { loadScript } = await import(${JSON.stringify(join(packed.installed, 'dist/redis/scripts.js'))});
      loadScript('limits');
      console.log('true');`;
    expect(runNode(script)).toBe(true);
  });

  it('gives its middleware for Express, node:http and the fetch API where no framework is installed', () => {
    const script = `
      const { tidegate, decisionOn } = await import('tidegate/express');
      const { limitFetch } = await import('tidegate/fetch');
      console.log(JSON.stringify([tidegate, decisionOn, limitFetch].map((made) => typeof made)));
      process.exit(0);`;
    expect(runNode(script)).toEqual(['function', 'function', 'function']);
  });

  it('needs of Node no more than node:crypto for the fetch API, and no package for Express', () => {
    expect([...modulesBehind(join(packed.installed, 'dist/http/fetch.js'))].sort()).toEqual([
      'ipaddr.js',
      'node:crypto',
    ]);
    expect(packagesBehind('dist/http/express.js')).toEqual(['ipaddr.js']);
  });

  // From here on the consumer has the packages of the further entries too.
  it('gives each further entry as soon as the package it is for is installed', () => {
    for (const name of ['fastify', 'kafkajs']) link(name, packed.consumer);
    const script = `
      const loaded = await Promise.all(${JSON.stringify(entries())}.map((entry) => import(entry)));
      console.log(JSON.stringify(loaded.map((module) => Object.keys(module).length > 0)));
      process.exit(0);`;
    expect(runNode(script)).toEqual(entries().map(() => true));
  });

  it('has types that a strict project compiles against, declarations included', () => {
    link('@types/node', packed.consumer);
    const lines = entries().map((entry, index) => `import * as entry${index} from '${entry}';\nvoid entry${index};\n`);
    writeFileSync(join(packed.consumer, 'use.ts'), lines.join(''));
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
    expect(run(tool('tsc'), [...options, '--skipLibCheck', 'false', '--ignoreConfig', 'use.ts'])).toBe('');
  });

  it('loads each of its modules in Node itself, where a loader of tests finds more names in a CommonJS package', () => {
    const present = ['fastify', 'kafkajs'];
    for (const name of Object.keys(packed.manifest.peerDependencies)) {
      if (!present.includes(name)) link(name, packed.consumer);
    }
    const modules = packed.paths.filter((path) => /^dist\/.*\.js$/.test(path) && !isNotLoadedHere(path));
    const script = `
      const failed = [];
      for (const path of ${JSON.stringify(modules)}) {
        try { await import(${JSON.stringify(`${packed.installed}/`)} + path); }
        catch (error) { failed.push(path + ': ' + error.message); }
      }
      console.log(JSON.stringify(failed));
      process.exit(0);`;
    expect(modules.length).toBeGreaterThan(100);
    expect(runNode(script)).toEqual([]);
  });
});
