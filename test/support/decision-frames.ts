import type { DecisionEvent } from '../../src/event/decision-event.ts';
import { encodeEvent } from '../../src/event/event-codec.ts';
import type { OutgoingFrame } from '../../src/event/event-log.ts';
import { crc32Hex } from '../../src/event/frame.ts';

/** 18 May 2015, 05:05 UTC. */
export const baseTimeMs = 1_431_925_500_000;

const template: DecisionEvent = {
  timeMs: baseTimeMs,
  emitter: 'emitter-1',
  partition: 0,
  seq: 1,
  region: 'eu-west',
  tenant: 'acme',
  clientKind: 'ip',
  client: '203.0.113.9',
  address: '',
  route: 'GET /orders/:id',
  method: 'GET',
  policy: 'per-client',
  policyVersion: '0123456789ab',
  scope: 'client',
  limit: 60,
  remaining: 0,
  outcome: 'allowed',
  source: 'store',
  degraded: '',
  shadowDenied: [],
  candidateOutcome: '',
  compensated: 0,
  cost: 1,
  latencyUs: 128,
  early: 0,
  count: 1,
};

/** A plausible event. */
export const decisionEvent = (facts: Partial<DecisionEvent> = {}): DecisionEvent => ({ ...template, ...facts });

/** The frame that an emitter would send of these events: of one emitter and partition, in order, at least one. */
export const decisionFrame = (events: readonly DecisionEvent[]): OutgoingFrame => {
  const first = events[0] ?? template;
  const body = Buffer.from(events.map((event) => `${encodeEvent(event)}\n`).join(''));
  const times = events.map(({ timeMs }) => timeMs);
  return {
    partition: first.partition,
    body,
    headers: {
      v: 1,
      emitter: first.emitter,
      firstSeq: first.seq,
      rows: events.length,
      deniedRows: events.filter(({ outcome }) => outcome === 'denied').length,
      total: events.reduce((sum, { count }) => sum + count, 0),
      minTimeMs: Math.min(...times),
      maxTimeMs: Math.max(...times),
      crc32: crc32Hex([body]),
      last: false,
    },
  };
};

/** Numbers events of one emitter and partition, and cuts them into frames. */
export class FrameSource {
  readonly #facts: Partial<DecisionEvent>;
  #seq = 0;

  constructor(facts: Partial<DecisionEvent> = {}) {
    this.#facts = facts;
  }

  /** The next events: one for each given set of facts. */
  events(...events: readonly Partial<DecisionEvent>[]): DecisionEvent[] {
    return events.map((facts) => {
      this.#seq += 1;
      return decisionEvent({ ...this.#facts, seq: this.#seq, ...facts });
    });
  }

  /** The next frame: one event for each given set of facts. */
  frame(...events: readonly Partial<DecisionEvent>[]): OutgoingFrame {
    return decisionFrame(this.events(...events));
  }

  /** The next frame, of so many events that differ in time alone. */
  frameOf(rows: number): OutgoingFrame {
    return this.frame(...Array.from({ length: rows }, () => ({ timeMs: baseTimeMs + this.#seq * 7_000 })));
  }
}
