import fc from 'fast-check';
import type { DecisionEvent } from '../../src/event/decision-event.ts';
import type { LogRecord, OutgoingFrame } from '../../src/event/event-log.ts';
import { formatFrameHeaders } from '../../src/event/frame.ts';
import { partitionOf } from '../../src/event/partition.ts';
import { decisionFrame } from './decision-frames.ts';
import { decisionOf, morningMs } from './decisions.ts';

/** A frame, and when the broker took it in. */
export interface Sent {
  readonly frame: OutgoingFrame;
  readonly appendedAtMs: number;
}

const decision = fc.record({
  who: fc.constantFrom(
    ...(['198.51.100.1', '198.51.100.2', '198.51.100.3', '203.0.113.9'] as const).map(
      (client) => ['ip', client] as const,
    ),
    ['key', 'k-1'] as const,
    ['user', 'ann'] as const,
    ['ip', '~other'] as const,
  ),
  tenant: fc.constantFrom('', 'a', 'b'),
  stepMs: fc.integer({ min: -4000, max: 6000 }),
  route: fc.constantFrom('GET /a', 'GET /b', 'GET /c', 'GET /d', 'GET ~other'),
  outcome: fc.constantFrom('denied', 'denied', 'allowed', 'allowed', 'blocked'),
  source: fc.constantFrom('store', 'store', 'store', 'lease', 'deny-cache', 'fallback'),
  scope: fc.constantFrom('client', 'client', 'client+route', 'address', 'tenant'),
  early: fc.option(fc.nat(2)),
  count: fc.integer({ min: 1, max: 15 }),
});

const flush = fc.record({
  emitter: fc.constantFrom(0, 0, 1, 2),
  events: fc.array(decision, { minLength: 1, maxLength: 4 }),
  waitsMs: fc.integer({ min: 0, max: 3000 }),
  /** A send that got no answer: the same frame again, so many frames later. */
  again: fc.option(fc.integer({ min: 1, max: 4 }), { freq: 6 }),
});

/** Of three emitters: one with a good clock, one that is far behind, one that is far ahead. */
const skewsMs = [0, -20_000, 3_600_000];

/** What emitters sent, with clocks that are off, frames out of order, repeated ones, and everything that is no evidence. */
export const sentFrames = (partitions: number, size: { readonly minLength: number; readonly maxLength: number }) =>
  fc.array(flush, size).map((flushes): Sent[] => {
    const seqs = new Map<string, number>();
    const sent: Sent[] = [];
    const repeats: { readonly at: number; readonly frame: OutgoingFrame }[] = [];
    let nowMs = morningMs;
    for (const [index, { emitter, events, waitsMs, again }] of flushes.entries()) {
      let atMs = nowMs;
      const framed = new Map<number, DecisionEvent[]>();
      for (const { who, stepMs, ...rest } of events) {
        atMs += stepMs;
        const [clientKind, client] = who;
        const partition = partitionOf({ kind: clientKind, id: client }, partitions);
        const name = `gate-${emitter}`;
        const seq = (seqs.get(`${name} ${partition}`) ?? 0) + 1;
        seqs.set(`${name} ${partition}`, seq);
        const timeMs = atMs + (skewsMs[emitter] ?? 0);
        const event = decisionOf({
          ...(rest as Partial<DecisionEvent>),
          clientKind,
          client,
          timeMs,
          seq,
          partition,
          emitter: name,
        });
        framed.set(partition, [...(framed.get(partition) ?? []), event]);
      }
      nowMs = Math.max(nowMs, atMs) + waitsMs;
      for (const inPartition of framed.values()) {
        const frame = decisionFrame(inPartition);
        sent.push({ frame, appendedAtMs: nowMs });
        if (again !== null) repeats.push({ at: index + again, frame });
      }
      for (const { at, frame } of repeats) if (at === index) sent.push({ frame, appendedAtMs: nowMs });
    }
    return sent;
  });

/** What one partition of the log holds of it. */
export const recordsOf = (sent: readonly Sent[], partition: number): LogRecord[] =>
  sent
    .filter(({ frame }) => frame.partition === partition)
    .map(({ frame: { headers, body }, appendedAtMs }, offset) => ({
      offset,
      appendedAtMs,
      headers: formatFrameHeaders(headers),
      body,
    }));
