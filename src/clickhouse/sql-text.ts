import { TidegateError } from '../errors.ts';
import { type Retention, ttlClauses } from './retention.ts';

/** What a migration may be told. The files' checksums do not depend on it. */
export interface SchemaOptions extends Retention {
  /** Blocks that each table remembers, over all partitions, to recognise one that comes again. */
  readonly dedupWindow: number;
  /** Every statement runs on all servers of this cluster, with replicated tables. Default: one server. */
  readonly cluster?: string;
}

/** As long as a block may be late: the brokers keep records for a week by default. */
const dedupSeconds = 7 * 86_400;

/** A name, or a macro such as `{cluster}`. */
const clusterPattern = /^[\w.{}-]{1,100}$/;

/** ` ON CLUSTER 'name'`, or nothing on a single server. */
export const onCluster = ({ cluster }: Pick<SchemaOptions, 'cluster'>): string => {
  if (cluster === undefined) return '';
  if (clusterPattern.test(cluster)) return ` ON CLUSTER '${cluster}'`;
  throw new TidegateError('CONFIG_INVALID', `The name of the cluster is none that ClickHouse could have: ${cluster}`);
};

/** Plain tables and replicated ones have a window each; a replicated one forgets by time as well. */
const dedupWindowOf = ({ cluster, dedupWindow }: SchemaOptions): string =>
  cluster === undefined
    ? `non_replicated_deduplication_window = ${dedupWindow}`
    : `replicated_deduplication_window = ${dedupWindow}, replicated_deduplication_window_seconds = ${dedupSeconds}`;

/**
 * Fills `{{rawTtl}}` and its like, and what differs between one server and the replicas of a cluster: `{{onCluster}}`
 * behind the name in every CREATE and ALTER, `{{replicated}}` before every engine's name, `{{dedupWindow}}`. Any other
 * placeholder is refused. Replicated engines take their path from the server's own defaults.
 */
export const renderTemplate = (text: string, options: SchemaOptions): string => {
  const values = new Map([
    ...ttlClauses(options),
    ['onCluster', onCluster(options)],
    ['replicated', options.cluster === undefined ? '' : 'Replicated'],
    ['dedupWindow', dedupWindowOf(options)],
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
