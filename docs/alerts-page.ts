import { questionPromql } from '../dashboards/alerts/question-promql.ts';
import { questionSql } from '../dashboards/alerts/question-sql.ts';
import { prometheusNameOf } from '../src/alert/alert-name.ts';
import { alertCatalogue } from '../src/alert/catalogue/catalogue.ts';
import { type AlertArea, type AlertDefinition, alertAreas } from '../src/alert/definition.ts';
import { formatDurationMs } from '../src/duration.ts';

const titles: Readonly<Record<AlertArea, string>> = {
  throttling: 'What clients feel',
  limiter: 'Deciding',
  policies: 'Policies',
  pipeline: 'From gates to the database',
  abuse: 'From the log to blocks',
  alerting: 'Whether anybody is told',
};

const waits = (ms: number): string => (ms === 0 ? 'at once' : formatDurationMs(ms));
const cell = (text: string): string => text.replaceAll('|', '\\|');

const rowOf = ({ id, severity, when, forMs, question }: AlertDefinition): string =>
  `| [\`${id}\`](#${id}) | ${severity} | ${cell(when)} | ${waits(forMs)} | ${question.kind} | [runbook](../runbooks/${id}.md) |`;

const asked = ({ question }: AlertDefinition): string =>
  question.kind === 'figures'
    ? `\`\`\`promql
${questionPromql(question)}
\`\`\`

<details><summary>SQL</summary>

\`\`\`sql
${questionSql(question)}
\`\`\`

</details>`
    : `Asked of the stored decisions; Prometheus asks what it can of its counters: \`${prometheusNameOf(question.name)}\` in
\`dashboards/prometheus/rules.yml\`.`;

const entryOf = (alert: AlertDefinition): string => {
  const { id, severity, summary, likely, forMs, keepFiringMs, coveredBy = [] } = alert;
  const kept = keepFiringMs === 0 ? 'over at once' : `over after ${waits(keepFiringMs)} without`;
  const covers = coveredBy.map((cover) => `\`${cover}\` fires for ${cover === id ? 'all' : 'the same or for all'}`);
  return `### ${id}

\`${prometheusNameOf(id)}\` · ${severity} · fires ${forMs === 0 ? 'at once' : `after ${waits(forMs)}`}, ${kept} · [runbook](../runbooks/${id}.md)

> ${summary}

${likely.map((cause) => `- ${cause}`).join('\n')}
${covers.length === 0 ? '' : `\nEvaluated by \`serve\`, it waits while ${covers.join(', and while ')}.\n`}
${asked(alert)}
`;
};

const sectionOf = (area: AlertArea): string => {
  const alerts = alertCatalogue.filter((alert) => alert.area === area);
  return `## ${titles[area]}

| alert | severity | when | for | asks | |
|---|---|---|---|---|---|
${alerts.map(rowOf).join('\n')}

${alerts.map(entryOf).join('\n')}`;
};

/** docs/reference/alerts.md, whole. */
export const alertsPage = (): string => `# Alerts

Generated from \`src/alert/catalogue\` by \`npm run docs\`. How to load them: [operating](../guides/operating.md#what-to-alert-on).

Each is defined once and evaluated in three places: by \`tidegate serve\` and \`up\`, by Grafana
(\`dashboards/provisioning/alerting/rules.yaml\`) and by Prometheus (\`dashboards/prometheus/rules.yml\`). One is enough. \`page\`: somebody
gets up; \`ticket\`: somebody looks within the working day.

What asks *figures* is what processes tell of themselves, in \`/metrics\` and every half minute in the topic \`tidegate.health\`. What asks
*decisions* is answered by the database, with the cause and the numbers that say so; Prometheus knows no clients and no causes.

Prometheus has one more: \`TidegateDown\`, when a target does not answer its scrapes ([runbook](../runbooks/down.md)). The others do not
know which processes there should be.

${alertAreas.map(sectionOf).join('\n')}`;
