import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { TidegateError } from '../../../src/errors.ts';
import { createGate } from '../../../src/gate/gate.ts';
import type { LimitStore } from '../../../src/limiter/limit-store.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { definePolicies } from '../../../src/policy/static-source.ts';

type Mood = 'writable' | 'read-only' | 'gone';

/** A server as a gate sees it: it answers later, and not always. */
const serverOf = (clock: ManualClock) => {
  const counters = new MemoryLimitStore({ clock });
  const state: { mood: Mood; calls: number; returned: number } = { mood: 'writable', calls: 0, returned: 0 };
  const store: LimitStore = {
    immediate: false,
    spend: async (spends) => {
      state.calls += 1;
      if (state.mood === 'gone') throw new TidegateError('STORE_FAILED', 'gone', { retryable: true });
      const writes = spends.flat().some(({ cost }) => cost > 0);
      if (state.mood === 'read-only' && writes) throw new TidegateError('STORE_READ_ONLY', 'READONLY');
      return counters.spend(spends);
    },
    giveBack: (returns) => {
      state.returned += returns.length;
      counters.giveBack(returns);
    },
    close: () => Promise.resolve(),
  };
  return { state, store };
};

const setUp = (onStoreFailure: 'local' | 'deny' = 'local') => {
  const clock = new ManualClock();
  const [primary, secondary] = [serverOf(clock), serverOf(clock)];
  const gate = createGate({
    policies: definePolicies([{ name: 'per-client', limit: 60, window: '1h', burst: 8, onStoreFailure }]),
    store: primary.store,
    secondary: secondary.store,
    clock,
    random: () => 0,
    liveGates: () => 2,
  });
  const check = async (id = 'ann') => gate.check({ clients: [{ kind: 'key', id }], method: 'GET', path: '/' });
  const breakPrimary = async (mood: Mood) => {
    primary.state.mood = mood;
    const reasons: unknown[] = [];
    for (let time = 0; time < 3; time += 1) reasons.push((await check('other')).degraded);
    return reasons;
  };
  return { clock, primary: primary.state, secondary: secondary.state, gate, check, breakPrimary };
};

describe('a gate with a secondary store', () => {
  it('does not ask it while the primary is there, nor before the primary is left alone', async () => {
    const { check, secondary, breakPrimary } = setUp();
    await check();
    await breakPrimary('gone');
    expect(secondary.calls).toBe(0);
  });

  it('lets it decide on the whole limit then, says so, and gives refunds back to it', async () => {
    const { check, gate, secondary, breakPrimary } = setUp();
    await breakPrimary('gone');
    const decisions = [];
    for (let time = 0; time < 9; time += 1) decisions.push(await check());
    expect(decisions.map(({ outcome }) => outcome)).toEqual([...Array(8).fill('allowed'), 'denied']);
    expect(new Set(decisions.map(({ source, degraded }) => `${source}/${degraded}`))).toEqual(
      new Set(['fallback/breaker-open']),
    );
    if (decisions[0]) await gate.refund(decisions[0]);
    expect(secondary.returned).toBe(1);
    expect((await check()).outcome).toBe('allowed');
  });

  it('lets it decide where the policy would have refused without a store', async () => {
    const { check, secondary, breakPrimary } = setUp('deny');
    await breakPrimary('gone');
    expect(await check()).toMatchObject({ outcome: 'allowed', source: 'fallback', degraded: 'breaker-open' });
    secondary.mood = 'gone';
    expect(await check()).toMatchObject({ outcome: 'denied', source: 'fail-closed', degraded: 'breaker-open' });
  });

  it('decides by its own share when the secondary may only be read', async () => {
    const { check, secondary, breakPrimary } = setUp();
    secondary.mood = 'read-only';
    await breakPrimary('gone');
    const decisions = [];
    for (let time = 0; time < 6; time += 1) decisions.push(await check());
    expect(decisions.filter(({ outcome }) => outcome === 'allowed')).toHaveLength(4);
    expect(new Set(decisions.map(({ source, degraded }) => `${source}/${degraded}`))).toEqual(
      new Set(['fallback/read-only']),
    );
  });

  it('decides by its own share with the reason of the primary when neither can be asked', async () => {
    const { check, secondary, breakPrimary } = setUp();
    secondary.mood = 'gone';
    expect(await breakPrimary('gone')).toEqual(['error', 'error', 'error']);
    expect(await check()).toMatchObject({ source: 'fallback', degraded: 'breaker-open' });
  });

  it('takes a primary that has been demoted for one that fails, and names the reason', async () => {
    const { check, breakPrimary } = setUp();
    expect(await breakPrimary('read-only')).toEqual(['read-only', 'read-only', 'read-only']);
    expect(await check()).toMatchObject({ source: 'fallback', degraded: 'breaker-open' });
  });

  it('goes back to the primary by itself', async () => {
    const { check, clock, primary, breakPrimary } = setUp();
    await breakPrimary('gone');
    expect((await check()).source).toBe('fallback');
    primary.mood = 'writable';
    clock.advance(500);
    expect(await check()).toMatchObject({ source: 'store', degraded: null });
    expect(await check()).toMatchObject({ source: 'store', degraded: null });
  });
});
