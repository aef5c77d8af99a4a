import { describe, expect, it } from 'vitest';
import type { BlockEntry } from '../../../src/blocklist/block-feed.ts';
import { type Client, clientOf } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import type { Decision } from '../../../src/decision/decision.ts';
import type { GateOptions, GateRequest } from '../../../src/gate/gate.ts';
import type { LateIdentity } from '../../../src/gate/late-identity.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { entryFor, FakeLookup } from '../../support/fake-lookup.ts';
import { recordingGate } from '../../support/recording-gate.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const perClient = '{name: per-client, limit: 1000, window: 1m}';
const ip = clientOf('ip', '203.0.113.9');
const user = clientOf('user', 'ann');
/** Where a ManualClock starts. */
const nowMs = 1_750_000_000_000;

const limitOf = (limit: number, windowMs = 60_000): BlockEntry['action'] => ({ kind: 'limit', limit, windowMs });

const setUp = (entries: readonly BlockEntry[], options: Partial<GateOptions> = {}) => {
  const blockList = new FakeLookup(entries);
  const clock = new ManualClock();
  const store = new MemoryLimitStore({ clock });
  const calls = { spends: 0 };
  const counted = {
    immediate: true,
    spend: (...spends: Parameters<typeof store.spend>) => {
      calls.spends += 1;
      return store.spend(...spends);
    },
    giveBack: (...returns: Parameters<typeof store.giveBack>) => store.giveBack(...returns),
    close: () => store.close(),
  };
  const recording = recordingGate(perClient, { blockList, clock, store: counted, ...options });
  const check = (clients: readonly Client[] = [user, ip], change: Partial<GateRequest> = {}): Decision => {
    const decision = recording.gate.check({ clients, method: 'GET', path: '/', ...change });
    if (decision instanceof Promise) throw new Error('nothing has to be waited for');
    return decision;
  };
  return { ...recording, clock, blockList, calls, check };
};

describe('a request that several entries hit', () => {
  it('is refused by the one that refuses longest, so that Retry-After is true', () => {
    const { check } = setUp([
      entryFor('user:ann', { blockId: 'short', expiresAtMs: nowMs + 1000 }),
      entryFor('ip:203.0.113.9', { blockId: 'long', expiresAtMs: nowMs + 60_000 }),
    ]);
    expect(check()).toMatchObject({ outcome: 'blocked', blockId: 'long', client: ip, retryAfterMs: 60_000 });
  });

  it('is refused by the most specific of two that end together', () => {
    const until = { expiresAtMs: nowMs + 1000 };
    const { check } = setUp([
      entryFor('user:ann', { blockId: 'first', ...until }),
      entryFor('ip:203.0.113.9', { blockId: 'second', ...until }),
    ]);
    expect(check()).toMatchObject({ blockId: 'first', client: user });
  });

  it('is refused where one refuses and another lets some through, which then counts nothing', () => {
    const { check, blockList } = setUp([
      entryFor('user:ann', { action: limitOf(1) }),
      entryFor('ip:203.0.113.9', { blockId: 'refusing' }),
    ]);
    for (let n = 0; n < 3; n += 1) expect(check()).toMatchObject({ outcome: 'blocked', blockId: 'refusing' });
    blockList.entries.delete('ip:203.0.113.9');
    expect([check().outcome, check().outcome]).toEqual(['allowed', 'blocked']);
    blockList.entries.set('ip:203.0.113.9', entryFor('ip:203.0.113.9', { blockId: 'refusing' }));
    expect(check()).toMatchObject({ blockId: 'refusing' });
  });

  it('counts at each that lets some through, or at none', () => {
    const { check } = setUp([
      entryFor('user:ann', { blockId: 'wide', action: limitOf(2) }),
      entryFor('ip:203.0.113.9', { blockId: 'narrow', action: limitOf(1) }),
    ]);
    expect(check().outcome).toBe('allowed');
    for (let n = 0; n < 5; n += 1) expect(check()).toMatchObject({ outcome: 'blocked', blockId: 'narrow' });
    // What the narrow one refused has left the wide one alone.
    expect([check([user]).outcome, check([user]).outcome]).toEqual(['allowed', 'blocked']);
  });

  it('counts once where several of its identities are hit by the same entry', () => {
    const shared = entryFor('network:203.0.113.0/24', { action: limitOf(2) });
    const { check } = setUp([], { blockList: { find: () => shared } });
    expect([check(), check(), check()].map(({ outcome }) => outcome)).toEqual(['allowed', 'allowed', 'blocked']);
  });
});

