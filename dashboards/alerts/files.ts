import { fileURLToPath } from 'node:url';
import type { GeneratedFiles } from '../../docs/generated-files.ts';
import { grafanaRules } from './grafana-rules.ts';
import { prometheusRules } from './prometheus-rules.ts';
import { prometheusScenarios } from './prometheus-scenarios.ts';

const folder = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** What is made from the alerts beside the dashboards: rules for Prometheus with what they are tried by, and rules for Grafana. */
export const renderAlertFiles = (): readonly GeneratedFiles[] => [
  {
    folder: folder('prometheus'),
    files: new Map([
      ['rules.yml', prometheusRules()],
      ['rules.test.yml', prometheusScenarios()],
    ]),
    command: 'npm run dashboards',
  },
  {
    folder: folder('provisioning/alerting'),
    files: new Map([['rules.yaml', grafanaRules()]]),
    command: 'npm run dashboards',
  },
];
