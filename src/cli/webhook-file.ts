import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Static, Type } from 'typebox';
import { type Endpoint, secretFrom, secretMust } from '../alert/endpoint.ts';
import { noticeKinds } from '../alert/notice.ts';
import { fileTroubleOf, messageOf, type Problem, TidegateError } from '../errors.ts';
import { parseYamlText, problemsOf, yamlTroubleOf } from '../problems.ts';
import { isTenant } from '../review/tokens.ts';

const Secret = Type.String({ minLength: 1, maxLength: 256 });
const closed = { additionalProperties: false } as const;

const EndpointSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,31}$' }),
    url: Type.String({ minLength: 1, maxLength: 2048 }),
    secret: Type.Optional(Type.Union([Secret, Type.Array(Secret, { minItems: 1, maxItems: 4 })])),
    secretFile: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
    events: Type.Optional(Type.Array(Type.Enum([...noticeKinds]), { minItems: 1 })),
    tenants: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 100 })),
    allowPrivate: Type.Optional(Type.Boolean()),
  },
  closed,
);
const FileSchema = Type.Object(
  { version: Type.Literal(1), endpoints: Type.Array(EndpointSchema, { maxItems: 20 }) },
  closed,
);
type Written = Static<typeof EndpointSchema>;

const maxFileBytes = 256 * 1024;

const readBounded = (path: string): string => {
  const bytes = readFileSync(path);
  if (bytes.length > maxFileBytes) throw new Error('it is larger than 256 KiB');
  return bytes.toString('utf8');
};

const refused = (path: string, problems: readonly Problem[]): TidegateError =>
  new TidegateError('CONFIG_INVALID', `The webhooks file ${path} is not valid`, { problems });

/** Collects what is wrong, each with its place in the file. */
class Reading {
  readonly problems: Problem[] = [];
  readonly #folder: string;

  constructor(file: string) {
    this.#folder = dirname(file);
  }

  endpoint(written: Written, path: string): Endpoint | null {
    const url = this.#url(written, `${path}.url`);
    const secrets = this.#secrets(written, path);
    const { name, events = noticeKinds, tenants = null, allowPrivate = false } = written;
    if (tenants && !tenants.every(isTenant)) {
      this.#problem(`${path}.tenants`, 'must each be 1 to 128 characters without white space and /');
    }
    return url && secrets.length > 0 ? { name, url, secrets, events, tenants, allowPrivate } : null;
  }

  #problem(path: string, message: string): void {
    this.problems.push({ path, message });
  }

  #url({ url: text, allowPrivate = false }: Written, path: string): URL | null {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) this.#problem(path, 'must be an https URL');
    else if (url.protocol === 'http:' && !allowPrivate)
      this.#problem(path, 'must be https (http with allowPrivate: true)');
    else if (url.username !== '' || url.password !== '') this.#problem(path, 'must hold no user and no password');
    else return url;
    return null;
  }

  #secrets({ secret, secretFile }: Written, path: string): Buffer[] {
    if ((secret === undefined) === (secretFile === undefined)) {
      this.#problem(path, 'needs either secret or secretFile');
      return [];
    }
    const texts = secretFile === undefined ? [secret ?? []].flat() : this.#linesOf(secretFile, `${path}.secretFile`);
    const secrets = texts.map(secretFrom);
    // Never the secret itself: this is printed.
    if (secrets.includes(null)) this.#problem(secretFile ? `${path}.secretFile` : `${path}.secret`, secretMust);
    return secrets.filter((key) => key !== null);
  }

  #linesOf(file: string, path: string): string[] {
    try {
      const lines = readBounded(resolve(this.#folder, file)).split('\n');
      const texts = lines.map((line) => line.replace(/#.*/, '').trim()).filter((line) => line !== '');
      if (texts.length < 1 || texts.length > 4) this.#problem(path, 'must hold 1 to 4 secrets, one a line');
      return texts;
    } catch (cause) {
      this.#problem(path, `cannot be read: ${fileTroubleOf(cause)}`);
      return [];
    }
  }
}

const parsed = (path: string): Static<typeof FileSchema> => {
  let value: unknown;
  try {
    value = parseYamlText(readBounded(path));
  } catch (cause) {
    const message =
      cause instanceof Error && 'code' in cause && 'syscall' in cause ? fileTroubleOf(cause) : yamlTroubleOf(cause);
    throw refused(path, [{ path, message: message || messageOf(cause) }]);
  }
  const problems = problemsOf(FileSchema, value).map((problem) => withoutSecret(problem));
  if (problems.length > 0) throw refused(path, problems);
  return value as Static<typeof FileSchema>;
};

/** What a schema says of a value repeats it. */
const withoutSecret = ({ path, message }: Problem): Problem =>
  /\.(?:secret\b|url$)/.test(path) ? { path, message: message.replace(/, is .*$/s, '') } : { path, message };

/**
 * Who is told by webhook. Files that the file names lie beside it.
 *
 * @throws TidegateError CONFIG_INVALID with every problem, and none of the secrets.
 */
export const readWebhookFile = (path: string): Endpoint[] => {
  const { endpoints } = parsed(path);
  const reading = new Reading(path);
  const read = endpoints.map((written, index) => reading.endpoint(written, `endpoints[${index}]`));
  const names = endpoints.map(({ name }) => name);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) === index) continue;
    reading.problems.push({
      path: `endpoints[${index}].name`,
      message: `is the name of endpoints[${names.indexOf(name)}], too`,
    });
  }
  if (reading.problems.length > 0) throw refused(path, reading.problems);
  return read.filter((endpoint) => endpoint !== null);
};
