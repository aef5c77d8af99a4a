import { describe, expect, it, vi } from 'vitest';
import { clientOf } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import type { Decision } from '../../../src/decision/decision.ts';
import type { GateOptions, GateRequest } from '../../../src/gate/gate.ts';
import type { LateIdentity } from '../../../src/gate/late-identity.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { DistantStore } from '../../support/distant-store.ts';
import { entryFor, FakeLookup } from '../../support/fake-lookup.ts';
import { recordingGate } from '../../support/recording-gate.ts';

const perAddress = '{name: per-address, scope: [address], limit: 3, window: 1h}';
const perClient = '{name: per-client, scope: [client], limit: 1, window: 1h}';
const address = '203.0.113.9';

const gateWith = (policies: string, options: Partial<GateOptions> = {}) => {
  const recording = recordingGate(policies, options);
  const identify = vi.fn((): LateIdentity | Promise<LateIdentity> => ({ clients: [clientOf('user', 'ann')] }));
  const check = (request: Partial<GateRequest> = {}): Decision => {
    const decision = recording.gate.check({
      clients: [clientOf('ip', address)],
      address,
      method: 'GET',
      path: '/',
      identify,
      ...request,
    });
    if (decision instanceof Promise) throw new Error('nothing has to be waited for');
    return decision;
  };
  return { ...recording, identify, check };
};

const remainingOf = ({ limits }: Decision) =>
  Object.fromEntries(limits.map(({ policy, remaining }) => [policy, remaining]));

