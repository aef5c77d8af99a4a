import { describe, expect, it } from 'vitest';
import { type AlertStore, type LoadedAlerts, noAlerts, type StoredAlerts } from '../../src/alert/alert-store.ts';
import { ManualClock } from '../../src/clock.ts';
import { instanceOf } from '../support/alerts.ts';

/** What every store of alerts has to do. */
export const alertStoreContract = (open: (clock: ManualClock) => AlertStore): void => {
  const stage = () => {
    const clock = new ManualClock();
    return { clock, store: open(clock) };
  };
  const stateOf = (revision: number, more: Partial<StoredAlerts> = {}): StoredAlerts => ({
    revision,
    evaluatedAtMs: 1_750_000_000_000 + revision,
    unanswered: [],
    instances: [],
    ...more,
  });

  const kept = (alerts: StoredAlerts): LoadedAlerts => ({ alerts, unfit: null });

  describe('a store of alerts', () => {
    it('knows nothing at first, and then to the letter what was kept last', async () => {
      const { store } = stage();
      expect(await store.load()).toEqual(kept(noAlerts));
      const hostile = { tenant: '"; DROP TABLE\u2028<b>', empty: '' };
      const next = stateOf(1, {
        unanswered: ['throttle-spike'],
        instances: [instanceOf({ labels: hostile, seen: { value: 0.1, numbers: { denied: 3e9 }, cause: null } })],
      });
      expect(await store.save(next, 0)).toBe(true);
      expect(await store.load()).toEqual(kept(next));
      expect(await store.save(stateOf(2), 1)).toBe(true);
      expect(await store.load()).toEqual(kept(stateOf(2)));
    });

    it('keeps nothing that was concluded from an older state: of two that evaluate one is kept', async () => {
      const { store } = stage();
      await store.save(stateOf(1), 0);
      const [first, second] = await Promise.all([
        store.save(stateOf(2, { evaluatedAtMs: 1 }), 1),
        store.save(stateOf(2, { evaluatedAtMs: 2 }), 1),
      ]);
      expect([first, second].filter(Boolean)).toHaveLength(1);
      expect((await store.load()).alerts.evaluatedAtMs).toBe(first ? 1 : 2);
      expect(await store.save(stateOf(9), 7)).toBe(false);
    });

    it('goes on behind a state that it has lost, when somebody else still knows it', async () => {
      const { store } = stage();
      expect(await store.save(stateOf(42), 0)).toBe(true);
      expect((await store.load()).alerts.revision).toBe(42);
    });

    it('has one leader at a time, whose lead ends by itself or is given up', async () => {
      const { store, clock } = stage();
      expect(await store.lead('one', 1000)).toBe(true);
      expect(await store.lead('two', 1000)).toBe(false);
      clock.advance(900);
      expect(await store.lead('one', 1000)).toBe(true);
      clock.advance(999);
      expect(await store.lead('two', 1000)).toBe(false);
      clock.advance(1);
      expect(await store.lead('two', 1000)).toBe(true);
      await store.release('one');
      expect(await store.lead('one', 1000)).toBe(false);
      await store.release('two');
      expect(await store.lead('one', 1000)).toBe(true);
    });
  });
};
