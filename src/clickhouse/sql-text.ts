import { TidegateError } from '../errors.ts';

/** What a migration may be told. The files' checksums do not depend on it. */
export interface SchemaOptions {
  /** Days that `decisions_raw` keeps a row after its time. 0: for ever. */
  readonly rawTtlDays: number;
  /** The same for `decisions_per_minute`. */
  readonly minuteTtlDays: number;
  /** Blocks that each table remembers, over all partitions, to recognise one that comes again. */
  readonly dedupWindow: number;
}

const ttlOf = (column: string, days: number): string =>
  days > 0 ? `toDateTime(${column}) + toIntervalDay(${days})` : '';

/** What the tables keep: empty, or the expression behind TTL. */
export const ttlExpressions = ({ rawTtlDays, minuteTtlDays }: SchemaOptions): ReadonlyMap<string, string> =>
  new Map([
    ['decisions_raw', ttlOf('time', rawTtlDays)],
    ['decisions_per_minute', ttlOf('minute', minuteTtlDays)],
  ]);

/** Fills `{{rawTtl}}`, `{{minuteTtl}}` and `{{dedupWindow}}`; any other placeholder is refused. */
export const renderTemplate = (text: string, options: SchemaOptions): string => {
  const ttl = ttlExpressions(options);
  const clause = (table: string): string => (ttl.get(table) ? `TTL ${ttl.get(table)}` : '');
  const values = new Map([
    ['rawTtl', clause('decisions_raw')],
    ['minuteTtl', clause('decisions_per_minute')],
    ['dedupWindow', String(options.dedupWindow)],
  ]);
  return text.replace(/\{\{(\w+)\}\}/g, (placeholder, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new TidegateError('CONFIG_INVALID', `A migration holds an unknown ${placeholder}`);
    return value;
  });
};

/** Comments, quoted texts and heredocs, each as a whole: no `;` inside them ends a statement. */
const unit =
  /--[^\n]*|\/\*[\s\S]*?\*\/|\/\*|'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`\\]|\\[\s\S]|``)*`|\$(\w*)\$[\s\S]*?\$\1\$|[\s\S]/g;

/** Alone, they are what the expression above could not match as a whole. */
const openings = new Set(["'", '"', '`', '/*']);

const isComment = (token: string): boolean => token.startsWith('--') || token.startsWith('/*');

/** The statements of a file, in order, without comments. A quote or comment left open is refused. */
export const splitStatements = (text: string): string[] => {
  const statements: string[] = [];
  let current = '';
  for (const [token] of text.matchAll(unit)) {
    if (openings.has(token)) throw new TidegateError('INPUT_INVALID', `What ${token} opens is never closed`);
    if (token === ';') {
      statements.push(current.trim());
      current = '';
    } else {
      current += isComment(token) ? ' ' : token;
    }
  }
  statements.push(current.trim());
  return statements.filter((statement) => statement !== '');
};
