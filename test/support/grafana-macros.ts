export interface MacroContext {
  readonly fromMs: number;
  readonly toMs: number;
  /** Width of one bucket. */
  readonly intervalMs: number;
  /** Chosen values by variable; an absent variable stands on All. */
  readonly chosen?: Readonly<Record<string, readonly string[]>>;
}

const quoted = (values: readonly string[]): string =>
  values.map((value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`).join(', ');

/** What Grafana and its ClickHouse plugin make of a panel's SQL, for the macros that the dashboards use. */
export const expandMacros = (sql: string, { fromMs, toMs, intervalMs, chosen = {} }: MacroContext): string => {
  const seconds = { from: Math.floor(fromMs / 1000), to: Math.floor(toMs / 1000), step: Math.floor(intervalMs / 1000) };
  const expanded = sql
    .replace(/\$__conditionalAll\((.*), \$(\w+)\)/g, (_, condition: string, name: string) =>
      chosen[name] ? condition : '1=1',
    )
    .replace(/\$__timeFilter\((\w+)\)/g, `$1 >= toDateTime(${seconds.from}) AND $1 <= toDateTime(${seconds.to})`)
    .replace(/\$__timeInterval\((\w+)\)/g, `toStartOfInterval(toDateTime($1), INTERVAL ${seconds.step} second)`)
    .replace(/\$__fromTime\b/g, `toDateTime(${seconds.from})`)
    .replace(/\$__toTime\b/g, `toDateTime(${seconds.to})`)
    .replace(/\$__interval_s\b/g, String(seconds.step))
    .replace(/\$\{(\w+):singlequote\}/g, (_, name: string) => quoted(chosen[name] ?? []));
  if (/\$(?:__|\{)/.test(expanded)) throw new Error(`a macro that the test does not know: ${expanded}`);
  return expanded;
};
