import type { AlertDefinition, Bound, FigureQuestion, Severity } from './definition.ts';
import type { Labels } from './instance.ts';
import type { AlertRule } from './rule.ts';

/** What is different about one alert here. */
export interface AlertTerms {
  readonly severity?: Severity;
  /** In place of the number that the figure is compared with. Alerts about decisions have none: objectives steer those. */
  readonly threshold?: number;
  readonly forMs?: number;
  readonly keepFiringMs?: number;
  readonly labels?: Labels;
}

const moved = (bound: Bound, threshold: number): Bound =>
  'above' in bound ? { above: threshold } : { below: threshold };

const boundText = (bound: Bound): string => ('above' in bound ? `above ${bound.above}` : `below ${bound.below}`);

const withThreshold = (question: FigureQuestion, threshold: number): FigureQuestion => ({
  ...question,
  bound: moved(question.bound, threshold),
});

/** The definition as it is in force here. */
export const ruleFrom = (definition: AlertDefinition, terms: AlertTerms = {}): AlertRule => {
  const { severity = definition.severity, threshold, forMs = definition.forMs, labels = {} } = terms;
  const { keepFiringMs = definition.keepFiringMs } = terms;
  const rule = { ...definition, severity, forMs, keepFiringMs, extraLabels: labels };
  const { question } = definition;
  if (threshold === undefined || question.kind !== 'figures') return rule;
  const asked = withThreshold(question, threshold);
  return { ...rule, question: asked, when: `${definition.when} (here: ${boundText(asked.bound)})` };
};
