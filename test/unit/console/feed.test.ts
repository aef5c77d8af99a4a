import { describe, expect, it } from 'vitest';
import { Problem } from '../../../src/console/app/problem.ts';
import { createFeed, type LoggedEvent } from '../../../src/console/pages/events/feed.ts';

const event = (sequence: number): LoggedEvent => ({
  cursor: `e.${sequence}`,
  at: '2026-01-01T00:00:00Z',
  kind: 'block',
  blockId: `b-${sequence}`,
  subject: 'ip:203.0.113.7',
  state: 'active',
  rule: 'many-routes',
  expiresAt: '2026-01-01T00:00:00Z',
  actor: 'detector',
  reason: '',
});

/** A log of so many events, of which those before `from` are gone. */
const logOf = (log: { from: number; to: number }) => {
  const asked: string[] = [];
  const rounds: (() => void)[] = [];
  const { feed, watch } = createFeed({
    get: async <T>(path: string) => {
      asked.push(path);
      const after = /after=e\.(\d+)/.exec(path)?.[1];
      const first = after === undefined ? log.from : Number(after) + 1;
      if (first < log.from) throw new Problem(410, { type: 'urn:tidegate:problem:gone', detail: 'gone' });
      const events = Array.from({ length: Math.min(500, log.to - first + 1) }, (_, index) => event(first + index));
      return { events, nextCursor: events.at(-1)?.cursor ?? `e.${first - 1}` } as T;
    },
    after: (_, run) => {
      rounds.push(run);
      return () => void rounds.splice(0);
    },
    isHidden: () => false,
  });
  const settle = async () => {
    for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
  };
  const round = async () => {
    rounds.shift()?.();
    await settle();
  };
  return { feed, watch, asked, round, settle };
};

describe('the feed of events', () => {
  it('is read to its end, page by page, and shows the newest first', async () => {
    const { feed, watch, round, settle } = logOf({ from: 1, to: 1201 });
    watch();
    await settle();
    expect(feed.value).toMatchObject({ read: 500, isCaughtUp: false });
    await round();
    await round();
    expect(feed.value).toMatchObject({ read: 1201, isCaughtUp: true, failure: null });
    expect(feed.value.events[0]?.cursor).toBe('e.1201');
    expect(feed.value.events).toHaveLength(1000);
  });

  it('adds what is new, each once', async () => {
    const log = { from: 1, to: 2 };
    const { feed, watch, round, settle } = logOf(log);
    watch();
    await settle();
    log.to = 3;
    await round();
    await round();
    expect(feed.value.events.map(({ cursor }) => cursor)).toEqual(['e.3', 'e.2', 'e.1']);
  });

  it('begins again where the log has dropped what comes next, and says so', async () => {
    const log = { from: 1, to: 2 };
    const { feed, watch, round, settle } = logOf(log);
    watch();
    await settle();
    Object.assign(log, { from: 10, to: 11 });
    await round();
    await round();
    expect(feed.value.hasGap).toBe(true);
    expect(feed.value.events.map(({ cursor }) => cursor)).toEqual(['e.11', 'e.10']);
  });

  it('stops when nobody looks', async () => {
    const { watch, asked, round, settle } = logOf({ from: 1, to: 2 });
    const leave = watch();
    await settle();
    leave();
    await round();
    expect(asked).toHaveLength(1);
  });
});
