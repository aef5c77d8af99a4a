import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AlertInstance,
  goneAfterMs,
  type Observation,
  returnWithinMs,
  stepInstance,
} from '../../../src/alert/instance.ts';
import { definitionOf, readingOf } from '../../support/alerts.ts';

const stepMs = 15_000;
const startMs = 1_750_000_000_000;
const fires: Observation = { kind: 'reading', reading: readingOf() };
const well: Observation = { kind: 'reading', reading: readingOf({ isFiring: false }) };
const clear: Observation = { kind: 'clear' };
const missing: Observation = { kind: 'missing' };
const unknown: Observation = { kind: 'unknown' };

/** Evaluations one after the other, each told of when it is: everything that was found is told. */
const play = (definition = definitionOf()) => {
  let held: AlertInstance | null = null;
  let atMs = startMs;
  let firings = 0;
  const step = (seen: Observation, more: { elapsedMs?: number; inhibitedBy?: string } = {}): string => {
    const { elapsedMs = stepMs, inhibitedBy = null } = more;
    atMs += elapsedMs;
    const wasFiring = held?.state === 'firing';
    held = stepInstance(held, seen, { definition, atMs, elapsedMs, inhibitedBy });
    if (held?.state === 'firing' && !wasFiring) firings += 1;
    if (held && held.state !== 'pending') {
      held = { ...held, told: { firing: true, resolved: held.state === 'resolved' } };
    }
    return held?.state ?? 'none';
  };
  const times = (count: number, seen: Observation, more = {}): string => {
    let state = 'none';
    for (let n = 0; n < count; n += 1) state = step(seen, more);
    return state;
  };
  return { step, times, held: () => held, firings: () => firings };
};

describe('an alert', () => {
  it('waits until it has held for long enough, and is forgotten when it is over before', () => {
    const { step, times, held } = play();
    expect(times(4, fires)).toBe('pending');
    expect(step(clear)).toBe('none');
    expect(times(4, fires)).toBe('pending');
    expect(step(fires)).toBe('firing');
    expect(held()).toMatchObject({
      heldMs: 60_000,
      firedAtMs: startMs + 10 * stepMs,
      startedAtMs: startMs + 6 * stepMs,
    });
  });

  it('fires at once where nothing has to be waited for', () => {
    expect(play(definitionOf({ forMs: 0 })).step(fires)).toBe('firing');
  });

  it('counts no time that nobody has seen: a hole neither ripens it nor forgets it', () => {
    const { step, times } = play();
    expect(step(fires)).toBe('pending');
    expect(times(100, unknown)).toBe('pending');
    expect(times(3, fires)).toBe('pending');
    expect(step(fires)).toBe('firing');
  });

  it('is over when it was seen to be over for long enough; what lies between starts that anew', () => {
    const { step, times, held } = play();
    times(5, fires);
    expect(times(4, well)).toBe('firing');
    expect(step(fires)).toBe('firing');
    expect(times(4, clear)).toBe('firing');
    expect(step(clear)).toBe('resolved');
    expect(held()?.isGone).toBe(false);
  });

  it.each([
    ['no answer', unknown],
    ['its figures missing', missing],
  ])('is not over by %s for minutes', (_, seen) => {
    const { times } = play();
    times(5, fires);
    expect(times(goneAfterMs / stepMs - 1, seen)).toBe('firing');
  });

  it('does not end by an answer that never comes, and ends as gone when its figures alone stay away', () => {
    const { times, held } = play();
    times(5, fires);
    expect(times(1000, unknown)).toBe('firing');
    expect(times(goneAfterMs / stepMs, missing)).toBe('resolved');
    expect(held()?.isGone).toBe(true);
  });

  it('does not ripen while another alert inhibits it, says which, and goes on afterwards', () => {
    const { step, times, held } = play();
    expect(times(50, fires, { inhibitedBy: 'pipeline-lag' })).toBe('pending');
    expect(held()?.inhibitedBy).toBe('pipeline-lag');
    expect(times(3, fires)).toBe('pending');
    expect(step(fires)).toBe('firing');
    expect(held()?.inhibitedBy).toBeNull();
  });

  it('that comes back soon is another one, with another id, and must stay away for longer to be over', () => {
    const { step, times, held } = play();
    times(5, fires);
    const first = held()?.id;
    times(5, clear);
    expect(times(5, fires)).toBe('firing');
    expect(held()?.id).not.toBe(first);
    expect(times(8, clear)).toBe('firing');
    expect(step(clear)).toBe('resolved');
    times(returnWithinMs / stepMs + 1, clear);
    expect(held()).toBeNull();
  });

  it('whose end nobody was told of goes on when it comes back', () => {
    const definition = definitionOf({ forMs: 0, keepFiringMs: 0 });
    const options = { definition, elapsedMs: stepMs, inhibitedBy: null };
    const first = stepInstance(null, fires, { ...options, atMs: startMs });
    const over = stepInstance(first, clear, { ...options, atMs: startMs + stepMs });
    expect(over?.state).toBe('resolved');
    const back = stepInstance(over, fires, { ...options, atMs: startMs + 2 * stepMs });
    expect(back).toMatchObject({ state: 'firing', id: first?.id, resolvedAtMs: null });
  });

  it('fires at most 32 times a day, whatever the readings do', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), (on, off) => {
        const { times, firings } = play(definitionOf({ forMs: 0, keepFiringMs: 0 }));
        for (let n = 0; n * (on + off) * stepMs < 86_400_000; n += 1) {
          times(on, fires);
          times(off, clear);
        }
        return firings() <= 32;
      }),
      { numRuns: 20 },
    );
  });

  it('takes no number that is none, and labels of a bounded length', () => {
    const reading = readingOf({
      labels: { tenant: 'x'.repeat(5000), ...Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`n${n}`, ''])) },
      value: Number.NaN,
      numbers: { bad: Number.POSITIVE_INFINITY, good: 1 },
    });
    const made = stepInstance(
      null,
      { kind: 'reading', reading },
      {
        ...{ definition: definitionOf(), atMs: startMs, elapsedMs: 0, inhibitedBy: null },
      },
    );
    expect(Object.keys(made?.labels ?? {})).toHaveLength(16);
    expect(JSON.stringify(made).length).toBeLessThan(2000);
    expect(made?.seen).toMatchObject({ value: 0, numbers: { good: 1 } });
  });
});
