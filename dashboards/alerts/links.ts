import type { AlertDefinition } from '../../src/alert/definition.ts';

/** Within the package; who publishes docs/ elsewhere rewrites it where alerts are routed. */
export const runbookPath = (id: string): string => `docs/runbooks/${id}.md`;

/** Within Grafana: what the panel shows until now. */
export const dashboardPath = ({ uid, panelId }: AlertDefinition['dashboard']): string =>
  `/d/${uid}?viewPanel=${panelId}&from=now-3h&to=now`;
