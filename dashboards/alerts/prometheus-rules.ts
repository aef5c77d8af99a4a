import { stringify } from 'yaml';
import { prometheusNameOf } from '../../src/alert/alert-name.ts';
import { alertCatalogue } from '../../src/alert/catalogue/catalogue.ts';
import { type AlertDefinition, alertAreas, type DecisionQuestionName } from '../../src/alert/definition.ts';
import { defaultObjectives, fastBurn, slowBurn } from '../../src/clickhouse/alert-objectives.ts';
import { durationOf } from './durations.ts';
import { dashboardPath, runbookPath } from './links.ts';
import { prometheusLabelOf, questionPromql } from './question-promql.ts';
import {
  burnRecords,
  deadlineBurns,
  deniedBurns,
  ownSpike,
  type RecordingRule,
  spikeRecords,
} from './spike-records.ts';
import { templateOf } from './summaries.ts';

interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly keep_firing_for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Group {
  readonly name: string;
  readonly interval?: string;
  readonly rules: readonly (RecordingRule | AlertingRule)[];
}

interface Asked {
  readonly expr: string;
  readonly summary: string;
}

/**
 * What the database answers elsewhere, by what Prometheus has. It knows no clients: one that hammers is a spike to it. So
 * where a process evaluates the alerts itself, its answer counts.
 */
const decisionQuestions: Readonly<Record<DecisionQuestionName, Asked>> = {
  'throttle-spike': {
    expr: `max(tidegate_alerts_firing{tidegate_alert="throttle-spike"}) > 0 or (${ownSpike} unless on () tidegate:alerts:evaluated)`,
    summary:
      'The limiter denies far more than is usual{{ with $labels.tidegate_policy }}: policy {{ . }}{{ end }}{{ with $labels.dimension }}; see {{ . }} in the dashboard{{ end }}',
  },
  'throttle-burn-fast': {
    expr: deniedBurns(fastBurn, defaultObjectives.deniedShare),
    summary: '{{ $value | humanizePercentage }} of the decisions are denied: the budget of a month burns within days',
  },
  'throttle-burn-slow': {
    expr: deniedBurns(slowBurn, defaultObjectives.deniedShare),
    summary: '{{ $value | humanizePercentage }} of the decisions of a day or longer are denied',
  },
  'degraded-decisions': {
    expr: `sum(rate(tidegate_degraded_total[5m])) / (sum(rate(tidegate_decisions_total[5m])) > 0) > ${defaultObjectives.degradedShare}`,
    summary: '{{ $value | humanizePercentage }} of the decisions are taken without the primary store',
  },
  'deadline-budget': {
    expr: deadlineBurns(defaultObjectives.slowShare),
    summary: '{{ $value | humanizePercentage }} of the decisions take longer than the deadline',
  },
};

/** A summary in Prometheus' words: of its numbers it knows the value alone. */
const summaryFor = (alert: AlertDefinition): string =>
  templateOf(alert, {
    value: (write) => `{{ $value | ${write} }}`,
    number: () => null,
    label: (name) => `{{ $labels.${prometheusLabelOf(name)} }}`,
  });

const askedOf = (alert: AlertDefinition): Asked =>
  alert.question.kind === 'decisions'
    ? decisionQuestions[alert.question.name]
    : { expr: questionPromql(alert.question), summary: summaryFor(alert) };

const ruleOf = (alert: AlertDefinition): AlertingRule => {
  const { id, severity, area, likely, forMs, keepFiringMs, dashboard } = alert;
  const { expr, summary } = askedOf(alert);
  return {
    alert: prometheusNameOf(id),
    expr,
    ...(forMs === 0 ? {} : { for: durationOf(forMs) }),
    ...(keepFiringMs === 0 ? {} : { keep_firing_for: durationOf(keepFiringMs) }),
    labels: { severity, area },
    annotations: {
      summary,
      // A backtick or brace of ours must be no template of theirs.
      description: likely.join('\n').replaceAll('{{', '{ {'),
      runbook_url: runbookPath(id),
      dashboard_url: dashboardPath(dashboard),
    },
  };
};

/** Prometheus alone knows which processes there should be. */
const targetDown: AlertingRule = {
  alert: 'TidegateDown',
  expr: 'up{job=~"tidegate.*"} == 0',
  for: '2m',
  labels: { severity: 'page', area: 'alerting' },
  annotations: {
    summary: '{{ $labels.instance }} does not answer its scrapes',
    description: 'The process has ended or hangs.\nThe network between Prometheus and the process.',
    runbook_url: runbookPath('down'),
  },
};

const groups = (): readonly Group[] => [
  { name: 'tidegate-spikes', interval: '30s', rules: spikeRecords },
  { name: 'tidegate-budgets', interval: '1m', rules: burnRecords },
  ...alertAreas.map((area) => ({
    name: `tidegate-${area}`,
    rules: [
      ...(area === 'alerting' ? [targetDown] : []),
      ...alertCatalogue.filter((alert) => alert.area === area).map(ruleOf),
    ],
  })),
];

const heading = `# Rules for Prometheus 2.42 and later: alerts about tidegate, and what they are made from.
# Generated from src/alert/catalogue by npm run dashboards. docs/guides/operating.md says how to load them.
`;

/** dashboards/prometheus/rules.yml, whole. */
export const prometheusRules = (): string =>
  `${heading}${stringify({ groups: groups() }, { lineWidth: 0, aliasDuplicateObjects: false })}`;
