import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../src/blocklist/block.ts';
import { ManualClock } from '../../../src/clock.ts';
import { NoteTaker } from '../../../src/detect/notes.ts';
import { PartitionDetector } from '../../../src/detect/partition-detector.ts';
import { parseRules } from '../../../src/detect/rules.ts';
import type { DecisionEvent } from '../../../src/event/decision-event.ts';
import { silentLogger } from '../../../src/logger.ts';
import { decisionOf, morningMs } from '../../support/decisions.ts';

const { rules } = parseRules(`
version: 1
rules:
  - { name: broad, mode: enforce, breadth: { distinctRoutes: 3 }, windows: { length: 10s, hit: 2, of: 4 }, block: { base: 15m } }
  - { name: deep, mode: enforce, depth: { denied: 10, deniedShare: 0.8 }, windows: { length: 10s, hit: 2, of: 3 }, block: { base: 15m } }
`);
const windowMs = 10_000;
/** A minute and a half behind: where both rules' incidents begin anew. */
const incidentMs = Math.ceil(morningMs / 120_000) * 120_000;

interface Step {
  readonly atMs: number;
  readonly change?: Partial<DecisionEvent>;
  /** Default: a little later. */
  readonly appendedAtMs?: number;
}

const play = (steps: readonly Step[]) => {
  const detector = new PartitionDetector({ partition: 0, rules, fromOffset: 0 });
  const seqs = new Map<string, number>();
  const verdicts: Verdict[] = [];
  for (const [offset, { atMs, change = {}, appendedAtMs = atMs + 300 }] of steps.entries()) {
    const { emitter = 'gate-1' } = change;
    const seq = (seqs.get(emitter) ?? 0) + 1;
    seqs.set(emitter, seq);
    const event = decisionOf({ count: 12, ...change, timeMs: atMs, emitter, seq });
    verdicts.push(...detector.observe({ offset, appendedAtMs, events: [event] }));
  }
  return { verdicts, stats: detector.stats() };
};

const convictedIn = (steps: readonly Step[]): string[] =>
  play(steps).verdicts.map(({ rule, subject }) => `${rule} ${subject.id}`);

const storm = (change: Partial<DecisionEvent> = {}): Step[] =>
  [0, 1].map((n) => ({ atMs: morningMs + n * windowMs, change }));

