import { exception } from './exception.ts';

/** A statement that may run. */
export interface Statement {
  /** As the engine itself wrote it down: one statement, no comments, one way of quoting. */
  readonly sql: string;
  /** Named in the statement; null: whoever asks has a default. */
  readonly format: string | null;
  /** SELECT, which the engine can hand over piece by piece. */
  readonly canStream: boolean;
}

/** `text` as a string of the engine's SQL. */
export const literal = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** What a connection in read-only mode lets pass although it changes something: settings, KILL, SYSTEM … */
const statementPattern = /^(?:SELECT|WITH|SHOW|DESCRIBE|EXISTS|EXPLAIN)\b|^\(/;
const streamPattern = /^(?:SELECT|WITH)\b|^\(/;

/** Of the table functions, those that read nothing. */
const harmlessTables = new Set(
  [
    'numbers numbers_mt zeros zeros_mt generateseries generate_series primes values sqlstandardvalues null view',
    // These two names are scalar functions as well, and as tables they read nothing either.
    'format fuzzquery',
  ]
    .join(' ')
    .split(' '),
);

/**
 * Functions that reach out of the database. Taken as words wherever they stand: a name can be handed to a function of
 * functions, to APPLY or to an alias, and is a call only then.
 */
const reachingOut = new Set(
  [
    'file catboostevaluate hascolumnintable showcertificate getclienthttpheader getmacro getserverport tcpport',
    'aiclassify aigenerate aiembed aiextract aitranslate eval logtrace',
    'getserversetting zookeepersessionuptime sleep sleepeachrow',
  ]
    .join(' ')
    .split(' '),
);

/** Of the engine's own tables, those that say what there is, and nothing of the machine or of what others ask. */
const systemTables = new Set(
  [
    'one numbers numbers_mt zeros zeros_mt databases tables columns functions table_functions formats settings',
    'data_type_families table_engines time_zones keywords build_options contributors licenses parts parts_columns',
    'aggregate_function_combinators collations data_skipping_indices projections',
  ]
    .join(' ')
    .split(' '),
);

/** Strings without what is in them. Quoted names stay: they can be the name of a function. */
const withoutStrings = (sql: string): string =>
  sql.replace(/`(?:[^`\\]|\\.|``)*`|'(?:[^'\\]|\\.|'')*'/gs, (quoted) => (quoted.startsWith("'") ? "''" : quoted));

const withoutNames = (sql: string): string => sql.replace(/`(?:[^`\\]|\\.|``)*`/gs, '``');

const wordPattern = /[A-Za-z_]\w*/g;

const refuseWords = (text: string): void => {
  for (const [word] of text.matchAll(wordPattern)) {
    if (reachingOut.has(word.toLowerCase()))
      throw exception('ACCESS_DENIED', `The name ${word} is not available to readers`);
  }
};

const refuseTables = (text: string, tableFunctions: ReadonlySet<string>): void => {
  for (const [, word = ''] of text.matchAll(/(\w+)`?\s*\(/g)) {
    const name = word.toLowerCase();
    if (tableFunctions.has(name) && !harmlessTables.has(name))
      throw exception('ACCESS_DENIED', `The table function ${word} is not available to readers`);
  }
  for (const [, name = ''] of text.matchAll(/\bsystem`?\s*\.\s*`?(\w*)/gi)) {
    if (!systemTables.has(name.toLowerCase()))
      throw exception('ACCESS_DENIED', `The table system.${name} is not available to readers`);
  }
};

const refuseClauses = (bare: string): void => {
  if (!statementPattern.test(bare)) throw exception('READONLY', 'Cannot execute query in readonly mode.');
  if (/^SHOW (?:PROCESSLIST|GRANTS|ACCESS|USERS|ROLES|PROFILES|QUOTAS?|POLICIES|SETTINGS PROFILES)\b/.test(bare))
    throw exception('ACCESS_DENIED', 'This statement is not available to readers');
  // These two are carried out beside the engine's read-only mode: one by its client part, one statement by statement.
  if (/\bINTO OUTFILE\b/i.test(bare)) throw exception('READONLY', 'INTO OUTFILE is not allowed.');
  // Those of a subquery are taken even in read-only mode.
  if (/\bSETTINGS\s+[\w.`]+\s*=/i.test(bare)) throw exception('READONLY', 'SETTINGS is not allowed in a query.');
  if (/\bPARALLEL WITH\b/i.test(bare)) throw exception('READONLY', 'PARALLEL WITH is not allowed.');
};

const parameterPattern = /\{(\w+)\s*:\s*(\w+)/g;
const namePattern = /^\w+(?:\.\w+)?$/;

/** Values that become names are judged as if they stood in the text. */
const namesGiven = (text: string, params: ReadonlyMap<string, string>): string => {
  const names: string[] = [];
  for (const [, name = '', type] of text.matchAll(parameterPattern)) {
    const value = params.get(name);
    if (value === undefined) throw exception('UNKNOWN_QUERY_PARAMETER', `Substitution \`${name}\` is not set.`);
    if (type !== 'Identifier') continue;
    if (!namePattern.test(value)) throw exception('BAD_ARGUMENTS', `The parameter ${name} is no name`);
    names.push(value);
  }
  return names.join(' ');
};

export interface Judging {
  readonly params: ReadonlyMap<string, string>;
  /** Every table function of the engine, lower case. */
  readonly tableFunctions: ReadonlySet<string>;
}

/**
 * Refuses what the engine's read-only mode and grants let pass. `sql` is the engine's own rendering of the one statement
 * that came: nothing can hide in a comment or behind another way of quoting, and what is judged is what runs.
 *
 * @throws Exception READONLY, ACCESS_DENIED, UNKNOWN_QUERY_PARAMETER or BAD_ARGUMENTS.
 */
export const judge = (sql: string, { params, tableFunctions }: Judging): Statement => {
  const text = withoutStrings(sql);
  const bare = withoutNames(text);
  refuseClauses(bare);
  const names = `${text} ${namesGiven(bare, params)}`;
  refuseWords(names);
  refuseTables(names, tableFunctions);
  return {
    sql,
    format: / FORMAT (\w+)$/.exec(bare)?.[1] ?? null,
    canStream: streamPattern.test(bare),
  };
};
