import type { Notice } from './notice.ts';
import { type AlertReport, tenantOfLabels } from './rule.ts';

const at = (atMs: number | null): string | null => (atMs === null ? null : new Date(atMs).toISOString());

const dataOf = ({ rule, instance, summary, cause, numbers, runbook, dashboard }: AlertReport) => ({
  alert: rule.id,
  severity: rule.severity,
  tenant: tenantOfLabels(instance.labels),
  labels: { ...instance.labels, ...rule.extraLabels },
  summary,
  cause: instance.seen.cause,
  causeText: cause,
  value: instance.seen.value,
  numbers: instance.seen.numbers,
  numbersText: numbers,
  since: at(instance.startedAtMs),
  firingSince: at(instance.firedAtMs),
  runbook,
  dashboard,
});

/** That an alert fires: the same id for the same time that it does, whoever tells it. */
export const firingNotice = (report: AlertReport): Notice => ({
  kind: 'alert.firing',
  id: `alert.firing ${report.instance.id}`,
  at: new Date(report.instance.firedAtMs ?? report.instance.startedAtMs).toISOString(),
  data: dataOf(report),
});

/** That it is over. */
export const resolvedNotice = (report: AlertReport): Notice => {
  const { resolvedAtMs, startedAtMs, isGone, id } = report.instance;
  return {
    kind: 'alert.resolved',
    id: `alert.resolved ${id}`,
    at: new Date(resolvedAtMs ?? startedAtMs).toISOString(),
    data: {
      ...dataOf(report),
      resolvedAt: at(resolvedAtMs),
      ended: isGone ? 'nothing tells its figures any more' : 'it is over',
    },
  };
};
