import type { Bound, FigureQuestion, Term } from '../../src/alert/definition.ts';
import { figureName } from '../../src/alert/figures/figure-name.ts';
import { durationOf } from './durations.ts';

/** Prometheus calls whoever told something its instance. */
export const prometheusLabelOf = (label: string): string => (label === 'process' ? 'instance' : label);

const listed = (labels: readonly string[]): string => labels.map(prometheusLabelOf).join(', ');

const selectorOf = (term: Term): string => {
  const { where = {}, unless = {} } = term;
  const matchers = [
    ...Object.entries(where).map(([label, value]) => `${prometheusLabelOf(label)}=${JSON.stringify(value)}`),
    ...Object.entries(unless).map(([label, value]) => `${prometheusLabelOf(label)}!=${JSON.stringify(value)}`),
  ];
  return matchers.length === 0 ? figureName(term) : `${figureName(term)}{${matchers.join(', ')}}`;
};

const functions: Readonly<Record<Term['reading'], string>> = {
  last: 'last_over_time',
  increase: 'increase',
  rate: 'rate',
};

const aggregated = (across: string, by: readonly string[], expression: string): string =>
  by.length === 0 ? `${across}(${expression})` : `${across} by (${listed(by)}) (${expression})`;

/** A term in PromQL, for each set of these labels. */
export const termPromql = (term: Term, by: readonly string[]): string => {
  const { reading, windowMs, across, eachOnce } = term;
  const read = `${functions[reading]}(${selectorOf(term)}[${durationOf(windowMs)}])`;
  return aggregated(across, by, eachOnce === undefined ? read : aggregated('max', [...by, ...eachOnce], read));
};

/** `> 5000`. */
const comparison = (bound: Bound): string => ('above' in bound ? `> ${bound.above}` : `< ${bound.below}`);

/** A question in PromQL: the answers that fire. */
export const questionPromql = ({ by, value, per, bound, during, whenAbsent }: FigureQuestion): string => {
  const told = termPromql(value, by);
  const found = whenAbsent === 'fires' ? `(${told} or vector(0))` : told;
  // By 0 nothing is divided: there is no answer, not an infinite one.
  const answer = per === undefined ? found : `${found} / (${termPromql(per, by)} != 0)`;
  const fires = `${answer} ${comparison(bound)}`;
  return during === undefined
    ? fires
    : `${fires} and on () ${termPromql(during.value, [])} ${comparison(during.bound)}`;
};
