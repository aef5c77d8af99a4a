import { describe, expect, it } from 'vitest';
import type { Notice } from '../../src/alert/notice.ts';
import { type Outbox, outboxBounds } from '../../src/alert/outbox.ts';
import { ManualClock } from '../../src/clock.ts';

/** What every outbox has to do. */
export const outboxContract = (open: (clock: ManualClock) => Outbox): void => {
  const stage = () => {
    const clock = new ManualClock();
    const noticeOf = (id: string, data: object = {}): Notice => ({
      kind: 'block.proposed',
      id,
      at: new Date(clock.nowMs()).toISOString(),
      data: { ...data },
    });
    return { clock, outbox: open(clock), noticeOf };
  };
  const idsIn = async (outbox: Outbox, endpoint: string): Promise<string[]> =>
    (await outbox.due(endpoint, 2000)).map(({ notice }) => notice.id);

  describe('an outbox', () => {
    it('takes each notice once, in order, whatever it holds', async () => {
      const { outbox, noticeOf } = stage();
      const first = noticeOf('a', { note: '"\u2028<ü>', none: null, list: [], deep: { of: [1] } });
      expect(await outbox.put([first, noticeOf('b'), noticeOf('a')])).toBe(2);
      expect(await outbox.put([noticeOf('b'), noticeOf('c')])).toBe(1);
      expect((await outbox.inbox(10)).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
      expect(await outbox.inbox(1)).toEqual([first]);
      expect(await outbox.put([])).toBe(0);
    });

    it('hands a notice out to each endpoint, once, and takes the same one in no more for a week', async () => {
      const { outbox, noticeOf, clock } = stage();
      const notice = noticeOf('a');
      await outbox.put([notice]);
      await outbox.handOut('a', ['x', 'y']);
      await outbox.handOut('a', ['x', 'z']);
      expect(await outbox.inbox(10)).toEqual([]);
      expect(await outbox.due('x', 10)).toEqual([{ notice, failures: 0 }]);
      expect(await idsIn(outbox, 'y')).toEqual(['a']);
      expect(await idsIn(outbox, 'z')).toEqual([]);
      await outbox.remove('x', 'a');
      expect(await idsIn(outbox, 'x')).toEqual([]);
      expect(await idsIn(outbox, 'y')).toEqual(['a']);
      expect(await outbox.put([notice])).toBe(0);
      clock.advance(outboxBounds.seenMs);
      expect(await outbox.put([notice])).toBe(1);
    });

    it('leaves alone what nobody is told', async () => {
      const { outbox, noticeOf } = stage();
      await outbox.put([noticeOf('a')]);
      await outbox.handOut('a', []);
      expect(await outbox.inbox(10)).toEqual([]);
      expect(await outbox.figures()).toEqual({ waiting: 0, dropped: 0 });
    });

    it('tells again what failed when its time has come, and counts how often', async () => {
      const { outbox, noticeOf, clock } = stage();
      await outbox.put([noticeOf('a'), noticeOf('b')]);
      await outbox.handOut('a', ['x']);
      clock.advance(1);
      await outbox.handOut('b', ['x']);
      await outbox.postpone('x', 'a', clock.nowMs() + 5000);
      expect(await idsIn(outbox, 'x')).toEqual(['b']);
      clock.advance(5000);
      expect((await outbox.due('x', 10)).map(({ notice, failures }) => [notice.id, failures])).toEqual([
        ['b', 0],
        ['a', 1],
      ]);
      await outbox.postpone('x', 'gone', clock.nowMs());
      expect(await idsIn(outbox, 'x')).toEqual(['b', 'a']);
      expect(await outbox.due('x', 1)).toHaveLength(1);
    });

    it('drops the oldest where there is no room, in the inbox and for an endpoint, and counts them', async () => {
      const { outbox, noticeOf, clock } = stage();
      const { inbox, perEndpoint } = outboxBounds;
      await outbox.put(Array.from({ length: inbox + 3 }, (_, n) => noticeOf(`n${n}`)));
      const waiting = await outbox.inbox(inbox + 3);
      expect(waiting).toHaveLength(inbox);
      expect(waiting[0]?.id).toBe('n3');
      expect((await outbox.figures()).dropped).toBe(3);
      for (const { id } of waiting) await outbox.handOut(id, ['x']);
      clock.advance(1);
      await outbox.put([noticeOf('last')]);
      await outbox.handOut('last', ['x']);
      const queued = await idsIn(outbox, 'x');
      expect(queued).toHaveLength(perEndpoint);
      expect(queued.at(-1)).toBe('last');
      expect(await outbox.figures()).toEqual({ waiting: perEndpoint, dropped: 4 });
    });

    it('remembers who wants nothing any more', async () => {
      const { outbox } = stage();
      await outbox.disable('x');
      await outbox.disable('x');
      expect(await outbox.disabled()).toEqual(new Set(['x']));
      expect(await outbox.enable('x')).toBe(true);
      expect(await outbox.enable('x')).toBe(false);
      expect(await outbox.disabled()).toEqual(new Set());
    });

    it('has one leader at a time, whose lead ends by itself', async () => {
      const { outbox, clock } = stage();
      expect(await outbox.lead('one', 1000)).toBe(true);
      expect(await outbox.lead('two', 1000)).toBe(false);
      clock.advance(900);
      expect(await outbox.lead('one', 1000)).toBe(true);
      clock.advance(999);
      expect(await outbox.lead('two', 1000)).toBe(false);
      clock.advance(1);
      expect(await outbox.lead('two', 1000)).toBe(true);
      expect(await outbox.lead('one', 1000)).toBe(false);
    });

    it('remembers up to where the changes were looked through', async () => {
      const { outbox } = stage();
      expect(await outbox.cursor()).toBeNull();
      await outbox.markCursor({ epoch: 'e-1', sequence: 12 });
      expect(await outbox.cursor()).toEqual({ epoch: 'e-1', sequence: 12 });
    });
  });
};
