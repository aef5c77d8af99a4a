import type { Command } from 'commander';
import type { StoredAlerts } from '../../alert/alert-store.ts';
import type { AlertInstance } from '../../alert/instance.ts';
import { type AlertReport, mutedBy, reportOf } from '../../alert/rule.ts';
import { linksIn } from '../alert-evaluation.ts';
import { type AlertsInForce, readAlertsFile } from '../alerts-file.ts';
import { columns } from '../columns.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { type Answer, answering, type ListSession, listSettings } from '../list-session.ts';
import { agoText, instantText, plainText } from '../time-text.ts';

const rank = { firing: 0, pending: 1, resolved: 2 } as const;

interface Listed extends AlertReport {
  readonly muted: string | null;
}

const listed = (instances: readonly AlertInstance[], inForce: AlertsInForce, session: ListSession): Listed[] => {
  const { context, nowMs } = session;
  const rules = new Map(inForce.rules.map((rule) => [rule.id, rule]));
  return [...instances]
    .sort((left, right) => rank[left.state] - rank[right.state] || right.startedAtMs - left.startedAtMs)
    .flatMap((instance) => {
      const rule = rules.get(instance.alert);
      if (rule === undefined) return [];
      const muted = mutedBy(instance, inForce.mutes, nowMs)?.reason ?? null;
      return [{ ...reportOf(rule, instance, { ...linksIn(context), atMs: nowMs }), muted }];
    });
};

const jsonOf = ({ rule, instance, summary, cause, runbook, dashboard, muted }: Listed): object => ({
  id: instance.id,
  alert: rule.id,
  severity: rule.severity,
  state: instance.state,
  since: instantText(instance.startedAtMs),
  labels: instance.labels,
  value: instance.seen.value,
  cause: instance.seen.cause,
  causeText: cause,
  numbers: instance.seen.numbers,
  summary,
  inhibitedBy: instance.inhibitedBy,
  muted,
  runbook,
  dashboard,
});

const stateText = ({ instance: { state, inhibitedBy }, muted }: Listed, { paint }: ListSession): string => {
  const shown = state === 'firing' ? paint.bad(state) : state === 'pending' ? paint.doubtful(state) : paint.good(state);
  if (inhibitedBy !== null) return `${shown} (held back by ${inhibitedBy})`;
  return muted === null ? shown : `${shown} (muted: ${plainText(muted)})`;
};

const oldAfterMs = 2 * 60_000;

type Looked = Pick<StoredAlerts, 'evaluatedAtMs' | 'unanswered'>;

/** What an empty list says: without a fresh look that had every answer it is no good news. */
export const quietText = (
  { evaluatedAtMs, unanswered }: Looked,
  { nowMs, paint }: Pick<ListSession, 'nowMs' | 'paint'>,
) => {
  if (nowMs - evaluatedAtMs > oldAfterMs) return paint.doubtful('Nobody looks: nothing is known of now.');
  return unanswered.length > 0
    ? paint.doubtful('No alert fires among those that have an answer.')
    : paint.good('No alert fires.');
};

const listText = (alerts: readonly Listed[], looked: Looked, session: ListSession): string => {
  const { nowMs, paint } = session;
  if (alerts.length === 0) return `${quietText(looked, session)}\n`;
  const rows = alerts.map((alert) => [
    stateText(alert, session),
    alert.rule.severity,
    alert.rule.id,
    agoText(alert.instance.startedAtMs, nowMs),
    plainText(alert.summary),
    plainText(alert.cause === null ? alert.numbers : `${alert.cause} (${alert.numbers})`),
  ]);
  return columns([['state', 'severity', 'alert', 'since', 'what', 'why'].map(paint.faint), ...rows]);
};

const listAnswer = async (session: ListSession): Promise<Answer> => {
  const { counters, context, nowMs } = session;
  const { alerts: kept, unfit } = await counters.alerts.load();
  if (unfit !== null) throw unfit;
  const { evaluatedAtMs, unanswered, instances } = kept;
  const alerts = listed(instances, readAlertsFile(context.config.alertsFile), session);
  const evaluatedAt = evaluatedAtMs === 0 ? null : instantText(evaluatedAtMs);
  const when = evaluatedAtMs === 0 ? 'never: no serve or up has evaluated them' : agoText(evaluatedAtMs, nowMs);
  const blind = unanswered.length === 0 ? [] : [`No answer for ${unanswered.join(', ')}: their state is kept.`];
  return {
    json: { evaluatedAt, unanswered, alerts: alerts.map(jsonOf) },
    text: listText(alerts, { evaluatedAtMs, unanswered }, session),
    notes: [`Evaluated ${when}.`, ...blind],
  };
};

/** `tidegate alerts list`. */
export const alertsListCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'list',
    summary: 'Say which alerts fire, since when, and what most probably brings them about',
    settings: [...listSettings, 'alertsFile', 'grafanaUrl', 'docsUrl'],
    help: `
What the serve or up that evaluates has found, which may be 15 s ago. Those that ended within the last hour are shown, too.

Example:
  $ tidegate alerts list --redis-url redis://redis:6379 --json | jq '.alerts[] | select(.state == "firing") | .summary'`,
  }).option('--json', 'print {"evaluatedAt", "unanswered", "alerts"} as one line');
  return command.action((flags: { json?: boolean }) =>
    answering({ command, host, json: flags.json === true }, listAnswer),
  );
};
