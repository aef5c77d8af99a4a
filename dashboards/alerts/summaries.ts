import type { AlertDefinition, AlertUnit } from '../../src/alert/definition.ts';

/** How a template of Prometheus and Grafana writes numbers of a unit. */
const functions: Readonly<Record<AlertUnit, string>> = {
  share: 'humanizePercentage',
  seconds: 'humanizeDuration',
  count: 'humanize',
  ratio: 'humanize',
};

/** What a name in a summary stands for, in the words of whoever fills in the template. */
export interface Words {
  /** The template of a number, given the function that writes it. */
  readonly value: (write: string) => string;
  /** Null: the name is no number of a reading. */
  readonly number: (name: string, write: string) => string | null;
  readonly label: (name: string) => string;
}

/** A summary as a template of somebody else. Numbers that are shares are told as percentages. */
export const templateOf = ({ summary, unit }: Pick<AlertDefinition, 'summary' | 'unit'>, words: Words): string =>
  summary.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => {
    if (name === 'value') return words.value(functions[unit]);
    const write = functions[/(?:Rate|Share)$/.test(name) ? 'share' : 'count'];
    return words.number(name, write) ?? words.label(name);
  });

/** Names in a summary, `value` among them. */
export const namesIn = (summary: string): readonly string[] =>
  [...summary.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map(([, name = '']) => name);
