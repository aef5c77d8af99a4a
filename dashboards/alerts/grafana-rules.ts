import {
  QueryBuilder,
  type Rule,
  RuleBuilder,
  type RuleGroup,
  RuleGroupBuilder,
} from '@grafana/grafana-foundation-sdk/alerting';
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import { stringify } from 'yaml';
import { alertCatalogue } from '../../src/alert/catalogue/catalogue.ts';
import { type AlertDefinition, type Bound, causes, type FigureQuestion } from '../../src/alert/definition.ts';
import { termsOf } from '../../src/alert/figures/terms-of.ts';
import { alertNumbers, alertTable } from '../../src/clickhouse/alert-statements.ts';
import { chosenSource, clickhouseQuery } from '../clickhouse-query.ts';
import { durationOf } from './durations.ts';
import { dashboardPath, runbookPath } from './links.ts';
import { questionSql } from './question-sql.ts';
import { namesIn, templateOf } from './summaries.ts';

const folder = 'Tidegate';
/** The uid of the data source in dashboards/provisioning/datasources. */
const sourceUid = 'tidegate-clickhouse';
const expressionUid = '__expr__';

/** JSON leaves out the functions by which the SDK marks queries. */
const plainModel = (model: object): Builder<Dataquery> => ({ build: () => JSON.parse(JSON.stringify(model)) });

/** Labels as texts and one number: one instance of the alert for each row. Variables of dashboards are unknown here. */
const sqlQuery = (refId: string, sql: string, seconds: number): QueryBuilder => {
  const model = clickhouseQuery(sql, 'table', refId).build();
  return new QueryBuilder(refId)
    .datasourceUid(sourceUid)
    .relativeTimeRange({ from: seconds, to: 0 })
    .model(plainModel({ ...model, datasource: { ...chosenSource, uid: sourceUid } }));
};

const thresholdQuery = (of: string, bound: Bound): QueryBuilder => {
  const evaluator = 'above' in bound ? { type: 'gt', params: [bound.above] } : { type: 'lt', params: [bound.below] };
  return new QueryBuilder('fires')
    .datasourceUid(expressionUid)
    .relativeTimeRange({ from: 0, to: 0 })
    .model(
      plainModel({
        refId: 'fires',
        datasource: { type: expressionUid, uid: expressionUid },
        type: 'threshold',
        expression: of,
        conditions: [{ evaluator }],
      }),
    );
};

/** How far back a rule looks, seconds: Grafana wants to know, although the statements say it themselves. */
const secondsOf = (question: FigureQuestion): number =>
  Math.max(...termsOf(question).map(({ windowMs }) => windowMs / 1000));

interface Asked {
  readonly queries: QueryBuilder[];
  readonly summary: string;
  readonly cause: string | null;
}

/** The series of everybody is called `all` by its dimension already: `of all decisions`. */
const label = (name: string): string =>
  name === 'name'
    ? '{{ if eq $labels.dimension "all" }}decisions{{ else }}{{ $labels.name }}{{ end }}'
    : `{{ $labels.${name} }}`;

const askedOf = (alert: AlertDefinition): Asked => {
  const { question } = alert;
  if (question.kind === 'figures') {
    return {
      queries: [sqlQuery('value', questionSql(question), secondsOf(question)), thresholdQuery('value', question.bound)],
      summary: templateOf(alert, {
        value: (write) => `{{ ${write} $values.value.Value }}`,
        number: () => null,
        label,
      }),
      cause: null,
    };
  }
  const known: readonly string[] = alertNumbers[question.name];
  const [first = ''] = known;
  const told = namesIn(alert.summary).map((name) => (name === 'value' ? first : name));
  const hasCause = question.name !== 'deadline-budget';
  const numbers = [...new Set(told.filter((name) => known.includes(name))), ...(hasCause ? ['cause'] : [])];
  const number = (name: string, write: string) =>
    known.includes(name) ? `{{ ${write} $values.${name}.Value }}` : null;
  return {
    queries: [
      ...['firing', ...numbers].map((name) => sqlQuery(name, alertTable(question.name, { number: name }), 600)),
      thresholdQuery('firing', { above: 0 }),
    ],
    summary: templateOf(alert, { value: (write) => number(first, write) ?? '', number, label }),
    cause: hasCause
      ? `${causes.map((cause, index) => `{{ if eq $values.cause.Value ${index + 1}.0 }}${cause}{{ end }}`).join('')}`
      : null,
  };
};

/** Of all rules this one says that Grafana cannot ask; were all to say so, one outage would be fifty alerts. */
const saysThatNobodyTells = 'figures-silent';

const ruleOf = (alert: AlertDefinition): RuleBuilder => {
  const { id, severity, area, likely, when, forMs, keepFiringMs, dashboard } = alert;
  const { queries, summary, cause } = askedOf(alert);
  const tellsOfErrors = id === saysThatNobodyTells;
  const rule = new RuleBuilder(id)
    .uid(`tidegate-${id}`)
    .condition('fires')
    .queries(queries)
    .forDuration(durationOf(forMs))
    // No rows is an answer: nothing is near, or what it depends on does not hold.
    .noDataState(tellsOfErrors ? 'Alerting' : 'OK')
    .execErrState(tellsOfErrors ? 'Alerting' : 'KeepLast')
    .labels({ severity, area })
    .annotations({
      summary,
      ...(cause === null ? {} : { cause }),
      description: `${when}.\n${likely.join('\n')}`,
      runbook_url: runbookPath(id),
      dashboard_url: dashboardPath(dashboard),
      __dashboardUid__: dashboard.uid,
      __panelId__: String(dashboard.panelId),
    });
  return keepFiringMs === 0 ? rule : rule.keepFiringFor(durationOf(keepFiringMs));
};

const groupOf = (severity: AlertDefinition['severity']): RuleGroup =>
  new RuleGroupBuilder(`tidegate-${severity}`)
    .interval(60)
    .rules(alertCatalogue.filter((alert) => alert.severity === severity).map(ruleOf))
    .build();

/**
 * A rule as files have it. The builders make what Grafana's API takes, which names groups, folders and durations otherwise; a key
 * that files do not know is dropped by Grafana without a word.
 */
const fileRule = ({ uid, title, condition, data, noDataState, execErrState, labels, annotations, ...rest }: Rule) => ({
  uid,
  title,
  condition,
  data,
  dashboardUid: annotations?.__dashboardUid__,
  panelId: Number(annotations?.__panelId__),
  noDataState,
  execErrState,
  for: rest.for,
  ...(rest.keep_firing_for === undefined ? {} : { keepFiringFor: rest.keep_firing_for }),
  annotations,
  labels,
  isPaused: false,
});

const fileGroup = ({ title, interval = 60, rules = [] }: RuleGroup) => ({
  orgId: 1,
  name: title,
  folder,
  interval: durationOf(interval * 1000),
  rules: rules.map(fileRule),
});

const heading = `# Alert rules for Grafana 12 and later: it reads this file from /etc/grafana/provisioning/alerting.
# Generated from src/alert/catalogue by npm run dashboards.
`;

/** dashboards/provisioning/alerting/rules.yaml, whole. */
export const grafanaRules = (): string => {
  const groups = (['page', 'ticket'] as const).map(groupOf).map(fileGroup);
  return `${heading}${stringify({ apiVersion: 1, groups }, { lineWidth: 0, aliasDuplicateObjects: false })}`;
};
