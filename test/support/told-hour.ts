import type { DecisionEvent } from '../../src/event/decision-event.ts';
import { instruments } from '../../src/metrics/instruments.ts';
import { hourMs, minuteMs } from './dashboard-traffic.ts';
import { decisionEvent } from './decision-frames.ts';
import type { MacroContext } from './grafana-macros.ts';
import { changeLines, type ReviewedBlock } from './told-blocks.ts';
import { countersTold, gaugeTold, type Happening, type TellingProcess, uptimesTold } from './told-figures.ts';

// One hour of an installation: two processes of ingest, a gate, blocks that people judge, and decisions.

const noonMs = Date.UTC(2026, 4, 4, 12);
export const hour: MacroContext = { fromMs: noonMs, toMs: noonMs + hourMs, intervalMs: minuteMs };
export const at = (minutes: number): number => noonMs + minutes * minuteMs;

export const old: TellingProcess = {
  ...{ name: 'ingest-old', command: 'ingest', startedAtMs: at(-90), endedAtMs: at(75) },
  unheard: [[at(20), at(30)]],
};
export const young: TellingProcess = {
  name: 'ingest-young',
  command: 'ingest',
  startedAtMs: at(15),
  endedAtMs: at(45),
};
/** Its id is set, so that it keeps its name when it starts again. */
const gate: TellingProcess = {
  ...{ name: 'gate-1', command: 'gate', startedAtMs: at(-60), endedAtMs: at(75), tellsUptime: false },
  restartsAtMs: [at(35.2)],
};
export const processes = [old, young, gate];

/** So much every few seconds, never the same twice in a row. */
const counted = (process: TellingProcess, facts: Pick<Happening, 'figure' | 'labels'>, everyMs: number): Happening[] =>
  Array.from({ length: Math.floor((process.endedAtMs - process.startedAtMs) / everyMs) }, (_, index) => ({
    ...facts,
    process: process.name,
    atMs: process.startedAtMs + 1000 + index * everyMs,
    amount: 1 + ((index * 7) % 5),
  }));

const [topicA, topicB] = [{ tidegate_topic: 'tidegate.decisions' }, { tidegate_topic: 'tidegate.blocks' }];
/** Seconds from a decision to its being stored. */
const delays = [0.01, 0.07, 0.2, 0.3, 0.3, 0.8, 1.5, 4, 7, 12, 70, 5000];
export const bounds = [...instruments.ingestDelay.buckets, Number.POSITIVE_INFINITY];
export const observed = Array.from({ length: 700 }, (_, index) => ({
  atMs: at(-60) + index * 11_000,
  seconds: delays[(index * 5 + (index % 3)) % delays.length] ?? 0,
}));
const leOf = (bound: number): string => (bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound));

export const happenings: Happening[] = [
  ...counted(old, { figure: 'tidegate_ingest_rows_total', labels: topicA }, 10_000),
  ...counted(young, { figure: 'tidegate_ingest_rows_total', labels: topicA }, 4_000),
  ...counted(young, { figure: 'tidegate_ingest_rows_total', labels: topicB }, 9_000),
  ...counted(old, { figure: 'tidegate_store_calls_saved_total' }, 3_000),
  ...counted(gate, { figure: 'tidegate_events_lost_total' }, 6_000),
  { process: old.name, figure: 'tidegate_ingest_dead_letters_total', labels: topicA, atMs: at(40), amount: 3 },
  { process: young.name, figure: 'tidegate_ingest_dead_letters_total', labels: topicB, atMs: at(15.1), amount: 2 },
  ...observed.flatMap(({ atMs, seconds }) =>
    bounds
      .filter((bound) => seconds <= bound)
      .map((bound) => ({
        ...{ process: old.name, figure: 'tidegate_ingest_delay_seconds_bucket', atMs, amount: 1 },
        labels: { ...topicA, le: leOf(bound) },
      })),
  ),
];

export const ownLag = (ms: number): number => Math.round((ms - at(0)) / 1e4);
const partition = (index: number) => ({ ...topicA, tidegate_partition: String(index) });
export const told = [
  ...countersTold(processes, happenings),
  ...uptimesTold(processes),
  ...gaugeTold(gate, { figure: 'tidegate_info', at: () => 1, labels: { tidegate_command: 'gate' } }),
  // Partition 0 goes from the old process to the young one, and its lag with it.
  ...gaugeTold(old, { figure: 'tidegate_ingest_lag', labels: partition(0), at: (ms) => (ms < at(40) ? 500 : null) }),
  ...gaugeTold(young, { figure: 'tidegate_ingest_lag', labels: partition(0), at: (ms) => (ms < at(40) ? null : 100) }),
  ...gaugeTold(old, {
    figure: 'tidegate_ingest_lag',
    labels: partition(1),
    at: (ms) => Math.round((ms - at(0)) / 1e4),
  }),
  ...gaugeTold(old, { figure: 'tidegate_block_list_age_seconds', at: () => 2 }),
  ...gaugeTold(gate, { figure: 'tidegate_block_list_age_seconds', at: (ms) => (ms > at(50) ? 90 : 1) }),
];

