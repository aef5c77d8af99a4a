import { choice, list, optionalAddress, optionalText, type Setting } from './setting-kinds.ts';

const urlPattern = /^https?:\/\/[^\s,/?#]+[^\s,?#]*$/;

/** Settings of alerts: whether they are evaluated here, who is told, and where what is told points to. */
export const alertSettings = {
  alerts: choice({
    env: 'TIDEGATE_ALERTS',
    flag: '--alerts',
    default: 'on',
    of: ['on', 'off'],
    meaning:
      'Whether up and serve evaluate alerts; off where Grafana or Prometheus does. One of all processes evaluates.',
  }),
  alertsFile: optionalText({
    env: 'TIDEGATE_ALERTS_FILE',
    flag: '--alerts-file',
    type: 'file',
    defaultText: 'none',
    meaning: 'What is different here about alerts: off, severities, thresholds, labels, mutes, objectives, as YAML.',
  }),
  alertmanagerUrls: list({
    env: 'TIDEGATE_ALERTMANAGER_URLS',
    flag: '--alertmanager-urls',
    type: 'list of URL',
    itemPattern: urlPattern,
    must: 'must be URLs like https://alertmanager:9093, user:password@ before the host where it asks for them',
    secret: true,
    meaning: 'Alertmanagers that are told of alerts, each of all of them.',
  }),
  alertmanagerToken: optionalText({
    env: 'TIDEGATE_ALERTMANAGER_TOKEN',
    flag: '--alertmanager-token',
    type: 'token',
    defaultText: 'none',
    secret: true,
    meaning: 'Bearer token for those Alertmanagers whose URL names no user.',
  }),
  alertmanagerTokenFile: optionalText({
    env: 'TIDEGATE_ALERTMANAGER_TOKEN_FILE',
    flag: '--alertmanager-token-file',
    type: 'file',
    defaultText: 'none',
    meaning: 'The same from a file, which wins over alertmanagerToken.',
  }),
  grafanaUrl: optionalAddress({
    env: 'TIDEGATE_GRAFANA_URL',
    flag: '--grafana-url',
    defaultText: 'none',
    meaning: 'Grafana with the dashboards of tidegate, as people reach it: alerts point to the panel and the time.',
  }),
  docsUrl: optionalAddress({
    env: 'TIDEGATE_DOCS_URL',
    flag: '--docs-url',
    defaultText: 'paths within the package',
    meaning: 'Where the folder docs of tidegate can be read, as people reach it: alerts point to their runbook.',
  }),
  publicUrl: optionalAddress({
    env: 'TIDEGATE_PUBLIC_URL',
    flag: '--public-url',
    defaultText: 'none',
    meaning: 'The console of this installation, as people reach it: Alertmanager points to its page of alerts.',
  }),
} as const satisfies Record<string, Setting<unknown>>;
