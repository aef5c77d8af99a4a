export interface MacroContext {
  readonly fromMs: number;
  readonly toMs: number;
  /** Width of one bucket. */
  readonly intervalMs: number;
  /** Chosen values by variable, as they stand in the address of the page; an absent variable stands on All. */
  readonly chosen?: Readonly<Record<string, readonly string[]>>;
  /** What is typed into variables that are text; absent: nothing. */
  readonly typed?: Readonly<Record<string, string>>;
}

type Formatter = (values: readonly string[] | string) => string;

const strict = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
const each = (values: readonly string[] | string, quote: (value: string) => string): string =>
  typeof values === 'string' ? quote(values) : values.map(quote).join(',');

/** Grafana's ways to write a variable's value into a query, as they are: `singlequote` does not care for backslashes. */
export const formats: Readonly<Record<string, Formatter>> = {
  percentencode: (values) => strict(typeof values === 'string' ? values : `{${values.join(',')}}`),
  singlequote: (values) => each(values, (value) => `'${value.replaceAll("'", "\\'")}'`),
  sqlstring: (values) => each(values, (value) => `'${value.replaceAll("'", "''")}'`),
};

/** What stands between the brackets at `open`, cut at commas that are in no further brackets; and where it ends. */
const argumentsAt = (sql: string, open: number): { readonly parts: readonly string[]; readonly end: number } => {
  const parts: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let at = open; at < sql.length; at += 1) {
    const sign = sql[at];
    if (sign === '(') depth += 1;
    if (sign === ')') depth -= 1;
    if ((sign === ',' && depth === 1) || depth === 0) {
      parts.push(sql.slice(start, at));
      start = at + 1;
    }
    if (depth === 0) return { parts, end: at + 1 };
  }
  throw new Error(`brackets that do not end: ${sql.slice(open)}`);
};

const conditional = '$__conditionalAll(';

const withoutAlls = (sql: string, isOpen: (variable: string) => boolean): string => {
  let left = sql;
  for (let at = left.lastIndexOf(conditional); at >= 0; at = left.lastIndexOf(conditional)) {
    const { parts, end } = argumentsAt(left, at + conditional.length - 1);
    const [condition = '', variable = ''] = parts;
    if (parts.length !== 2) throw new Error(`$__conditionalAll takes two arguments: ${parts.join(' | ')}`);
    // The plugin hands the condition to String.replace as it is: signs with a meaning there would be lost.
    if (/\$[$&`']/.test(condition)) throw new Error(`a condition that the plugin garbles: ${condition}`);
    const name = /\$\{?(\w+)/.exec(variable)?.[1] ?? '';
    left = left.slice(0, at) + (isOpen(name) ? '1=1' : condition) + left.slice(end);
  }
  return left;
};

/** What the browser makes of a panel's SQL: the values of variables. */
export const expandVariables = (
  sql: string,
  { chosen = {}, typed = {} }: Pick<MacroContext, 'chosen' | 'typed'>,
): string => {
  const valuesFor = (name: string): readonly string[] | string => chosen[name] ?? typed[name] ?? '';
  return withoutAlls(sql, (name) => valuesFor(name) === '').replace(
    /\$\{(\w+):(\w+)\}/g,
    (text, name: string, format: string) => formats[format]?.(valuesFor(name)) ?? text,
  );
};

/** What Grafana and its ClickHouse plugin make of a panel's SQL: variables in the browser first, then macros in the plugin. */
export const expandMacros = (sql: string, context: MacroContext): string => {
  const { fromMs, toMs, intervalMs } = context;
  const seconds = { from: Math.floor(fromMs / 1000), to: Math.floor(toMs / 1000), step: Math.floor(intervalMs / 1000) };
  const expanded = expandVariables(sql, context)
    .replace(/\$__timeFilter\((\w+)\)/g, `$1 >= toDateTime(${seconds.from}) AND $1 <= toDateTime(${seconds.to})`)
    .replace(/\$__timeInterval\((\w+)\)/g, `toStartOfInterval(toDateTime($1), INTERVAL ${seconds.step} second)`)
    .replace(/\$__fromTime\b/g, `toDateTime(${seconds.from})`)
    .replace(/\$__toTime\b/g, `toDateTime(${seconds.to})`)
    .replace(/\$__interval_s\b/g, String(seconds.step));
  if (/\$(?:__|\{)/.test(expanded)) throw new Error(`a macro that the test does not know: ${expanded}`);
  return expanded;
};
