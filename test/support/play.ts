import type { Verdict } from '../../src/blocklist/block.ts';
import { ManualClock } from '../../src/clock.ts';
import type { Decision } from '../../src/decision/decision.ts';
import type { PartitionDetector } from '../../src/detect/partition-detector.ts';
import type { DecisionEvent, DecisionRecord } from '../../src/event/decision-event.ts';
import { createGate } from '../../src/gate/gate.ts';
import { MemoryLimitStore } from '../../src/limiter/memory-limit-store.ts';
import type { PolicySet } from '../../src/policy/policy.ts';
import { staticPolicies } from '../../src/policy/static-source.ts';
import type { Actor } from '../scenario/abuse-scenarios.ts';
import { morningMs } from './decisions.ts';

interface Due {
  readonly actor: Actor;
  atMs: number;
  sent: number;
}

export interface Play {
  readonly actors: readonly Actor[];
  readonly policies: PolicySet;
  readonly detector: PartitionDetector;
  /** Offset of the start within a minute. */
  readonly startMs: number;
}

export interface PlayResult {
  readonly verdicts: readonly Verdict[];
  readonly events: readonly DecisionEvent[];
}

const eventOf = (record: DecisionRecord, seq: number): DecisionEvent => ({
  ...record,
  emitter: 'gate-1',
  partition: 0,
  seq,
  region: '',
  early: record.early === null ? null : Number(record.early),
  count: 1,
});

/** Lets actors loose on a real gate and hands each decision to a detector; a client with a verdict stops being heard. */
export const play = ({ actors, policies, detector, startMs }: Play): PlayResult => {
  const clock = new ManualClock(morningMs + startMs);
  const verdicts: Verdict[] = [];
  const events: DecisionEvent[] = [];
  const isOver = (id: string): boolean => verdicts.some(({ subject }) => subject.id === id);
  const sink = {
    record: (record: DecisionRecord) => {
      const event = eventOf(record, events.length + 1);
      events.push(event);
      const offset = events.length - 1;
      verdicts.push(...detector.observe({ offset, appendedAtMs: clock.nowMs() + 20, events: [event] }));
    },
  };
  const store = new MemoryLimitStore({ clock });
  const gate = createGate({ policies: staticPolicies(policies), store, events: sink, clock });
  const due: Due[] = actors.map((actor) => ({ actor, atMs: actor.fromMs ?? 0, sent: 0 }));
  for (let next = earliest(due); next; next = earliest(due)) {
    clock.setMs(morningMs + startMs + next.atMs);
    let waitMs = next.actor.everyMs;
    for (let index = 0; index < (next.actor.batch ?? 1) && !isOver(next.actor.client.id); index += 1) {
      const decision = send(gate, next);
      const told = decision.outcome === 'denied' ? (decision.retryAfterMs ?? 0) : 0;
      if (next.actor.honours) waitMs = Math.max(waitMs, told);
    }
    next.atMs = isOver(next.actor.client.id) ? Number.POSITIVE_INFINITY : next.atMs + waitMs;
  }
  void gate.close();
  return { verdicts, events };
};

const earliest = (due: readonly Due[]): Due | undefined =>
  due
    .filter(({ actor, atMs }) => atMs < actor.untilMs)
    .reduce<Due | undefined>((first, entry) => (first && first.atMs <= entry.atMs ? first : entry), undefined);

const send = (gate: ReturnType<typeof createGate>, due: Due): Decision => {
  const { client, requests, routed } = due.actor;
  const line = (requests[due.sent % requests.length] ?? 'GET /').replaceAll('#', `n${due.sent}`);
  due.sent += 1;
  const [method = 'GET', path = '/'] = line.split(' ');
  const decision = gate.check({ clients: [client], method, path, ...(routed && { route: path }) });
  if (decision instanceof Promise) throw new Error('the store in memory answers at once');
  return decision;
};
