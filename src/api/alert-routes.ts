import { type Static, Type } from 'typebox';
import type { StoredAlerts } from '../alert/alert-store.ts';
import { alertAreas, causes } from '../alert/definition.ts';
import { type AlertInstance, alertStates } from '../alert/instance.ts';
import { type LinkOptions, runbookOf } from '../alert/links.ts';
import { type AlertReport, type AlertRule, type AlertRules, mutedBy, reportOf, tenantOfLabels } from '../alert/rule.ts';
import type { Clock } from '../clock.ts';
import { formatDurationMs } from '../duration.ts';
import { Instant, instantText } from './fields.ts';
import { type Api, needs, problemResponses } from './routing.ts';

/** What is known of alerts in this process. */
export interface KnownAlerts {
  readonly evaluator: { readonly known: StoredAlerts };
  readonly inForce: AlertRules;
  readonly links: LinkOptions;
}

export interface AlertRoutesOptions {
  /** Null: they are evaluated elsewhere. */
  readonly alerts: KnownAlerts | null;
  readonly clock: Clock;
}

const nullable = Type.Null();
const Text = Type.String();
const Labels = Type.Record(Type.String(), Type.String());
const Severity = Type.Enum(['page', 'ticket'], { description: '`page`: now. `ticket`: within the working day.' });
const Area = Type.Enum([...alertAreas]);

const AlertSchema = Type.Object({
  id: Type.String({ description: 'Names this one time that it holds, wherever it is told of.' }),
  alert: Type.String({ examples: ['throttle-spike'] }),
  severity: Severity,
  area: Area,
  state: Type.Enum([...alertStates], {
    description: 'pending: it holds, and not yet for long enough. resolved: over within the last hour.',
  }),
  since: Instant,
  firingSince: Type.Union([Instant, nullable]),
  resolvedAt: Type.Union([Instant, nullable]),
  labels: Labels,
  value: Type.Number(),
  cause: Type.Union([Type.Enum([...causes]), nullable], { description: 'What most probably brings it about.' }),
  causeText: Type.Union([Text, nullable]),
  numbers: Type.Record(Type.String(), Type.Number(), { description: 'What says so.' }),
  numbersText: Text,
  summary: Text,
  inhibitedBy: Type.Union([Text, nullable], {
    description:
      'The alert while which nobody is told of this one: what is stored is not fresh, or that one tells of the same.',
  }),
  muted: Type.Union([Type.Object({ until: Instant, reason: Text }), nullable]),
  runbook: Text,
  dashboard: Type.Union([Text, nullable]),
});
type AlertView = Static<typeof AlertSchema>;

const Alerts = Type.Object({
  isEvaluated: Type.Boolean({ description: 'false: this process evaluates no alerts; Grafana or Prometheus may.' }),
  evaluatedAt: Type.Union([Instant, nullable], { description: 'By whichever process does; null: not yet.' }),
  unanswered: Type.Array(Text, { description: 'Alerts whose question had no answer: their state is kept.' }),
  alerts: Type.Array(AlertSchema, {
    maxItems: 1000,
    description: 'Firing first, then the most severe, then the newest.',
  }),
});

const RuleSchema = Type.Object({
  alert: Text,
  severity: Severity,
  area: Area,
  when: Text,
  for: Type.String({ examples: ['2m'] }),
  keepFiring: Type.String({ examples: ['5m'] }),
  isOff: Type.Boolean(),
  labels: Labels,
  likely: Type.Array(Text, { description: 'What brings it about most often, likeliest first.' }),
  runbook: Text,
});

const Rules = Type.Object({
  rules: Type.Array(RuleSchema),
  mutes: Type.Array(
    Type.Object({
      alerts: Type.Union([Type.Array(Text), nullable], { description: 'null: all.' }),
      labels: Labels,
      from: Type.Union([Instant, nullable]),
      until: Instant,
      reason: Text,
    }),
    { description: 'Of those that are not over, where all tenants are in reach.' },
  ),
});

const instantOr = (atMs: number | null): string | null => (atMs === null ? null : instantText(atMs));

const alertView = (report: AlertReport, { inForce }: KnownAlerts, atMs: number): AlertView => {
  const { rule, instance, summary, cause, numbers, runbook, dashboard } = report;
  const mute = mutedBy(instance, inForce.mutes, atMs);
  return {
    id: instance.id,
    alert: rule.id,
    severity: rule.severity,
    area: rule.area,
    state: instance.state,
    since: instantText(instance.startedAtMs),
    firingSince: instantOr(instance.firedAtMs),
    resolvedAt: instantOr(instance.resolvedAtMs),
    labels: { ...instance.labels, ...rule.extraLabels },
    value: instance.seen.value,
    cause: instance.seen.cause,
    causeText: cause,
    numbers: { ...instance.seen.numbers },
    numbersText: numbers,
    summary,
    inhibitedBy: instance.inhibitedBy,
    muted: mute && { until: instantText(mute.untilMs), reason: mute.reason },
    runbook,
    dashboard,
  };
};

