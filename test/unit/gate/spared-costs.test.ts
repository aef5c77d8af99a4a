import { describe, expect, it } from 'vitest';
import { clientOf } from '../../../src/client.ts';
import type { Decision } from '../../../src/decision/decision.ts';
import type { GateRequest } from '../../../src/gate/gate.ts';
import type { LimitStore, Spend } from '../../../src/limiter/limit-store.ts';
import { entryFor, FakeLookup } from '../../support/fake-lookup.ts';
import { recordingGate } from '../../support/recording-gate.ts';

const ann = clientOf('user', 'ann');
const perClient = '{name: per-client, limit: 60, window: 1m}';
const logins = '{name: logins, match: {routes: [POST /login]}, scope: [route], limit: 5, window: 1m}';

/** A store that never answers and says what asking would cost: a command for each limit, and ten bytes. */
class PricedStore implements LimitStore {
  readonly immediate = false;
  readonly priced: Spend[] = [];
  fails = false;
  costOf = (spend: Spend) => {
    this.priced.push(spend);
    return { commands: spend.length, bytes: 10 * spend.length };
  };
  spend(): Promise<never> {
    return this.fails ? Promise.reject(new Error('gone')) : new Promise(() => undefined);
  }
  giveBack(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const setUp = (policies: string) => {
  const blockList = new FakeLookup([entryFor('user:ann')]);
  const store = new PricedStore();
  const { gate } = recordingGate(policies, { store, blockList });
  const decide = async (change: Partial<GateRequest> = {}) =>
    await gate.check({ clients: [ann], method: 'GET', path: '/orders/7', ...change });
  const check = (change: Partial<GateRequest> = {}): void => void decide(change);
  return { gate, blockList, store, check, decide };
};

describe('what a refusal spared the store', () => {
  it('is what the policies that match the request would have asked, told of its block and counted in all', () => {
    const { check, blockList, gate } = setUp(`${perClient}, ${logins}`);
    check();
    check({ method: 'POST', path: '/login' });
    expect(blockList.told).toEqual([
      { blockId: 'b1', spared: { commands: 1, bytes: 10 } },
      { blockId: 'b1', spared: { commands: 2, bytes: 20 } },
    ]);
    expect(gate.stats()).toMatchObject({ blocked: 2, storeCommandsSaved: 3, storeBytesSaved: 30 });
  });

  it('is worked out once for each set of policies, however many requests are refused', () => {
    const { check, store } = setUp(`${perClient}, ${logins}`);
    for (let n = 0; n < 1000; n += 1) {
      check({ path: `/orders/${n}` });
      check({ method: 'POST', path: '/login' });
    }
    expect(store.priced.map((spend) => spend.map(({ key }) => key.policy))).toEqual([
      ['per-client'],
      ['per-client', 'logins'],
    ]);
  });

  it('stays bounded where a policy is the first of more sets than are remembered', () => {
    const routes = Array.from(
      { length: 40 },
      (_, n) => `{name: r${n}, match: {routes: [GET /r${n}]}, limit: 5, window: 1m}`,
    );
    const { check, gate, store } = setUp([perClient, ...routes].join(', '));
    for (let round = 0; round < 3; round += 1) for (let n = 0; n < 40; n += 1) check({ path: `/r${n}` });
    expect(gate.stats()).toMatchObject({ blocked: 120, storeCommandsSaved: 240, storeBytesSaved: 2400 });
    expect(store.priced).toHaveLength(120);
  });

  it('is nothing where no policy matches, where limits are switched off, and while the store is left alone', async () => {
    const nowhere = setUp(logins);
    nowhere.check();
    expect(nowhere.blockList.told).toEqual([{ blockId: 'b1', spared: { commands: 0, bytes: 0 } }]);

    const off = setUp(perClient);
    off.blockList.off.add('limits');
    off.check();
    expect(off.blockList.told).toEqual([{ blockId: 'b1', spared: { commands: 0, bytes: 0 } }]);

    const alone = setUp(perClient);
    alone.store.fails = true;
    for (let n = 0; n < 3; n += 1) await alone.decide({ clients: [clientOf('user', 'bob')] });
    expect(alone.gate.stats().storeOpen).toBe(true);
    alone.check();
    expect(alone.blockList.told).toEqual([{ blockId: 'b1', spared: { commands: 0, bytes: 0 } }]);
  });

  it('is one call and no bytes of a store that sends nothing', () => {
    const blockList = new FakeLookup([entryFor('user:ann')]);
    const { gate } = recordingGate(perClient, { blockList });
    const decision = gate.check({ clients: [ann], method: 'GET', path: '/' }) as Decision;
    expect(decision.outcome).toBe('blocked');
    expect(blockList.told).toEqual([{ blockId: 'b1', spared: { commands: 1, bytes: 0 } }]);
  });
});
