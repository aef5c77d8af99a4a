import type { AlertDefinition } from './definition.ts';
import type { AlertInstance, Labels } from './instance.ts';

export interface LinkOptions {
  /** `https://grafana.example.com`, without a slash at its end. Null: no link to dashboards. */
  readonly grafanaUrl: string | null;
  /** Where `docs/` is published, without a slash at its end. Null: paths within the package. */
  readonly docsUrl: string | null;
}

export interface AlertLinks {
  readonly runbook: string;
  readonly dashboard: string | null;
}

const beforeMs = 3_600_000;
const afterMs = 5 * 60_000;

export const runbookOf = (alert: string, docsUrl: string | null): string => `${docsUrl ?? 'docs'}/runbooks/${alert}.md`;

/** What dashboards can be narrowed to. */
const variables = ['tenant', 'route', 'region', 'policy'];

/** As the variables of dashboards write their values: several of them are joined by commas. */
const optionText = (value: string): string => value.replaceAll('%', '%25').replaceAll(',', '%2C');

const chosenBy = ({ dimension, name, ...labels }: Labels): string =>
  Object.entries({ ...labels, ...(dimension !== undefined && name !== undefined ? { [dimension]: name } : {}) })
    .filter(([variable, value]) => variables.includes(variable) && value !== '')
    .map(([variable, value]) => `&${new URLSearchParams([[`var-${variable}`, optionText(value)]])}`)
    .join('');

/**
 * Where to read on: the runbook, and the panel, of what the alert is about, with an hour before it began until now, or shortly after
 * its end.
 */
export const linksOf = (
  { id, dashboard }: Pick<AlertDefinition, 'id' | 'dashboard'>,
  { startedAtMs, resolvedAtMs, labels }: Pick<AlertInstance, 'startedAtMs' | 'resolvedAtMs' | 'labels'>,
  { grafanaUrl, docsUrl, atMs }: LinkOptions & { readonly atMs: number },
): AlertLinks => {
  const fromMs = startedAtMs - beforeMs;
  const toMs = Math.max(startedAtMs, resolvedAtMs ?? atMs) + afterMs;
  const range = `from=${Math.round(fromMs)}&to=${Math.round(toMs)}`;
  return {
    runbook: runbookOf(id, docsUrl),
    dashboard:
      grafanaUrl && `${grafanaUrl}/d/${dashboard.uid}?viewPanel=${dashboard.panelId}&${range}${chosenBy(labels)}`,
  };
};
