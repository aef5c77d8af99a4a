import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { chosenSource } from './clickhouse-query.ts';

// A name is written by whoever sends requests: a route's by its path. Grafana's `singlequote` leaves backslashes as they are,
// `sqlstring` too, and the plugin replaces its macros within strings. `percentencode` lets nothing through that is a quote, a
// backslash, a line's end or a macro's dollar sign: the database decodes it.

/** The data source that all panels ask. */
export const sourceVariable = (): DatasourceVariableBuilder =>
  new DatasourceVariableBuilder('source')
    .label('ClickHouse')
    .type('grafana-clickhouse-datasource')
    .current({ text: 'Tidegate', value: 'tidegate-clickhouse' });

/**
 * One or several of what `sql` answers. Its first column is the value, in the writing of {@link optionOf}; the second one is shown.
 * It stands on All.
 */
export const choiceVariable = (name: string, label: string, sql: string): QueryVariableBuilder =>
  new QueryVariableBuilder(name)
    .label(label)
    .datasource(chosenSource)
    .query(sql)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] });

/** What somebody types; empty for everything. */
export const textVariable = (name: string, label: string, description: string): TextBoxVariableBuilder =>
  new TextBoxVariableBuilder(name)
    .label(label)
    .description(description)
    .defaultValue('')
    .current({ selected: true, text: '', value: '' });

/** Several values are joined by commas, so one that has a comma is written with `%2C`. */
export const optionOf = (column: string): string => `replaceAll(replaceAll(${column}, '%', '%25'), ',', '%2C')`;

/** The chosen names as an array: `{a,b}` in percent encoding, each with {@link optionOf} undone. */
const namesIn = (variable: string): string =>
  `arrayMap(n -> decodeURLComponent(decodeURLComponent(n)), splitByString('%2C', replaceRegexpOne('\${${variable}:percentencode}', '^%7B(.*)%7D\\\\z', '\\\\1')))`;

/** `column` is one of those chosen in the variable; All leaves the condition out. */
export const isChosen = (column: string, variable: string = column): string =>
  `$__conditionalAll(has(${namesIn(variable)}, ${column}), $${variable})`;

/** True for a variable that stands on All, or in which nothing is typed; a line of its own, as each macro. */
export const isAll = (variable: string): string => `\n      $__conditionalAll(0 = 1, $${variable})\n    `;

/** What is typed, as a string of SQL. */
export const typedIn = (variable: string): string => `trimBoth(decodeURLComponent('\${${variable}:percentencode}'))`;

/** `condition` where something is typed, else true. */
export const whenTyped = (variable: string, condition: string): string =>
  `$__conditionalAll(${condition}, $${variable})`;