describe('an entry that lets some requests through', () => {
  it('is counted in this process, and its requests go on to the policies as if it were not there', () => {
    const { check, calls, blockList, gate } = setUp([entryFor('ip:203.0.113.9', { action: limitOf(3) })]);
    const decisions = Array.from({ length: 10 }, () => check([ip]));
    expect(decisions.slice(0, 3)).toMatchObject(
      Array(3).fill({ outcome: 'allowed', source: 'store', deciding: { policy: 'per-client' } }),
    );
    expect(decisions.slice(3)).toMatchObject(
      Array(7).fill({ outcome: 'blocked', source: 'block-list', blockId: 'b1' }),
    );
    expect(calls.spends).toBe(3);
    expect(blockList.told).toHaveLength(7);
    expect(gate.stats()).toMatchObject({ allowed: 3, blocked: 7, limitedEntries: 1, forgottenEntries: 0 });
  });

  it('lets the next one through after Retry-After', () => {
    const { check, clock } = setUp([entryFor('ip:203.0.113.9', { action: limitOf(1) })]);
    check([ip]);
    const refused = check([ip]);
    const waitMs = refused.outcome === 'blocked' ? refused.retryAfterMs : 0;
    clock.advance(waitMs - 1);
    expect(check([ip]).outcome).toBe('blocked');
    clock.advance(1);
    expect(check([ip]).outcome).toBe('allowed');
  });

  it('names the end of its block where that comes first', () => {
    const { check } = setUp([entryFor('ip:203.0.113.9', { action: limitOf(1), expiresAtMs: nowMs + 5000 })]);
    check([ip]);
    expect(check([ip])).toMatchObject({ retryAfterMs: 5000 });
  });

  it('of 0 refuses until its block ends; one out of reach refuses nobody', () => {
    const { check } = setUp([
      entryFor('user:none', { action: limitOf(0), expiresAtMs: nowMs + 5000 }),
      entryFor('user:all', { action: limitOf(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) }),
    ]);
    expect(check([clientOf('user', 'none')])).toMatchObject({ outcome: 'blocked', retryAfterMs: 5000 });
    for (let n = 0; n < 100; n += 1) expect(check([clientOf('user', 'all')]).outcome).toBe('allowed');
  });

  it('is shared by all live gates: together they let through no more than the limit and one less than there are gates', () => {
    const clock = new ManualClock();
    const gates = [0, 1, 2].map(() =>
      setUp([entryFor('ip:203.0.113.9', { action: limitOf(10) })], { clock, liveGates: () => 3 }),
    );
    let passed = 0;
    for (let n = 0; n < 60; n += 1) if (gates[n % 3]?.check([ip]).outcome === 'allowed') passed += 1;
    expect(passed).toBe(12);
  });

  it('counts a request once that is asked about by its address first and then by who sends it', () => {
    const { gate, blockList } = setUp([entryFor('ip:203.0.113.9', { action: limitOf(3) })]);
    const identify = (): LateIdentity => ({ clients: [user, ip] });
    const check = () => gate.check({ clients: [ip], method: 'GET', path: '/', identify });
    expect([check(), check(), check(), check()]).toMatchObject([
      { outcome: 'allowed', client: user },
      { outcome: 'allowed' },
      { outcome: 'allowed' },
      { outcome: 'blocked', client: ip },
    ]);
    // Who was not known at first counts then.
    blockList.entries.set('user:ann', entryFor('user:ann', { blockId: 'b2', action: limitOf(1) }));
    blockList.entries.set('ip:203.0.113.9', entryFor('ip:203.0.113.9', { action: limitOf(30) }));
    expect([check(), check()]).toMatchObject([{ outcome: 'allowed' }, { outcome: 'blocked', blockId: 'b2' }]);
  });

  it('counts requests whose sender nobody can name: looking is what costs', () => {
    const { gate } = setUp([entryFor('ip:203.0.113.9', { action: limitOf(2) })]);
    const identify = (): LateIdentity => {
      throw new Error('bad signature');
    };
    const check = () => gate.check({ clients: [ip], method: 'GET', path: '/', identify });
    expect(check).toThrow('bad signature');
    expect(check).toThrow('bad signature');
    expect(check()).toMatchObject({ outcome: 'blocked' });
  });
});

