import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import type { DecisionRecord } from '../../../src/event/decision-event.ts';
import { createEmitter } from '../../../src/event/emitter.ts';
import type { FrameWriter, OutgoingFrame, Positions } from '../../../src/event/event-log.ts';
import { createGate } from '../../../src/gate/gate.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { policiesFrom } from '../../../src/policy/parse.ts';
import { staticPolicies } from '../../../src/policy/static-source.ts';
import { decisionOf } from '../../support/decisions.ts';

/** Takes frames and answers when it is told to, or never. */
class SlowWriter implements FrameWriter {
  readonly partitions = 2;
  readonly calls: (readonly OutgoingFrame[])[] = [];
  readonly #answers: ((positions: Positions) => void)[] = [];

  append(frames: readonly OutgoingFrame[]): Promise<Positions> {
    this.calls.push(frames);
    return new Promise((resolve) => this.#answers.push(resolve));
  }
  answer(): void {
    this.#answers.shift()?.(new Map());
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const decided = (change: Partial<DecisionRecord>): DecisionRecord => ({ ...decisionOf(), early: false, ...change });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('while the log takes frames and does not answer', () => {
  it('a gate decides at once, in the same turn, as if nothing were wrong, and memory has a bound', async () => {
    const clock = new ManualClock();
    const writer = new SlowWriter();
    const emitter = createEmitter({ writer, clock, emitterId: 'e1', region: 'local', maxRows: 50 });
    const policies = staticPolicies(policiesFrom({ version: 1, policies: [{ name: 'a', limit: 5, window: '1m' }] }));
    const gate = createGate({ policies, store: new MemoryLimitStore({ clock }), events: emitter, clock });
    for (let second = 0; second < 60; second += 1) {
      for (let n = 0; n < 100; n += 1) {
        const clients = [{ kind: 'user' as const, id: `u${(second * 100 + n) % 700}` }];
        expect(gate.check({ clients, method: 'GET', path: '/', route: '/' })).not.toBeInstanceOf(Promise);
      }
      clock.advance(1000);
      await turn();
    }
    expect(writer.calls).toHaveLength(1);
    const { recorded, waiting, sent, lost, folded, coarse } = emitter.stats();
    expect({ recorded, waiting, sent, lost }).toEqual({ recorded: 6000, waiting: 6000, sent: 0, lost: 0 });
    expect(folded).toBeGreaterThan(0);
    expect(coarse).toBeGreaterThan(0);
    const closed = emitter.close(1000);
    clock.advance(1000);
    await closed;
    expect(emitter.stats().lost).toBe(6000);
    await gate.close();
  });

  it('one send is under way, and the next goes out when it has been answered', async () => {
    const clock = new ManualClock();
    const writer = new SlowWriter();
    const emitter = createEmitter({ writer, clock, emitterId: 'e1', region: 'local' });
    for (let send = 0; send < 5; send += 1) {
      emitter.record(decided({ outcome: send % 2 ? 'denied' : 'allowed', timeMs: clock.nowMs() }));
      clock.advance(250);
      await turn();
      expect(writer.calls).toHaveLength(1);
    }
    writer.answer();
    await turn();
    expect(writer.calls).toHaveLength(2);
  });
});
