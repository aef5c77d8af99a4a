import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { TidegateError } from '../../../src/errors.ts';
import type { DecisionRecord } from '../../../src/event/decision-event.ts';
import { createEmitter, type EmitterOptions } from '../../../src/event/emitter.ts';
import { type FrameWriter, maxFrameBytes, type OutgoingFrame } from '../../../src/event/event-log.ts';
import { decodeFrame, formatFrameHeaders } from '../../../src/event/frame.ts';

const decision = (change: Partial<DecisionRecord> = {}): DecisionRecord => ({
  timeMs: 1_750_000_000_000,
  tenant: 'acme',
  clientKind: 'ip',
  client: '192.0.2.1',
  address: '',
  route: 'GET /orders',
  method: 'GET',
  policy: 'per-client',
  policyVersion: 'abc',
  scope: 'client',
  limit: 60,
  remaining: 7,
  outcome: 'allowed',
  source: 'store',
  degraded: '',
  shadowDenied: [],
  candidateOutcome: '',
  compensated: 0,
  cost: 1,
  latencyUs: 100,
  early: false,
  ...change,
});

/** A log in memory that can be taken away. */
class TestLog implements FrameWriter {
  readonly partitions = 4;
  readonly frames: OutgoingFrame[] = [];
  away = false;
  appends = 0;

