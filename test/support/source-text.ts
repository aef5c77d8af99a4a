import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

export interface SourceFile {
  /** From the repository's root, with `/`: `src/gate/gate.ts`. */
  readonly path: string;
  readonly text: string;
}

const walk = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : walk(path);
    return entry.isFile() ? [path] : [];
  });

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** The files under these folders (or these files), by path; a missing one counts as empty. */
export const sourceFiles = (folders: readonly string[], extensions: readonly string[]): SourceFile[] =>
  folders
    .map((folder) => join(repositoryRoot, folder))
    .filter(exists)
    .flatMap((path) => (statSync(path).isDirectory() ? walk(path) : [path]))
    .filter((path) => extensions.some((extension) => path.endsWith(extension)))
    .sort()
    .map((path) => ({ path: relative(repositoryRoot, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }));

/** What may stand before a `/` that begins a regular expression rather than a division. */
const beforeRegex = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else))\s*$/;
const stringOrComment =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/g;

const blanked = (text: string): string => text.replace(/[^\n]/g, ' ');

/**
 * The code alone: comments, regular expressions and the insides of quotes become spaces, every character keeps its
 * place. Code inside a template's `${}` is kept.
 */
export const bareCode = (text: string): string =>
  text.replace(stringOrComment, (token, offset: number) => {
    if (token.startsWith('//') || token.startsWith('/*')) return blanked(token);
    if (token.startsWith('/'))
      return beforeRegex.test(text.slice(Math.max(0, offset - 40), offset)) ? blanked(token) : token;
    const quote = token.slice(0, 1);
    const inside = token.slice(1, -1);
    if (quote !== '`') return quote + blanked(inside) + quote;
    let end = 0;
    let kept = '';
    for (const hole of inside.matchAll(/\$\{([^{}]*)\}/g)) {
      kept += `${blanked(inside.slice(end, hole.index + 2))}${hole[1] ?? ''} `;
      end = hole.index + hole[0].length;
    }
    return quote + kept + blanked(inside.slice(end)) + quote;
  });

const importForms = [
  /\b(?:import|export)\b[^'"`;()=]*?\bfrom\s*(['"])( *)\1/dg,
  /\bimport\s*(['"])( *)\1/dg,
  /\b(?:import|require|createRequire\([^)]*\))\s*\(\s*(['"`])( *)\1/dg,
];

/** Every module that the text names: static and dynamic imports, re-exports, types. Null: one that is computed. */
export const importsOf = (text: string): (string | null)[] => {
  const bare = bareCode(text);
  const found: (string | null)[] = importForms.flatMap((form) =>
    [...bare.matchAll(form)].map((match) => {
      const [start, end] = match.indices?.[2] ?? [0, 0];
      return text.slice(start, end);
    }),
  );
  const computed = bare.match(/\bimport\s*\(\s*[^'"`\s]/g) ?? [];
  return [...found, ...computed.map(() => null)];
};