describe('a request whose sender is found out late', () => {
  it('is one decision on all its limits, at once where nothing has to be waited for, and one event', () => {
    const { check, routes, gate } = gateWith(`${perAddress}, ${perClient}`);
    const decision = check();
    expect(decision).toMatchObject({ outcome: 'allowed', client: { kind: 'user', id: 'ann' } });
    expect(remainingOf(decision)).toEqual({ 'per-address': 2, 'per-client': 0 });
    expect(decision.outcome === 'allowed' && decision.deciding?.policy).toBe('per-client');
    expect(routes).toEqual(['GET / user:ann']);
    expect(gate.stats()).toMatchObject({ decisions: 1, allowed: 1 });
  });

  it('is not looked up once its address has used up its own limit', () => {
    const { check, identify, routes } = gateWith(perAddress);
    identify.mockReturnValue({ clients: [clientOf('ip', address)] });
    const outcomes = Array.from({ length: 1000 }, () => check().outcome);
    expect(outcomes.filter((outcome) => outcome === 'allowed')).toHaveLength(3);
    expect(identify).toHaveBeenCalledTimes(3);
    expect(routes).toHaveLength(1000);
  });

  it('pays for being looked up also where its own limit denies it then, or nobody can say who it is', async () => {
    const { check, identify, gate } = gateWith(`${perAddress}, ${perClient}`);
    expect(check().outcome).toBe('allowed');
    const denied = check();
    expect(denied).toMatchObject({ outcome: 'denied', deciding: { policy: 'per-client' }, client: { id: 'ann' } });
    expect(remainingOf(denied)).toEqual({ 'per-address': 1, 'per-client': 0 });
    identify.mockReturnValue(Promise.reject(new Error('bad signature')));
    await expect(
      gate.check({ clients: [clientOf('ip', address)], address, method: 'GET', path: '/', identify }),
    ).rejects.toThrow('bad signature');
    expect(check()).toMatchObject({ outcome: 'denied', deciding: { policy: 'per-address' }, client: { kind: 'ip' } });
    expect(identify).toHaveBeenCalledTimes(3);
  });

  it('is not looked up while its address is blocked, and is blocked by who it is', () => {
    const blockList = new FakeLookup([entryFor(`ip:${address}`)]);
    const { check, identify } = gateWith(perAddress, { blockList });
    expect(check()).toMatchObject({ outcome: 'blocked', client: { kind: 'ip' } });
    expect(identify).not.toHaveBeenCalled();
    blockList.entries.clear();
    blockList.entries.set('user:ann', entryFor('user:ann'));
    expect(check()).toMatchObject({ outcome: 'blocked', client: { kind: 'user', id: 'ann' } });
  });

  it('gives places by address back where its own limit denies, where it is blocked, and where looking fails', () => {
    const places = '{name: places, scope: [address], algorithm: concurrency, limit: 1, window: 1h}';
    const blockList = new FakeLookup([entryFor('user:eve')]);
    const { check, identify, gate } = gateWith(`${places}, ${perClient}`, { blockList });
    const first = check();
    expect(check()).toMatchObject({ outcome: 'denied', deciding: { policy: 'places' } });
    void gate.release(first);
    for (let n = 0; n < 2; n += 1) expect(check()).toMatchObject({ deciding: { policy: 'per-client' } });
    identify.mockReturnValueOnce({ clients: [clientOf('user', 'eve')] });
    expect(check().outcome).toBe('blocked');
    identify.mockImplementationOnce(() => {
      throw new Error('no sessions');
    });
    expect(() => check()).toThrow('no sessions');
    identify.mockReturnValue({ clients: [clientOf('user', 'bob')] });
    expect([check(), check()]).toMatchObject([{ outcome: 'allowed' }, { deciding: { policy: 'places' } }]);
  });

  it('gives back all it took, of both steps, when it is refunded', async () => {
    const { check, gate } = gateWith(`${perAddress}, ${perClient}`);
    for (let n = 0; n < 5; n += 1) {
      const decision = check();
      expect(remainingOf(decision)).toEqual({ 'per-address': 2, 'per-client': 0 });
      await gate.refund(decision);
    }
  });

  it.each([
    ['goes by the client', '{name: p, scope: [client], limit: 1, window: 1h}'],
    ['goes by the client too', '{name: p, scope: [address, client], limit: 1, window: 1h}'],
    ['is for all, which a denied client must not use up', '{name: p, scope: [], limit: 1, window: 1h}'],
    ['is for a route, likewise', '{name: p, scope: [route], limit: 1, window: 1h}'],
    [
      'is for one kind of client',
      '{name: p, scope: [address], match: {clientKinds: [ip, user]}, limit: 1, window: 1h}',
    ],
    ['is for some plans', '{name: p, scope: [address], match: {plans: [free]}, limit: 1, window: 1h}'],
    ['may have to give way to another', '{name: p, scope: [address], group: g, limit: 1, window: 1h}'],
  ])('is looked up before a policy is asked that %s', (_, policy) => {
    const { check, identify } = gateWith(policy);
    identify.mockReturnValue({ clients: [clientOf('user', 'ann')], plan: 'free' });
    for (let n = 1; n <= 3; n += 1) {
      expect(check().outcome).toBe(n === 1 ? 'allowed' : 'denied');
      expect(identify).toHaveBeenCalledTimes(n);
    }
  });

  it('can be limited by network and service and route as well, before it is looked up', () => {
    const policy = '{name: p, scope: [network, service, route], match: {routes: [GET /login]}, limit: 1, window: 1h}';
    const { check, identify } = gateWith(policy, { service: 'shop' });
    const login = { path: '/login', route: '/login' };
    expect([check(login), check(login), check({ path: '/' })].map(({ outcome }) => outcome)).toEqual([
      'allowed',
      'denied',
      'allowed',
    ]);
    expect(identify).toHaveBeenCalledTimes(2);
  });

  it('is not held against the gate for the time that looking took', async () => {
    const latencies: number[] = [];
    const { gate, clock } = recordingGate(perAddress, {
      events: { record: ({ latencyUs }) => latencies.push(latencyUs) },
    });
    const identify = async () => {
      await clock.sleep(250);
      return { clients: [clientOf('user', 'ann')] };
    };
    const decision = gate.check({ clients: [clientOf('ip', address)], address, method: 'GET', path: '/', identify });
    clock.advance(250);
    await decision;
    expect(latencies).toEqual([0]);
  });

  it('is decided alike over a store that takes time: two calls, of which the latency is told', async () => {
    const clock = new ManualClock();
    const distant = new DistantStore({
      store: new MemoryLimitStore({ clock }),
      clock,
      journey: () => ({ toMs: 2, backMs: 3 }),
    });
    const latencies: number[] = [];
    const { gate } = recordingGate(`${perAddress}, ${perClient}`, {
      store: distant,
      clock,
      events: { record: ({ latencyUs }) => latencies.push(latencyUs) },
    });
    const identify = vi.fn(async (): Promise<LateIdentity> => {
      await clock.sleep(40);
      return { clients: [clientOf('user', `user-${identify.mock.calls.length}`)] };
    });
    const outcomes: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const request = { clients: [clientOf('ip', address)], address, method: 'GET', path: '/', identify };
      const decision = Promise.resolve(gate.check(request)).then(({ outcome }) => outcomes.push(outcome));
      while (outcomes.length === n) {
        await new Promise((resolve) => setImmediate(resolve));
        clock.advance(1);
      }
      await decision;
    }
    expect(outcomes).toEqual(['allowed', 'allowed', 'allowed', 'denied', 'denied']);
    expect(identify).toHaveBeenCalledTimes(3);
    // There and back twice, and what a turn of this test's loop takes; never the time of looking.
    for (const latencyUs of latencies.slice(0, 3)) expect([10_000, 11_000, 12_000]).toContain(latencyUs);
    expect(latencies[3]).toBe(5_000);
  });

  it('is looked up no more often while the store is away: the local share holds there as well', async () => {
    const store = new DistantStore({
      store: new MemoryLimitStore(),
      clock: new ManualClock(),
      journey: () => ({ toMs: 0, backMs: 0 }),
    });
    vi.spyOn(store, 'spend').mockRejectedValue(new Error('gone'));
    const { gate } = recordingGate(perAddress, { store });
    const identify = vi.fn((): LateIdentity => ({ clients: [clientOf('ip', address)] }));
    const request = { clients: [clientOf('ip', address)], address, method: 'GET', path: '/', identify };
    const outcomes = [];
    for (let n = 0; n < 10; n += 1) outcomes.push((await gate.check(request)).outcome);
    expect(outcomes.filter((outcome) => outcome === 'allowed')).toHaveLength(3);
    expect(identify).toHaveBeenCalledTimes(3);
    expect(gate.stats()).toMatchObject({ decisions: 10, degraded: 10, fallback: 10 });
  });
});