  append(frames: readonly OutgoingFrame[]): Promise<ReadonlyMap<number, number>> {
    this.appends += 1;
    if (this.away) return Promise.reject(new TidegateError('LOG_FAILED', 'away', { retryable: true }));
    this.frames.push(...frames);
    return Promise.resolve(new Map(frames.map(({ partition }) => [partition, this.#count(partition)])));
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  events() {
    return this.frames.flatMap(
      ({ headers, body }) => decodeFrame({ headers: formatFrameHeaders(headers), body }).events,
    );
  }
  total(): number {
    return this.events().reduce((sum, { count }) => sum + count, 0);
  }
  #count(partition: number): number {
    return this.frames.filter((frame) => frame.partition === partition).length;
  }
}

const setUp = (change: Partial<EmitterOptions> = {}) => {
  const clock = new ManualClock();
  const log = new TestLog();
  const emitter = createEmitter({ writer: log, clock, emitterId: 'e1', region: 'local', ...change });
  return { clock, log, emitter };
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the emitter', () => {
  it('merges decisions that agree into one event with the right count and the least remaining', async () => {
    const { emitter, log } = setUp();
    for (const remaining of [9, 3, 5]) emitter.record(decision({ remaining }));
    emitter.record(decision({ route: 'GET /search' }));
    await emitter.flush();
    expect(log.events().map(({ route, count, remaining }) => [route, count, remaining])).toEqual([
      ['GET /orders', 3, 3],
      ['GET /search', 1, 7],
    ]);
  });

  it('never merges across an interval, so that no event spans two windows of a detector', async () => {
    const { emitter, log } = setUp();
    emitter.record(decision({ timeMs: 1_750_000_000_249 }));
    emitter.record(decision({ timeMs: 1_750_000_000_250 }));
    await emitter.flush();
    expect(log.events().map(({ count }) => count)).toEqual([1, 1]);
  });

  it('counts early returns, and keeps null where nobody was told', async () => {
    const { emitter, log } = setUp();
    for (const early of [true, false, true]) emitter.record(decision({ outcome: 'denied', early }));
    emitter.record(decision({ outcome: 'denied', early: null }));
    await emitter.flush();
    expect(log.events().map(({ early, count }) => [early, count])).toEqual([
      [2, 3],
      [null, 1],
    ]);
  });

  it('sends denied decisions after 20 ms and allowed ones after 250 ms', async () => {
    const { emitter, log, clock } = setUp();
    emitter.record(decision());
    emitter.record(decision({ outcome: 'denied' }));
    clock.advance(20);
    await turn();
    expect(log.events().map(({ outcome }) => outcome)).toEqual(['denied']);
    clock.advance(230);
    await turn();
    expect(log.events().map(({ outcome }) => outcome)).toEqual(['denied', 'allowed']);
  });

  it('writes one row per decision when asked to', async () => {
    const { emitter, log } = setUp({ mode: 'every' });
    for (let n = 0; n < 5; n += 1) emitter.record(decision());
    await emitter.flush();
    expect(log.events().map(({ count }) => count)).toEqual([1, 1, 1, 1, 1]);
  });

  it('numbers the events of each partition without a gap and says so in the headers', async () => {
    const { emitter, log } = setUp();
    for (let n = 0; n < 400; n += 1) {
      emitter.record(decision({ client: `192.0.${n % 200}.1`, timeMs: 1_750_000_000_000 + n }));
      if (n % 50 === 0) await emitter.flush();
    }
    await emitter.close();
    const next = new Map<number, number>();
    const totals = new Map<number, number>();
    for (const { partition, headers, body } of log.frames) {
      expect(headers.firstSeq).toBe(next.get(partition) ?? 1);
      next.set(partition, headers.firstSeq + headers.rows);
      const { events } = decodeFrame({ headers: formatFrameHeaders(headers), body });
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => headers.firstSeq + index));
      totals.set(partition, (totals.get(partition) ?? 0) + events.reduce((sum, { count }) => sum + count, 0));
      expect(headers.total).toBe(totals.get(partition));
    }
    const closing = log.frames.filter(({ headers }) => headers.last);
    expect(closing.map(({ partition }) => partition).sort()).toEqual([...next.keys()].sort());
  });

  it('cuts frames that would be too large for the log', async () => {
    const { emitter, log } = setUp();
    const route = `GET /${'x'.repeat(3000)}`;
    for (let n = 0; n < 900; n += 1) emitter.record(decision({ route: `${route}${n}` }));
    await emitter.flush();
    expect(log.frames.length).toBeGreaterThan(2);
    for (const { body } of log.frames) expect(body.length).toBeLessThanOrEqual(maxFrameBytes);
    expect(log.total()).toBe(900);
    expect(log.events().map(({ seq }) => seq)).toEqual(Array.from({ length: 900 }, (_, index) => index + 1));
  });

  it('keeps every total while the log is away, in bounded memory, and delivers when it is back', async () => {
    const { emitter, log, clock } = setUp({ maxRows: 100 });
    log.away = true;
    for (let n = 0; n < 5000; n += 1) {
      emitter.record(
        decision({
          client: `c${n}`,
          clientKind: 'user',
          outcome: n % 2 ? 'denied' : 'allowed',
          timeMs: 1_750_000_000_000 + n,
        }),
      );
      if (n % 500 === 0) {
        clock.advance(300);
        await turn();
      }
    }
    expect(emitter.stats()).toMatchObject({ recorded: 5000, sent: 0, waiting: 5000 });
    expect(emitter.stats().failures).toBeGreaterThan(1);
    log.away = false;
    const flushed = emitter.flush();
    for (let wait = 0; wait < 20; wait += 1) {
      clock.advance(5000);
      await turn();
    }
    await flushed;
    expect(log.total()).toBe(5000);
    expect(emitter.stats()).toMatchObject({ recorded: 5000, sent: 5000, waiting: 0, lost: 0 });
    expect(emitter.stats().folded).toBeGreaterThan(0);
    expect(log.events().length).toBeLessThan(1000);
  });

  it('says how long its oldest decision has been waiting: in a buffer, and while the log is away', async () => {
    const { clock, emitter, log } = setUp();
    expect(emitter.stats().oldestWaitMs).toBe(0);
    emitter.record(decision());
    clock.advance(100);
    emitter.record(decision({ outcome: 'denied' }));
    expect(emitter.stats().oldestWaitMs).toBe(100);
    log.away = true;
    clock.advance(150);
    await turn();
    clock.advance(1000);
    await turn();
    emitter.record(decision());
    expect(emitter.stats().oldestWaitMs).toBeGreaterThanOrEqual(1150);
    log.away = false;
    while (emitter.stats().waiting > 1) {
      clock.advance(50);
      await turn();
    }
    expect(emitter.stats().oldestWaitMs).toBeLessThan(1150);
    await emitter.flush();
    expect(emitter.stats().oldestWaitMs).toBe(0);
  });

  it('sends a large buffer in several appends, and goes on where it was when the log goes away between two of them', async () => {
    const { emitter, log, clock } = setUp();
    for (let n = 0; n < 9000; n += 1) emitter.record(decision({ client: `10.${n % 250}.${Math.floor(n / 250)}.1` }));
    const append = log.append.bind(log);
    log.append = (frames) => {
      log.append = append;
      log.away = true;
      log.frames.push(...frames);
      return Promise.resolve(new Map());
    };
    const flushed = emitter.flush();
    for (let wait = 0; wait < 200 && emitter.stats().failures < 2; wait += 1) {
      clock.advance(5000);
      await turn();
    }
    const { sent, waiting } = emitter.stats();
    expect([sent > 0, waiting > 0, sent + waiting]).toEqual([true, true, 9000]);
    // What is decided meanwhile finds a buffer of its own.
    emitter.record(decision());
    log.away = false;
    clock.advance(5000);
    await flushed;
    await emitter.close();
    expect(log.total()).toBe(9001);
    const bytes = log.frames.map(({ body }) => body.length);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(maxFrameBytes);
    for (const partition of [0, 1, 2, 3]) {
      const own = log.events().filter((event) => event.partition === partition);
      expect(own.map(({ seq }) => seq)).toEqual(own.map((_event, index) => index + 1));
    }
  });

  it('sends what waits when it closes, allowed and denied, before it says that it was the last', async () => {
    const { emitter, log } = setUp();
    emitter.record(decision());
    emitter.record(decision({ outcome: 'denied' }));
    await emitter.close();
    expect(log.total()).toBe(2);
    expect(emitter.stats()).toMatchObject({ recorded: 2, sent: 2, waiting: 0, lost: 0 });
    expect(log.frames.map(({ headers }) => headers.last)).toEqual([false, false, true]);
  });

  it('says in the headers of a frame from when to when it goes, though the clock steps back, and how many were denied', async () => {
    const { emitter, log } = setUp({ mode: 'every' });
    const [late, first, last] = [1_750_000_000_100, 1_750_000_000_000, 1_750_000_000_200];
    for (const timeMs of [late, first, last]) emitter.record(decision({ timeMs }));
    emitter.record(decision({ timeMs: late, outcome: 'denied' }));
    await emitter.flush();
    const [allowed, denied] = log.frames.map(({ headers }) => headers);
    expect(allowed).toMatchObject({ minTimeMs: first, maxTimeMs: last, rows: 3, deniedRows: 0 });
    expect(denied).toMatchObject({ minTimeMs: late, maxTimeMs: late, rows: 1, deniedRows: 1 });
  });

  it('gives up at the deadline of close, and counts what is lost', async () => {
    const { emitter, log, clock } = setUp();
    emitter.record(decision());
    log.away = true;
    const closed = emitter.close(1000);
    for (let wait = 0; wait < 5; wait += 1) {
      clock.advance(400);
      await turn();
    }
    await closed;
    expect(emitter.stats()).toMatchObject({ recorded: 1, sent: 0, lost: 1, waiting: 0 });
  });

  it('recorded = sent + waiting + lost at every moment, and all arrives, whatever happens', async () => {
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          act: fc.constant('record' as const),
          client: fc.integer({ min: 0, max: 30 }),
          denied: fc.boolean(),
        }),
      },
      { weight: 2, arbitrary: fc.record({ act: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 600 }) }) },
      { weight: 1, arbitrary: fc.record({ act: fc.constant('away' as const), away: fc.boolean() }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 80 }),
        fc.constantFrom('merged' as const, 'every' as const),
        async (actions, mode) => {
          const { emitter, log, clock } = setUp({ maxRows: 10, mode });
          let recorded = 0;
          for (const step of actions) {
            if (step.act === 'record') {
              recorded += 1;
              emitter.record(
                decision({
                  client: `10.0.${step.client}.1`,
                  outcome: step.denied ? 'denied' : 'allowed',
                  timeMs: clock.nowMs(),
                }),
              );
            } else if (step.act === 'wait') {
              clock.advance(step.ms);
              await turn();
            } else log.away = step.away;
            const { sent, waiting, lost } = emitter.stats();
            expect(sent + waiting + lost).toBe(recorded);
          }
          log.away = false;
          const closed = emitter.close(1_000_000);
          for (let wait = 0; wait < 5; wait += 1) {
            clock.advance(5000);
            await turn();
          }
          await closed;
          expect(log.total()).toBe(recorded);
        },
      ),
      { numRuns: 50 },
    );
  });
});
