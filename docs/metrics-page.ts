import { channels } from '../src/metrics/channels.ts';
import {
  attributes,
  durationBucketsS,
  type Instrument,
  instruments,
  maxPolicyNames,
  meterName,
  otherPolicies,
} from '../src/metrics/instruments.ts';
import { spanEvent } from '../src/metrics/span-event.ts';

const code = (text: string): string => `\`${text}\``;

const instrumentRow = ({ name, kind, unit, description, attributes: own }: Instrument): string =>
  `| ${code(name)} | ${kind} | ${code(unit)} | ${description} | ${own.length > 0 ? own.map(code).join(', ') : '–'} |`;

const rowsOf = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([name, meaning]) => `| ${code(name)} | ${meaning} |`)
    .join('\n');

const channelRow = ({ name, when, message }: { name: string; when: string; message: string }): string =>
  `| ${code(name)} | ${when} | ${message} |`;

/** docs/reference/metrics.md, whole. */
export const metricsPage = (): string => `# Metrics, channels and span events

Generated from \`src/metrics\` by \`npm run docs\`.

\`createGate\` of \`tidegate\` is measured by default; \`metrics: false\` switches all of this page off for a gate. Emitters and
block lists are measured once they are shown: \`observeEmitter(emitter)\`, \`observeBlockList(replica)\`; each returns the way
to stop. What is measured is held weakly: measuring keeps nothing alive.

## Metrics

They go to the \`MeterProvider\` that the host sets up with \`@opentelemetry/api\`, under the meter ${code(meterName)}, before or
after the gate: what was counted until then is not lost. Without one, a decision pays for a few additions. Counters are
sums over all gates of the process.

| name | kind | unit | meaning | attributes |
|---|---|---|---|---|
${Object.values<Instrument>(instruments).map(instrumentRow).join('\n')}

| attribute | values |
|---|---|
${rowsOf(attributes)}

Label sets are bounded: at most ${maxPolicyNames} policy names, the rest is ${code(otherPolicies)}; never a client, a route or a tenant.
Those are in the events, where they can be asked without a series each.

Buckets of \`${instruments.decisionDuration.name}\`, seconds: ${durationBucketsS.join(', ')}.

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