describe('clocks that are off', () => {
  const strange = { emitter: 'gate-2', client: '198.51.100.1' };

  it('a gate a year ahead makes nobody late and convicts nobody sooner: it is at most as new as the broker says', () => {
    const ahead: Step = { atMs: morningMs + 365 * 86_400_000, appendedAtMs: morningMs, change: strange };
    const { verdicts, stats } = play([ahead, ...storm()]);
    expect(verdicts.map(({ subject }) => subject.id)).toEqual(['203.0.113.9']);
    expect(stats.late).toBe(0);
  });

  it('a gate an hour behind gives no evidence while others are on time, is counted, and disturbs nobody', () => {
    const behind = storm(strange).map((step) => ({ ...step, atMs: step.atMs - 3_600_000, appendedAtMs: step.atMs }));
    const [first, second] = storm();
    if (!first || !second) throw new Error('two steps expected');
    const { verdicts, stats } = play([first, ...behind, second]);
    expect(verdicts.map(({ subject }) => subject.id)).toEqual(['203.0.113.9']);
    expect(stats.late).toBe(2);
  });

  it('gates that are all behind agree among themselves', () => {
    const behind = storm().map((step) => ({ ...step, atMs: step.atMs - 3_600_000, appendedAtMs: step.atMs }));
    expect(play(behind).verdicts).toHaveLength(1);
  });

  it('frames that overtake each other convict nobody who would not have been convicted in order', () => {
    const client = fc.constantFrom('198.51.100.1', '198.51.100.2');
    const sent = fc.record({
      afterMs: fc.nat(50_000),
      client,
      route: fc.constantFrom('GET /a', 'GET /b', 'GET /c'),
      count: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(
        fc.array(sent, { minLength: 5, maxLength: 40 }),
        fc.array(fc.nat(20), { maxLength: 40 }),
        (all, jumps) => {
          const steps = all.map(
            ({ afterMs, ...change }, index): Step => ({
              atMs: morningMs + afterMs,
              appendedAtMs: morningMs + 60_000,
              // Each from a gate of its own: frames of one gate keep their order.
              change: { ...change, emitter: `gate-${index}` },
            }),
          );
          const inOrder = [...steps].sort((left, right) => left.atMs - right.atMs);
          const mixed = [...steps];
          for (const [index, jump] of jumps.entries()) {
            const [moved] = mixed.splice(index % mixed.length, 1);
            if (moved) mixed.splice(jump % (mixed.length + 1), 0, moved);
          }
          const convicted = convictedIn(inOrder);
          expect(convictedIn(mixed).filter((one) => !convicted.includes(one))).toEqual([]);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('requests that are timed around windows', () => {
  const burst = (atMs: number, count: number): Step => ({ atMs, change: { count } });

  it('stay unseen with less than twice a threshold around a border, and not at any rate above that', () => {
    const borders = [1, 3, 5, 7].map((n) => incidentMs + n * windowMs);
    const around = borders.flatMap((border) => [burst(border - 1, 9), burst(border, 9)]);
    expect(play(around).verdicts).toEqual([]);
    // Nineteen in one length of a window are ten in one of two windows, wherever the borders are.
    fc.assert(
      fc.property(fc.nat(windowMs - 1), fc.integer({ min: 1, max: 18 }), (shiftMs, before) => {
        const steady = Array.from({ length: 8 }, (_, n) => incidentMs + shiftMs + n * windowMs).flatMap((atMs) => [
          burst(atMs, before),
          burst(atMs + windowMs / 2, 19 - before),
        ]);
        expect(play(steady).verdicts.length).toBeGreaterThan(0);
      }),
    );
  });

  it('gain nothing from the border of an incident: windows of both sides add up', () => {
    expect(play([burst(incidentMs - 1, 12), burst(incidentMs, 12)]).verdicts).toMatchObject([{ rule: 'deep' }]);
  });

  it('go unseen by pauses that are longer than a rule looks back, at a fraction of the rate', () => {
    const pausing = Array.from({ length: 20 }, (_, n) => burst(incidentMs + n * 3 * windowMs, 1000));
    expect(play(pausing).verdicts).toEqual([]);
  });
});

describe('a flood of ids', () => {
  it('takes bounded memory, is counted, and hides nobody who keeps pushing', () => {
    const clock = new ManualClock(morningMs);
    const nothing = { noteTraffic: () => Promise.resolve(), noteIdentities: () => Promise.resolve() };
    const notes = new NoteTaker({ blockList: nothing, clock, logger: silentLogger });
    notes.assigned(0, false);
    const detector = new PartitionDetector({ partition: 0, rules, fromOffset: 0, served: (row) => notes.see(0, row) });
    const event = { ...decisionOf() } as { -readonly [Field in keyof DecisionEvent]: DecisionEvent[Field] };
    const found = new Set<string>();
    const framesOfIds = function* (frame: number): Generator<DecisionEvent> {
      for (let index = 0; index < 1000; index += 1) {
        const id = frame * 1000 + index;
        event.seq += 1;
        event.timeMs = morningMs + frame * 40;
        event.outcome = id % 4 === 0 ? 'denied' : 'allowed';
        event.clientKind = 'key';
        event.client = `flood-${id}`;
        event.address = `198.18.${(id >> 8) & 255}.${id & 255}`;
        event.count = 1;
        yield event;
      }
      Object.assign(event, { seq: event.seq + 1, outcome: 'denied', client: 'pushing', count: 1 });
      yield event;
    };
    for (let frame = 0; frame < 1000; frame += 1) {
      const record = { offset: frame, appendedAtMs: morningMs + frame * 40 + 100, events: framesOfIds(frame) };
      for (const { subject } of detector.observe(record)) found.add(subject.id);
    }
    const { clients, evictedClients, events } = detector.stats();
    expect(events).toBe(1_001_000);
    expect(clients).toBeLessThanOrEqual(2 * 20_000);
    expect(evictedClients).toBeGreaterThan(200_000);
    expect(notes.stats().identitiesKnown).toBeLessThanOrEqual(50_000);
    expect(notes.stats().identitiesDropped).toBeGreaterThan(700_000);
    expect([...found]).toEqual(['pushing']);
  }, 120_000);
});
