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
const comment = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const quoted = /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y;
const regex = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
/** Text of a template, up to its end or to the next hole. */
const templateText = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)?/y;

const blanked = (text: string): string => text.replace(/[^\n]/g, ' ');
const blankedBetween = (text: string): string => text.slice(0, 1) + blanked(text.slice(1, -1)) + text.slice(-1);

const tokenAt = (pattern: RegExp, text: string, at: number): string => {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
};

/**
 * The code alone: comments, regular expressions and the insides of quotes become spaces, every character keeps its
 * place. Code inside a template's `${}` is kept.
 */
export const bareCode = (text: string): string => {
  let bare = '';
  /** Open braces within each hole of a template that we are in, the innermost last. */
  const holes: number[] = [];
  const template = (start: string): void => {
    const rest = tokenAt(templateText, text, bare.length + start.length);
    if (rest.endsWith('${')) holes.push(0);
    bare += start === '`' ? start : ' ';
    bare += rest.endsWith('`') ? `${blanked(rest.slice(0, -1))}\`` : blanked(rest);
  };
  while (bare.length < text.length) {
    const at = bare.length;
    const char = text.charAt(at);
    const depth = holes.at(-1);
    const string = tokenAt(quoted, text, at);
    const note = tokenAt(comment, text, at);
    const pattern = char === '/' && beforeRegex.test(bare.slice(-40)) ? tokenAt(regex, text, at) : '';
    if (string) bare += blankedBetween(string);
    else if (note || pattern) bare += blanked(note || pattern);
    else if (char === '`') template(char);
    else if (char === '}' && depth === 0) {
      holes.pop();
      template(char);
    } else {
      if (depth !== undefined && (char === '{' || char === '}'))
        holes.push((holes.pop() ?? 0) + (char === '{' ? 1 : -1));
      bare += char;
    }
  }
  return bare;
};

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