const stateRank = { firing: 0, pending: 1, resolved: 2 } as const;
const severityRank = { page: 0, ticket: 1 } as const;

const inOrder = (left: AlertView, right: AlertView): number =>
  stateRank[left.state] - stateRank[right.state] ||
  severityRank[left.severity] - severityRank[right.severity] ||
  right.since.localeCompare(left.since);

/** Numbers that say something of all tenants together. */
const ofEverybody: readonly string[] = ['explains'];

/** For who sees some tenants only: from a share of everybody's denials those of the others could be told. */
const withoutOthers = (instance: AlertInstance): AlertInstance => {
  const numbers = Object.entries(instance.seen.numbers).filter(([name]) => !ofEverybody.includes(name));
  return { ...instance, seen: { ...instance.seen, numbers: Object.fromEntries(numbers) } };
};

/** Why somebody mutes is written for colleagues, and may name others. */
const withoutReason = (view: AlertView): AlertView => ({ ...view, muted: view.muted && { ...view.muted, reason: '' } });

/** Null tenants: all are in reach. */
const alertsFor = (known: KnownAlerts, tenants: readonly string[] | null, atMs: number): Static<typeof Alerts> => {
  const { evaluatedAtMs, unanswered, instances } = known.evaluator.known;
  const rules = new Map(known.inForce.rules.map((rule) => [rule.id, rule]));
  const inReach = instances.filter(
    ({ labels }) => tenants === null || (tenantOfLabels(labels) !== '' && tenants.includes(tenantOfLabels(labels))),
  );
  const views = inReach.flatMap((instance) => {
    const rule = rules.get(instance.alert);
    if (rule === undefined) return [];
    const shown = tenants === null ? instance : withoutOthers(instance);
    const view = alertView(reportOf(rule, shown, { ...known.links, atMs }), known, atMs);
    return [tenants === null ? view : withoutReason(view)];
  });
  return {
    isEvaluated: true,
    evaluatedAt: evaluatedAtMs === 0 ? null : instantText(evaluatedAtMs),
    unanswered: tenants === null ? [...unanswered] : [],
    alerts: views.sort(inOrder),
  };
};

const ruleView = (rule: Omit<AlertRule, 'extraLabels'>, labels: Record<string, string>, docsUrl: string | null) => ({
  alert: rule.id,
  severity: rule.severity,
  area: rule.area,
  when: rule.when,
  for: formatDurationMs(rule.forMs),
  keepFiring: formatDurationMs(rule.keepFiringMs),
  likely: [...rule.likely],
  labels,
  runbook: runbookOf(rule.id, docsUrl),
});

const rulesFor = (known: KnownAlerts, tenants: readonly string[] | null, atMs: number): Static<typeof Rules> => {
  const { inForce, links } = known;
  return {
    rules: [
      ...inForce.rules.map((rule) => ({ ...ruleView(rule, { ...rule.extraLabels }, links.docsUrl), isOff: false })),
      ...inForce.off.map((rule) => ({ ...ruleView(rule, {}, links.docsUrl), isOff: true })),
    ],
    mutes: inForce.mutes
      .filter(({ untilMs }) => untilMs > atMs && tenants === null)
      .map(({ alerts, labels, fromMs, untilMs, reason }) => ({
        alerts: alerts && [...alerts],
        labels: { ...labels },
        from: fromMs === 0 ? null : instantText(fromMs),
        until: instantText(untilMs),
        reason,
      })),
  };
};

/** What is wrong now, and which alerts there are. */
export const alertRoutes = (api: Api, { alerts, clock }: AlertRoutesOptions): void => {
  api.get(
    '/v1/alerts',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'listAlerts',
        summary: 'Alerts that fire, are about to, or ended within the last hour',
        description:
          'Who has some tenants only is shown the alerts that name one of them, without why one is muted and without what tells of others.',
        tags: ['alerts'],
        response: { 200: Alerts, ...problemResponses(401, 403, 503) },
      },
    },
    async ({ reviewer: { tenants } }) =>
      alerts === null
        ? { isEvaluated: false, evaluatedAt: null, unanswered: [], alerts: [] }
        : alertsFor(alerts, tenants, clock.nowMs()),
  );
  api.get(
    '/v1/alerts/rules',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'listAlertRules',
        summary: 'Which alerts there are, as they are in force here',
        tags: ['alerts'],
        response: { 200: Rules, ...problemResponses(401, 403, 503) },
      },
    },
    async ({ reviewer: { tenants } }) =>
      alerts === null ? { rules: [], mutes: [] } : rulesFor(alerts, tenants, clock.nowMs()),
  );
};
