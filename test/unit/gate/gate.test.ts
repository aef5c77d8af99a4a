import { describe, expect, it } from 'vitest';
import { type Client, clientKeyOf } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import type { Decision } from '../../../src/decision/decision.ts';
import { TidegateError } from '../../../src/errors.ts';
import type { DecisionRecord } from '../../../src/event/decision-event.ts';
import { createGate, type GateOptions, type GateRequest } from '../../../src/gate/gate.ts';
import type { LimitReturn, LimitStore, Spend, SpendResult } from '../../../src/limiter/limit-store.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { parsePolicies } from '../../../src/policy/parse.ts';
import type { PolicySet, PolicySource } from '../../../src/policy/policy.ts';
import { entryFor, FakeLookup } from '../../support/fake-lookup.ts';

const ip: Client = { kind: 'ip', id: '192.0.2.1' };
const request = (change: Partial<GateRequest> = {}): GateRequest => ({
  clients: [ip],
  method: 'GET',
  path: '/orders/7?page=2',
  ...change,
});

/** A store that counts its calls and can be slow or broken. */
class TestStore implements LimitStore {
  calls = 0;
  mode: 'ok' | 'hang' | 'fail' = 'ok';
  readonly #inner: MemoryLimitStore;
  constructor(clock: ManualClock) {
    this.#inner = new MemoryLimitStore({ clock });
  }
  /** What needs I/O is asked once per turn. */
  get immediate(): boolean {
    return this.mode === 'ok';
  }
  spend(spends: readonly Spend[]): SpendResult[] | Promise<SpendResult[]> {
    this.calls += 1;
    if (this.mode === 'hang') return new Promise(() => undefined);
    if (this.mode === 'fail') return Promise.reject(new TidegateError('STORE_FAILED', 'gone'));
    return this.#inner.spend(spends);
  }
  giveBack(returns: readonly LimitReturn[]): void {
    this.#inner.giveBack(returns);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const setUp = (policies: string, change: Partial<GateOptions> = {}) => {
  const clock = new ManualClock();
  const store = new TestStore(clock);
  const records: DecisionRecord[] = [];
  let listener: (set: PolicySet) => void = () => undefined;
  const source: PolicySource = {
    current: () => parsePolicies(`version: 1\npolicies: [${policies}]`),
    onChange: (next) => {
      listener = next;
      return () => undefined;
    },
    close: () => undefined,
  };
  const gate = createGate({
    policies: source,
    store,
    clock,
    random: () => 0.5,
    events: { record: (record) => records.push(record) },
    ...change,
  });
  const changePolicies = (text: string): void => listener(parsePolicies(`version: 1\npolicies: [${text}]`));
  /** For stores that answer at once. */
  const check = (fields: Partial<GateRequest> = {}): Decision => {
    const decision = gate.check(request(fields));
    if (decision instanceof Promise) throw new Error('the gate made a promise although no I/O was needed');
    return decision;
  };
  return { clock, store, records, gate, check, changePolicies };
};
const perClient = '{name: per-client, limit: 60, window: 1m, burst: 3}';

describe('the gate', () => {
  it('decides without a promise when no I/O is needed', () => {
    const { check } = setUp(perClient);
    expect(check()).toMatchObject({ outcome: 'allowed', source: 'store', degraded: null });
  });

  it('allows up to the burst, then denies with the time until this request fits', () => {
    const { check } = setUp(perClient);
    const outcomes = Array.from({ length: 4 }, () => check());
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['allowed', 'allowed', 'allowed', 'denied']);
    expect(outcomes[3]).toMatchObject({ retryAfterMs: 1000, deciding: { policy: 'per-client', remaining: 0 } });
  });

  it('leaves one record per decision that names policy, scope, route, remaining and outcome', () => {
    const { records, check } = setUp('{name: a, scope: [client, route], limit: 2, window: 1s, burst: 1}');
    check();
    check();
    expect(records).toHaveLength(2);
    expect(records[1]).toMatchObject({
      client: '192.0.2.1',
      route: 'GET /orders/:id',
      method: 'GET',
      policy: 'a',
      scope: 'client+route',
      limit: 2,
      remaining: 0,
      outcome: 'denied',
      source: 'store',
      degraded: '',
    });
  });

  it('asks the block list first, for every identity, and saves the store a call', () => {
    const blockList = new FakeLookup([entryFor(clientKeyOf(ip), { expiresAtMs: 1_750_000_060_000 })]);
    const { gate, store, records, check } = setUp(perClient, { blockList });
    const decision = check({ clients: [{ kind: 'key', id: 'k' }, ip] });
    expect(decision).toMatchObject({
      outcome: 'blocked',
      source: 'block-list',
      blockId: 'b1',
      client: ip,
      retryAfterMs: 60_000,
    });
    expect(store.calls).toBe(0);
    expect(gate.stats()).toMatchObject({ blocked: 1, storeCommandsSaved: 1 });
    expect(records[0]).toMatchObject({
      outcome: 'blocked',
      policy: 'breadth',
      policyVersion: 'b1',
      clientKind: 'ip',
    });
    expect(blockList.asked).toEqual(['key:k', 'ip:192.0.2.1']);
  });

  it('records shadow policies that would have denied, and enforces none of them', () => {
    const { records, check } = setUp(`${perClient}, {name: next, limit: 1, window: 1m, mode: shadow}`);
    check();
    expect(check()).toMatchObject({ outcome: 'allowed' });
    expect(records.map(({ shadowDenied }) => shadowDenied)).toEqual([[], ['next']]);
  });

  it('follows a change of the policies at once', () => {
    const { gate, changePolicies, check } = setUp(perClient);
    const { policyVersion } = gate.stats();
    changePolicies('{name: tight, limit: 1, window: 1h, burst: 1}');
    check();
    expect(check()).toMatchObject({ outcome: 'denied', deciding: { policy: 'tight' } });
    expect(gate.stats().policyVersion).not.toBe(policyVersion);
  });

  it('allows what no policy is for, without a call to the store', () => {
    const { store, check } = setUp('{name: login, match: {routes: [POST /login]}, limit: 1, window: 1m}');
    expect(check()).toMatchObject({ outcome: 'allowed', deciding: null, limits: [] });
    expect(store.calls).toBe(0);
  });

  it('says how long the longest wait is when several limits deny', () => {
    const { check } = setUp(
      '{name: hour, limit: 1, window: 1h}, {name: day, limit: 1, window: 1d}, {name: minute, limit: 1, window: 1m}',
    );
    check();
    expect(check()).toMatchObject({ outcome: 'denied', retryAfterMs: 86_400_000, deciding: { policy: 'day' } });
  });

  it('tells a never-fitting cost from a wait', () => {
    const { check } = setUp(perClient);
    expect(check({ cost: 4 })).toMatchObject({ outcome: 'denied', retryAfterMs: null });
    expect(check({ cost: 3 })).toMatchObject({ outcome: 'allowed', cost: 3 });
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2e9])(
    'refuses a cost of %s as a mistake of the caller',
    (cost) => {
      const { check } = setUp(perClient);
      expect(() => check({ cost })).toThrowError(expect.objectContaining({ code: 'INPUT_INVALID' }));
    },
  );

  describe('while the store is away', () => {
    const decideAfter = async (
      pending: Decision | Promise<Decision>,
      clock: ManualClock,
      ms: number,
    ): Promise<Decision> => {
      clock.advance(ms);
      return await pending;
    };

    it('decides at the deadline and says that it was degraded', async () => {
      const { gate, store, clock, records } = setUp(perClient);
      store.mode = 'hang';
      const decision = await decideAfter(gate.check(request()), clock, 20);
      expect(decision).toMatchObject({ outcome: 'allowed', source: 'fallback', degraded: 'timeout' });
      expect(records[0]).toMatchObject({ degraded: 'timeout', source: 'fallback' });
      expect(gate.stats().degraded).toBe(1);
    });

    it('stops asking after three failures in a row and tries again a jittered second later', async () => {
      const { gate, store, clock } = setUp(perClient);
      store.mode = 'fail';
      for (let n = 0; n < 3; n += 1) await gate.check(request());
      expect(store.calls).toBe(3);
      expect(await gate.check(request())).toMatchObject({ degraded: 'breaker-open' });
      expect(store.calls).toBe(3);
      store.mode = 'ok';
      clock.advance(750);
      expect(await gate.check(request())).toMatchObject({ source: 'store', degraded: null });
      expect(await gate.check(request())).toMatchObject({ source: 'store' });
    });

    it('enforces this gate’s share of the limit', async () => {
      const { gate, store } = setUp('{name: a, limit: 60, window: 1m, burst: 10}', { liveGates: () => 4 });
      store.mode = 'fail';
      const outcomes: string[] = [];
      for (let n = 0; n < 5; n += 1) outcomes.push((await gate.check(request())).outcome);
      expect(outcomes).toEqual(['allowed', 'allowed', 'allowed', 'denied', 'denied']);
    });

    it.each([
      ['allow', 'allowed', 'fail-open'],
      ['deny', 'denied', 'fail-closed'],
      ['local', 'allowed', 'fallback'],
    ])('%s means %s, source %s', async (mode, outcome, source) => {
      const { gate, store } = setUp(`{name: a, limit: 5, window: 1m, onStoreFailure: ${mode}}`);
      store.mode = 'fail';
      expect(await gate.check(request())).toMatchObject({ outcome, source, degraded: 'error' });
    });
  });

  describe('and clients that were told to wait', () => {
    const denyOnce = () => {
      const context = setUp('{name: a, limit: 6, window: 1m, burst: 1}');
      context.check();
      context.check();
      return context;
    };
    const lastEarly = (records: readonly DecisionRecord[]) => records.at(-1)?.early;

    it('are early when they come back a second after the denial and before the retry time', () => {
      const { clock, records, check } = denyOnce();
      clock.advance(999);
      check();
      expect(lastEarly(records)).toBe(false);
      clock.advance(1);
      check();
      expect(lastEarly(records)).toBe(true);
    });

    it('are not early when they waited', () => {
      const { clock, records, check } = denyOnce();
      clock.advance(10_000);
      expect(check()).toMatchObject({ outcome: 'allowed' });
      expect(lastEarly(records)).toBe(false);
    });

    it('are not judged when nobody tells them', () => {
      const { records, check } = setUp(perClient, { notifiesClients: false });
      check();
      expect(lastEarly(records)).toBeNull();
    });
  });

  it('gives nothing back for what only looks like a decision, and never rejects', async () => {
    const places = '{name: places, algorithm: concurrency, limit: 1, window: 1h}';
    const { check, gate } = setUp(places);
    const decision = check();
    const copies = [Object.create(decision), new Proxy(decision, {}), { ...decision }, structuredClone(decision)];
    for (const forged of [...copies, null, undefined, 'allowed'] as Decision[]) {
      await expect(gate.release(forged)).resolves.toBeUndefined();
      await expect(gate.refund(forged)).resolves.toBeUndefined();
    }
    expect(check()).toMatchObject({ outcome: 'denied' });
    await gate.release(decision);
    expect(check()).toMatchObject({ outcome: 'allowed' });
  });
});
