import { gateInfoLabels } from '../src/alert/gate-samples.ts';
import { channels } from '../src/metrics/channels.ts';
import {
  attributes,
  type Instrument,
  type InstrumentPart,
  instrumentParts,
  instruments,
  maxPolicyNames,
  meterName,
  otherPolicies,
} from '../src/metrics/instruments.ts';
import { prometheusLabel, prometheusName } from '../src/metrics/prometheus-name.ts';
import { spanEvent } from '../src/metrics/span-event.ts';

const code = (text: string): string => `\`${text}\``;

const instrumentRow = (instrument: Instrument): string => {
  const { name, kind, unit, description, attributes: own } = instrument;
  const cells = [code(name), code(prometheusName(instrument)), kind, code(unit), description];
  return `| ${[...cells, own.length > 0 ? own.map(code).join(', ') : '–'].join(' | ')} |`;
};

const gateInfo = Object.values(gateInfoLabels).map(code).join(' and ');

/** Who has them, by part. */
const parts: Readonly<Record<InstrumentPart, { readonly title: string; readonly about: string }>> = {
  gate: {
    title: 'Gates: the library, `serve`, `up`',
    about:
      'Counters are sums over all gates of the process. Checks over HTTP by `/v1/limiter/check` are no gate decisions; they are among the events.',
  },
  events: {
    title: 'Events: the library, `serve`, `up`',
    about: 'Always recorded = sent + waiting + lost. A library shows its emitter by `observeEmitter(emitter)`.',
  },
  ingest: {
    title: 'Ingest: `ingest`, `up`',
    about:
      'Each process tells of the partitions that it owns: add up lags and counters over all of them; the freshness of a topic is the smallest that any tells.',
  },
  audit: {
    title: 'Audit: `ingest`, `up`',
    about:
      'Log, ledger, rows and rollups of the last day are compared every `auditMinutes` by the process that ingests partition 0 of the decisions; the others say nothing. `tidegate reconcile` compares everything.',
  },
  checks: {
    title: 'Checks at the start: `ingest`, `up`',
    about: 'Found once, when the process starts; `tidegate doctor` looks again.',
  },
  detect: { title: 'Detector: `detect`, `up`', about: 'Likewise, for the partitions that the process owns.' },
  abuse: {
    title: 'Budgets, kill switch and relay: `detect`, `up`',
    about:
      'What is switched off and which rules are over their budget is the same at every detector, and is asked four times a minute.',
  },
  alert: {
    title: 'Alerts: `up`, `serve`; webhooks: `detect` with `webhooksFile`, too',
    about: 'One of all processes evaluates, and one delivers, at a time; counters add up over them.',
  },
  review: {
    title: 'Reviewing: `up`, `serve`',
    about: 'Of processes that have the API.',
  },
  log: {
    title: 'Log in the process: `up` with `memory:`',
    about: 'Kafka has metrics of its own.',
  },
  health: {
    title: 'Health: `up`, `serve`, `ingest`, `detect`',
    about:
      'Every half minute a process publishes what it tells of itself to the topic `tidegate.health`; ingest stores it in `health_samples`. See [below](#in-the-database).',
  },
  process: {
    title: 'Process: `up`, `serve`, `ingest`, `detect`',
    about: 'A host that embeds a gate measures itself.',
  },
  beat: {
    title: 'Embedded gates, in `health_samples` alone',
    about: `Beside \`tidegate.decisions\` by outcome, \`tidegate.degraded\`, \`tidegate.decisions.over_deadline\`, \`tidegate.block_list.age\` and \`size\`, \`tidegate.events.waiting\` and \`lost\`, \`tidegate.store.breaker_open\` and \`tidegate.info\` (with the labels ${gateInfo} in addition), as the gates say with their heartbeats. One \`serve\` or \`up\` of all tells of them, with \`command\` \`gate\` and the id of the gate as \`process\`.`,
  },
};

const partSection = ([part, { title, about }]: [string, { readonly title: string; readonly about: string }]): string =>
  `### ${title}

${about}

| name | in Prometheus | kind | unit | meaning | attributes |
|---|---|---|---|---|---|
${Object.values<Instrument>(instrumentParts[part as InstrumentPart])
  .map(instrumentRow)
  .join('\n')}
`;

const bucketsLine = (instrument: Instrument): string =>
  `- ${code(instrument.name)}: ${(instrument.buckets ?? []).join(', ')}`;

const histograms = Object.values<Instrument>(instruments).filter(({ kind }) => kind === 'histogram');

