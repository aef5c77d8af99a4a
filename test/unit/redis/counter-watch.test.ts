import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import type { CountersLostKind } from '../../../src/limiter/fleet.ts';
import { CounterWatch, type ServerSign } from '../../../src/redis/counter-watch.ts';

const zeros = '0'.repeat(40);
const calm: ServerSign = { beats: 7, runId: 'aa', replicationId: 'bb', previousReplicationId: zeros };

const cases: readonly { what: string; next: Partial<ServerSign>; kind: CountersLostKind | null }[] = [
  { what: 'one beat more', next: { beats: 8 }, kind: null },
  { what: 'two beats more: one whose answer was late had been counted', next: { beats: 9 }, kind: null },
  { what: 'a beat that is counted twice', next: { beats: 7 }, kind: 'rolled-back' },
  { what: 'an earlier count', next: { beats: 3 }, kind: 'rolled-back' },
  { what: 'a count that starts anew', next: { beats: 1 }, kind: 'flushed' },
  { what: 'an empty server after a restart', next: { beats: 1, runId: 'cc', replicationId: 'dd' }, kind: 'flushed' },
  {
    what: 'a promoted replica that has the last beat',
    next: { beats: 8, runId: 'cc', replicationId: 'dd', previousReplicationId: 'bb' },
    kind: 'failover',
  },
  { what: 'the same data after a restart', next: { beats: 8, runId: 'cc', replicationId: 'dd' }, kind: 'failover' },
  {
    what: 'the same server, which was demoted and promoted again meanwhile',
    next: { beats: 8, replicationId: 'dd', previousReplicationId: 'ee' },
    kind: 'failover',
  },
  { what: 'a first replica: a new history on the same data', next: { beats: 8, replicationId: 'dd' }, kind: null },
  {
    what: 'a server that may not be asked who it is',
    next: { beats: 8, runId: '', replicationId: '', previousReplicationId: '' },
    kind: null,
  },
];

describe('the watch over counters', () => {
  it.each(cases)('takes $what as $kind', ({ next, kind }) => {
    const watch = new CounterWatch({ clock: new ManualClock(), keptMs: 60_000 });
    expect(watch.seen(calm)).toBeNull();
    expect(watch.seen({ ...calm, ...next })?.kind ?? null).toBe(kind);
  });

  it('tells each loss once, and of what it expected', () => {
    const watch = new CounterWatch({ clock: new ManualClock(), keptMs: 60_000 });
    watch.seen(calm);
    expect(watch.seen({ ...calm, beats: 3 })).toEqual({ kind: 'rolled-back', expectedBeats: 7, foundBeats: 3 });
    expect(watch.seen({ ...calm, beats: 4 })).toBeNull();
    expect(watch.seen({ ...calm, beats: 1 })).toEqual({ kind: 'flushed', expectedBeats: 4, foundBeats: 1 });
  });

  it('does not take a count for lost that has expired while the server was away', () => {
    const clock = new ManualClock();
    const watch = new CounterWatch({ clock, keptMs: 60_000 });
    watch.seen(calm);
    clock.advance(60_000);
    expect(watch.seen({ ...calm, beats: 1 })).toBeNull();
    clock.advance(59_999);
    expect(watch.seen({ ...calm, beats: 1 })?.kind).toBe('flushed');
  });
});