export const reviewed: (ReviewedBlock & { rule: string; ruleHash: string; state: string })[] = [
  ...[5, 10, 15, 20, 25, 30].map((minute, index) => ({
    ...{ blockId: `b-${index + 1}`, beganAtMs: at(minute), expiresAtMs: at(minute) + 24 * hourMs },
    ...(index < 5 ? { judgedAtMs: at(40 + index) } : {}),
    ...{ rule: 'breadth', ruleHash: 'aaa', state: 'active' },
  })),
  ...[-120, 35].map((minute, index) => ({
    ...{ blockId: `b-${index + 7}`, beganAtMs: at(minute), expiresAtMs: index === 0 ? at(50.5) : at(600) },
    ...{ rule: 'depth', ruleHash: 'bbb', state: 'proposed' },
  })),
];
const judged = (index: number, minute: number, [state, label]: readonly [string, string?]) => ({
  ...{ blockId: `b-${index}`, timeMs: at(minute), blockedAtMs: reviewed[index - 1]?.beganAtMs ?? 0, state },
  ...{ expiresAtMs: reviewed[index - 1]?.expiresAtMs ?? 0, version: 2, actor: 'ann' },
  ...(label === undefined ? {} : { label }),
});
export const blockRows = changeLines([
  ...reviewed.map(({ beganAtMs, judgedAtMs: _, ...block }) => ({ ...block, timeMs: beganAtMs, version: 1 })),
  { blockId: 'b-9', timeMs: at(36), state: 'shadow', version: 1, rule: 'depth', ruleHash: 'bbb' },
  { blockId: 'm-1', timeMs: at(37), state: 'active', version: 1, rule: 'manual', ruleHash: '', verdictId: '' },
  { blockId: 'allow:ip:x', timeMs: at(38), state: 'active', version: 1, rule: 'allow', ruleHash: '', verdictId: '' },
  { blockId: 'allow:ip:x', timeMs: at(39), state: 'lifted', version: 1, rule: 'allow', ruleHash: '', verdictId: '' },
  judged(1, 40, ['confirmed', 'confirmed']),
  { ...judged(1, 40.5, ['confirmed', 'confirmed']), reason: 'a comment' },
  judged(2, 41, ['confirmed', 'confirmed']),
  { ...judged(2, 50, ['superseded', 'confirmed']), version: 3 },
  judged(3, 42, ['confirmed', 'confirmed']),
  { ...judged(3, 49, ['active']), version: 3 },
  { ...judged(4, 43, ['lifted', 'false-positive']), reasonCode: 'false-positive' },
  { ...judged(4, 55, ['lifted', 'false-positive']), reason: 'a comment on what was lifted' },
  { ...judged(5, 44, ['lifted', 'goodwill']), reason: 'goodwill: a partner' },
]);

const decided = (facts: Partial<DecisionEvent>): DecisionEvent => decisionEvent({ early: null, ...facts });
export const decisions: DecisionEvent[] = Array.from({ length: 60 }, (_, minute) => [
  decided({ timeMs: at(minute) + 1000, count: 900, latencyUs: 4096 }),
  decided({ timeMs: at(minute) + 2000, count: 60, source: 'lease', latencyUs: 2 }),
  decided({
    timeMs: at(minute) + 3000,
    count: 30,
    source: 'deny-cache',
    outcome: 'denied',
    latencyUs: 1,
    client: 'eve',
    early: 10,
  }),
  decided({ timeMs: at(minute) + 4000, count: 10, source: 'fallback', degraded: 'timeout', latencyUs: 65_536 }),
  decided({
    ...{
      timeMs: at(minute) + 5000,
      count: 7,
      source: 'block-list',
      outcome: 'blocked',
      policy: 'breadth',
      latencyUs: 1,
    },
    ...{ policyVersion: minute < 30 ? 'b-6' : 'b-8', client: minute < 30 ? 'client of b-6' : `someone ${minute % 4}` },
  }),
])
  .flat()
  .map((event, index) => ({ ...event, emitter: 'gate-1', seq: index + 1 }));
