import type { AlertDefinition } from './definition.ts';
import type { AlertInstance } from './instance.ts';

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

/** Where to read on: the runbook, and the panel with an hour before it began until now, or shortly after its end. */
export const linksOf = (
  { id, dashboard }: Pick<AlertDefinition, 'id' | 'dashboard'>,
  { startedAtMs, resolvedAtMs }: Pick<AlertInstance, 'startedAtMs' | 'resolvedAtMs'>,
  { grafanaUrl, docsUrl, atMs }: LinkOptions & { readonly atMs: number },
): AlertLinks => {
  const fromMs = startedAtMs - beforeMs;
  const toMs = Math.max(startedAtMs, resolvedAtMs ?? atMs) + afterMs;
  const range = `from=${Math.round(fromMs)}&to=${Math.round(toMs)}`;
  return {
    runbook: runbookOf(id, docsUrl),
    dashboard: grafanaUrl && `${grafanaUrl}/d/${dashboard.uid}?viewPanel=${dashboard.panelId}&${range}`,
  };
};
