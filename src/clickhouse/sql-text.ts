import { TidegateError } from '../errors.ts';

/** How long each table keeps a row after its time, days. 0 or left out: for ever. */
export interface Retention {
  /** `decisions_raw`. */
  readonly rawTtlDays?: number;
  readonly minuteTtlDays?: number;
  readonly hourTtlDays?: number;
  readonly dayTtlDays?: number;
  /** `denials_by_client_per_minute`. */
  readonly denialsTtlDays?: number;
  /** `ingest_blocks`, after a line was written. */
  readonly ingestBlocksTtlDays?: number;
  /** `blocks` and `policies`. */
  readonly blocksTtlDays?: number;
}

/** What a migration may be told. The files' checksums do not depend on it. */
export interface SchemaOptions extends Retention {
  /** Blocks that each table remembers, over all partitions, to recognise one that comes again. */
  readonly dedupWindow: number;
}

interface TableTtl {
  readonly table: string;
  readonly column: string;
  /** Placeholder of the clause in the table's migration. */
  readonly placeholder: string;
  readonly days: keyof Retention;
}

const tableTtls: readonly TableTtl[] = [
  { table: 'decisions_raw', column: 'time', placeholder: 'rawTtl', days: 'rawTtlDays' },
  { table: 'decisions_per_minute', column: 'minute', placeholder: 'minuteTtl', days: 'minuteTtlDays' },
  { table: 'decisions_per_hour', column: 'hour', placeholder: 'hourTtl', days: 'hourTtlDays' },
  { table: 'decisions_per_day', column: 'day', placeholder: 'dayTtl', days: 'dayTtlDays' },
  { table: 'denials_by_client_per_minute', column: 'minute', placeholder: 'denialsTtl', days: 'denialsTtlDays' },
  { table: 'ingest_blocks', column: 'stored_at', placeholder: 'ingestBlocksTtl', days: 'ingestBlocksTtlDays' },
  { table: 'blocks', column: 'time', placeholder: 'blocksTtl', days: 'blocksTtlDays' },
  { table: 'policies', column: 'time', placeholder: 'policiesTtl', days: 'blocksTtlDays' },
];

const ttlOf = ({ column, days }: TableTtl, options: Retention): string => {
  const kept = options[days] ?? 0;
  return kept > 0 ? `toDateTime(${column}) + toIntervalDay(${kept})` : '';
};

/** What the tables keep: empty, or the expression behind TTL. */
export const ttlExpressions = (options: Retention): ReadonlyMap<string, string> =>
  new Map(tableTtls.map((ttl) => [ttl.table, ttlOf(ttl, options)]));

/** Fills `{{rawTtl}}` and its like, and `{{dedupWindow}}`; any other placeholder is refused. */
export const renderTemplate = (text: string, options: SchemaOptions): string => {
  const values = new Map(
    tableTtls.map((ttl) => [ttl.placeholder, ttlOf(ttl, options) && `TTL ${ttlOf(ttl, options)}`]),
  ).set('dedupWindow', String(options.dedupWindow));
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