const rowsOf = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([name, meaning]) => `| ${code(name)} | ${meaning} |`)
    .join('\n');

const channelRow = ({ name, when, message }: { name: string; when: string; message: string }): string =>
  `| ${code(name)} | ${when} | ${message} |`;

/** docs/reference/metrics.md, whole. */
export const metricsPage = (): string => `# Metrics, channels and span events

Generated from \`src/metrics\` by \`npm run docs\`.

## Where they are read

**In a scrape.** \`tidegate up\` and \`serve\` answer \`GET /metrics\` on the port of the API, \`ingest\` and \`detect\` on the port of
their probes, in Prometheus' text format, to anybody who reaches the port: [what needs a token](../decisions/metrics-need-no-token.md).
Dots become underscores, times end in \`_seconds\`, counters in \`_total\`; labels are the attributes with underscores
(\`${prometheusLabel('tidegate.policy')}\`). A scrape asks Redis and ClickHouse nothing, and Kafka once for the ends of its partitions; within a
second all get the same answer. It needs the packages \`@opentelemetry/sdk-metrics\` and \`@opentelemetry/exporter-prometheus\`;
without them the processes run, and say so. [What to alert on](../guides/operating.md#what-to-alert-on).

A scraper that asks for OpenMetrics 1.0 gets that. There are **no exemplars**: the serializer of \`@opentelemetry/exporter-prometheus\` has
no place for them, and OpenTelemetry's JavaScript SDK collects none, so no setting switches them on. What leads from a number to a request
is the span event \`tidegate.decision\` below, and the events in the database.

### In the database

\`up\`, \`serve\`, \`ingest\` and \`detect\` publish what a scrape would say every half minute (a tenth more or less by lot) to the topic
\`tidegate.health\`; ingest stores it exactly once in \`health_samples\`: dashboards and alerts need no Prometheus. Names and labels are those of a
scrape, with these differences: \`tidegate_decisions_total\` has no policy; of histograms there are those of decisions, the store, the delay of
ingest and its inserts (the latter two with buckets for the topic of decisions alone); at most 500 numbers a process and turn, figures with the
most series go first and are counted in \`tidegate_health_dropped_total\`; label values of more than 128 characters are cut. \`process\` names who
told it for as long as it lives, so that a counter that begins anew is another series. While Kafka is away the newest samples wait, older ones are
dropped. \`up\` and \`serve\` read the topic themselves and hold the last hour of it, 200,000 samples at most, for alerts: that needs no database.
[Why so](../decisions/gates-are-told-of-by-the-first.md).

**In a host.** \`createGate\` of \`tidegate\` is measured by default; \`metrics: false\` switches all of this page off for a gate.
Emitters and block lists are measured once they are shown: \`observeEmitter(emitter)\`, \`observeBlockList(replica)\`; each returns
the way to stop. What is measured is held weakly: measuring keeps nothing alive. The numbers go to the \`MeterProvider\` that the host
sets up with \`@opentelemetry/api\`, under the meter ${code(meterName)}, before or after the gate: what was counted until then is not lost.
Without one, a decision pays for a few additions.

## Metrics

${Object.entries(parts).map(partSection).join('\n')}
### Attributes

| attribute | values |
|---|---|
${rowsOf(attributes)}

Label sets are bounded: at most ${maxPolicyNames} policy names, the rest is ${code(otherPolicies)}; as many partitions as a topic has; never a
client, a route or a tenant. Those are in the events, where they can be asked without a series each.

### Buckets

Upper bounds, seconds:

${histograms.map(bucketsLine).join('\n')}

## Channels

\`node:diagnostics_channel\`. A message is made only while somebody listens, and a subscriber runs within the decision: keep it
short. It names the client, API keys hashed, and stays in the process unless a subscriber sends it on.

| channel | published with | message |
|---|---|---|
${Object.values(channels).map(channelRow).join('\n')}

\`\`\`ts
import { subscribe } from 'node:diagnostics_channel';
import type { DecisionMessage } from 'tidegate';

subscribe('tidegate:decision', (message) => {
  const { decision, method, latencyUs } = message as DecisionMessage;
  if (decision.outcome !== 'allowed') console.warn(method, decision.route, decision.outcome, latencyUs);
});
\`\`\`

## Span event

When a span is active and recorded where \`check()\` is called, it gets an event ${code(spanEvent.name)}. It never says who asked.

| attribute | meaning |
|---|---|
${rowsOf(spanEvent.attributes)}

A host that begins to trace later is noticed within 16 decisions.
`;