describe('an entry of one tenant', () => {
  it('holds in that tenant alone, also where the tenant is found out late', () => {
    const { gate, check } = setUp([entryFor('acme/user:ann')]);
    expect(check([user], { tenant: 'acme' }).outcome).toBe('blocked');
    expect(check([user], { tenant: 'globex' }).outcome).toBe('allowed');
    expect(check([user]).outcome).toBe('allowed');
    const identify = (): LateIdentity => ({ clients: [user], tenant: 'acme' });
    expect(gate.check({ clients: [ip], method: 'GET', path: '/', identify })).toMatchObject({ outcome: 'blocked' });
  });
});

describe('what an operator has switched off', () => {
  it('blocks: the list is not asked, and nobody is refused by it', () => {
    const { check, blockList } = setUp([entryFor('user:ann')]);
    blockList.off.add('blocks');
    expect(check()).toMatchObject({ outcome: 'allowed', source: 'store' });
    expect(blockList.asked).toEqual([]);
    blockList.off.clear();
    expect(check().outcome).toBe('blocked');
  });

  it('limits: every request that is not blocked is let through, the store is not asked, and it is counted', () => {
    const { check, blockList, calls, gate } = setUp([entryFor('user:eve')]);
    blockList.off.add('limits');
    expect(check()).toMatchObject({
      outcome: 'allowed',
      source: 'switched-off',
      deciding: null,
      limits: [],
      degraded: null,
    });
    expect(check([clientOf('user', 'eve')]).outcome).toBe('blocked');
    expect(calls.spends).toBe(0);
    expect(gate.stats()).toMatchObject({ allowed: 1, blocked: 1, switchedOff: 1, degraded: 0, storeCommandsSaved: 0 });
  });

  it('limits by address, too, before anybody is looked up', () => {
    const { gate, blockList, calls } = setUp([], {});
    blockList.off.add('limits');
    const identify = (): LateIdentity => ({ clients: [user] });
    expect(gate.check({ clients: [ip], method: 'GET', path: '/', identify, address: ip.id })).toMatchObject({
      outcome: 'allowed',
      source: 'switched-off',
      client: user,
    });
    expect(calls.spends).toBe(0);
  });
});

describe('a block list that does not keep its contract', () => {
  const broken = (): never => {
    throw new Error('corrupt page');
  };

  it('is passed over when it throws, which is counted and told once', () => {
    const logger = recordingLogger();
    const { check, gate } = setUp([], { blockList: { find: broken, isOff: broken }, logger });
    for (let n = 0; n < 5; n += 1) expect(check()).toMatchObject({ outcome: 'allowed', source: 'store' });
    expect(gate.stats().blockListFailures).toBeGreaterThanOrEqual(5);
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('still refuses by what else it finds', () => {
    const find = ({ kind }: Client) => (kind === 'user' ? broken() : entryFor('ip:203.0.113.9'));
    const { check } = setUp([], { blockList: { find, refused: broken }, logger: recordingLogger() });
    expect(check()).toMatchObject({ outcome: 'blocked', client: ip });
  });

  it('refuses nobody by an entry that has ended, or that never says when it ends', () => {
    const { check } = setUp([
      entryFor('user:ann', { expiresAtMs: nowMs }),
      entryFor('ip:203.0.113.9', { expiresAtMs: Number.NaN }),
    ]);
    expect(check().outcome).toBe('allowed');
  });

  it('takes what it finds without an action for a refusal, and nothing for nobody', () => {
    const { action: _, ...older } = entryFor('user:ann');
    const find = ({ kind }: Client) => (kind === 'user' ? older : undefined);
    const { check } = setUp([], { blockList: { find: find as never } });
    expect(check().outcome).toBe('blocked');
    expect(check([ip]).outcome).toBe('allowed');
  });
});

describe('requests that are made to be hard', () => {
  it('may have a hundred identities: each is asked about, and the last one is refused', () => {
    const clients = Array.from({ length: 100 }, (_, n) => clientOf('user', `u${n}`));
    const { check, blockList } = setUp([entryFor('user:u99')]);
    expect(check(clients)).toMatchObject({ outcome: 'blocked', client: { id: 'u99' } });
    expect(blockList.asked).toHaveLength(100);
  });

  it.each(['a/b:c', '%2f', 'ip:203.0.113.9', '~list:bad', '__proto__', '\u0000', '😀', 'x'.repeat(5000)])(
    'may have ids of odd characters, which hit their own entry and no other: %j',
    (id) => {
      const odd = clientOf('user', id);
      const { check } = setUp([entryFor(`user:${odd.id}`, { blockId: 'odd', action: limitOf(1) })]);
      expect([check([odd]), check([odd])]).toMatchObject([{ outcome: 'allowed' }, { blockId: 'odd' }]);
      expect(check([ip]).outcome).toBe('allowed');
    },
  );
});
