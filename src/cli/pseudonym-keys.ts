import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { fileTroubleOf, messageOf, type Problem, TidegateError } from '../errors.ts';
import { minSecretBytes, type PseudonymKey, type PseudonymOptions, Pseudonyms } from '../ingest/pseudonyms.ts';

const maxFileBytes = 64 * 1024;
/** Others may not read it, and the group may not write it: mounted secrets are often readable by a group. */
const forbiddenMode = 0o027;
const base64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

const refuse = (path: string, problems: readonly Problem[]): TidegateError =>
  new TidegateError('CONFIG_INVALID', `The file of pseudonym keys ${path} cannot be used`, { problems });

const readKeyFile = (path: string): string => {
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
    const { size, mode } = fstatSync(file);
    if (process.platform !== 'win32' && (mode & forbiddenMode) !== 0) {
      const message = `others may read or change it (mode ${(mode & 0o777).toString(8)}): chmod 600`;
      throw refuse(path, [{ path, message }]);
    }
    if (size > maxFileBytes) throw refuse(path, [{ path, message: 'is larger than 64 KiB' }]);
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    throw refuse(path, [{ path, message: `cannot be read: ${fileTroubleOf(cause)}` }]);
  } finally {
    if (file !== null) closeSync(file);
  }
};

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Says what is wrong, and never what it is: a secret that has slipped into the wrong line is still one. */
const problemsOf = (content: unknown): Problem[] => {
  if (!isMapping(content)) return [{ path: '', message: 'must be a mapping with keys' }];
  const { keys, networks = 'drop', ...rest } = content;
  const problems: Problem[] = [];
  if (Object.keys(rest).length > 0) problems.push({ path: '', message: 'knows keys and networks only' });
  if (networks !== 'drop' && networks !== 'keep') problems.push({ path: 'networks', message: 'must be drop or keep' });
  if (!Array.isArray(keys)) return [...problems, { path: 'keys', message: 'must be a list of {id, secret}' }];
  keys.forEach((key: unknown, index) => {
    const path = `keys[${index}]`;
    if (!isMapping(key) || typeof key.id !== 'string') problems.push({ path: `${path}.id`, message: 'must be text' });
    const secret = isMapping(key) ? key.secret : undefined;
    if (typeof secret !== 'string' || !base64.test(secret)) {
      problems.push({ path: `${path}.secret`, message: 'must be base64, as `openssl rand -base64 32` prints it' });
    } else if (Buffer.from(secret, 'base64').length < minSecretBytes) {
      problems.push({ path: `${path}.secret`, message: `must be ${minSecretBytes} bytes or more` });
    }
  });
  return problems;
};

const contentOf = (path: string, text: string): PseudonymOptions => {
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  // Its own words would quote the line.
  if (error) throw refuse(path, [{ path: `line ${error.linePos?.[0].line ?? 1}`, message: 'is no YAML' }]);
  const content: unknown = document.toJS();
  const problems = problemsOf(content);
  if (problems.length > 0) throw refuse(path, problems);
  const { keys, networks = 'drop' } = content as { keys: { id: string; secret: string }[]; networks?: 'drop' | 'keep' };
  const decoded = keys.map(({ id, secret }): PseudonymKey => ({ id, secret: Buffer.from(secret, 'base64') }));
  return { keys: decoded, networks };
};

/**
 * The keys under which clients are stored: `keys: [{id, secret}]`, the first one signs. Null without a file.
 *
 * @throws TidegateError CONFIG_INVALID where the file cannot be read, others may, or something in it is wrong; the message
 * repeats nothing of it.
 */
export const readPseudonyms = (path: string | null): Pseudonyms | null => {
  if (path === null) return null;
  const options = contentOf(path, readKeyFile(path));
  try {
    return new Pseudonyms(options);
  } catch (cause) {
    throw refuse(path, [{ path: 'keys', message: messageOf(cause) }]);
  }
};
