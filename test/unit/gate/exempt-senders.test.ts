import { describe, expect, it, vi } from 'vitest';
import { BlockListReplica } from '../../../src/blocklist/replica.ts';
import { type Client, clientOf } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import type { Decision } from '../../../src/decision/decision.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import type { GateOptions, GateRequest } from '../../../src/gate/gate.ts';
import type { LateIdentity } from '../../../src/gate/late-identity.ts';
import { entryFor, FakeLookup } from '../../support/fake-lookup.ts';
import { recordingGate } from '../../support/recording-gate.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const perClient = '{name: per-client, limit: 1000, window: 1m}';
const key = clientOf('key', 'partner');
const user = clientOf('user', 'ann');
const ip = clientOf('ip', '203.0.113.9');
const addressBlock = entryFor('ip:203.0.113.9');

const setUp = (entries = [addressBlock], options: Partial<GateOptions> = {}, policies = perClient) => {
  const blockList = new FakeLookup(entries);
  const recording = recordingGate(policies, { blockList, ...options });
  const check = (clients: readonly Client[], change: Partial<GateRequest> = {}): Decision => {
    const decision = recording.gate.check({ clients, address: ip.id, method: 'GET', path: '/', ...change });
    if (decision instanceof Promise) throw new Error('nothing has to be waited for');
    return decision;
  };
  return { ...recording, blockList, check };
};

describe('an exempt identity', () => {
  it('is served from a blocked address, and so is the user behind it who is blocked', () => {
    const { check, blockList } = setUp([addressBlock, entryFor('user:ann', { blockId: 'ann' })]);
    blockList.exempt.add('key:partner');
    expect(check([key, user, ip]).outcome).toBe('allowed');
    expect(check([user, ip])).toMatchObject({ outcome: 'blocked', client: user });
    expect(check([ip])).toMatchObject({ outcome: 'blocked', client: ip });
    expect(check([clientOf('key', 'other'), ip])).toMatchObject({ outcome: 'blocked', client: ip });
  });

  it('does not protect a more specific one: a blocked key from an allowed address stays blocked', () => {
    const { check, blockList } = setUp([entryFor('key:partner'), addressBlock]);
    blockList.exempt.add('ip:203.0.113.9').add('user:ann');
    expect(check([key, user, ip])).toMatchObject({ outcome: 'blocked', client: key });
  });

  it('counts at no entry of its address that lets some requests through', () => {
    const few = entryFor('ip:203.0.113.9', { action: { kind: 'limit', limit: 1, windowMs: 60_000 } });
    const { check, blockList } = setUp([few]);
    blockList.exempt.add('key:partner');
    for (let n = 0; n < 3; n += 1) expect(check([key, ip]).outcome).toBe('allowed');
    expect([check([ip]).outcome, check([ip]).outcome]).toEqual(['allowed', 'blocked']);
  });

  it('is asked for only where something is hit behind it, once each', () => {
    const { check, blockList } = setUp([addressBlock, entryFor('user:eve')]);
    check([key, user, clientOf('ip', '203.0.113.10')]);
    check([ip]);
    expect(blockList.askedExempt).toEqual([]);
    check([key, clientOf('user', 'eve'), ip]);
    expect(blockList.askedExempt).toEqual(['key:partner', 'user:eve']);
  });

  it('is nobody for a block list that cannot say, or fails to', () => {
    const find = (client: Client) => (client.kind === 'ip' ? addressBlock : null);
    const failing = () => {
      throw new Error('broken');
    };
    for (const blockList of [{ find }, { find, isExempt: failing, hasExemptSenders: failing }]) {
      const { check, gate } = setUp([], { blockList, logger: recordingLogger() });
      expect(check([key, ip])).toMatchObject({ outcome: 'blocked', client: ip });
      expect(check([ip], { identify: () => ({ clients: [key, ip] }) }).outcome).toBe('blocked');
      expect(gate.stats().blockListFailures).toBe('isExempt' in blockList ? 2 : 0);
    }
  });

  it('is told from others by the replica, by tenant and until it ends', async () => {
    const clock = new ManualClock();
    const list = new MemoryBlockList({ clock });
    const terms = { untilMs: clock.nowMs() + 60_000, actor: 'ada', note: '' };
    const replica = new BlockListReplica({ feed: list, clock });
    await list.add({ subject: { kind: 'network', id: '203.0.113.0/24' }, action: { kind: 'refuse' }, ...terms });
    await list.allow({ subject: { ...ip, id: '198.51.100.1' }, kind: 'allow', ...terms });
    await replica.sync();
    expect(replica.hasExemptSenders()).toBe(false);
    const entry = { kind: 'canary', ...terms, untilMs: clock.nowMs() + 1000 } as const;
    await list.allow({ subject: { ...key, tenant: 'acme' }, ...entry });
    await replica.sync();
    expect(replica.hasExemptSenders()).toBe(true);
    const { check } = setUp([], { blockList: replica, clock });
    expect(check([key, ip], { tenant: 'acme' }).outcome).toBe('allowed');
    expect(check([key, ip], { tenant: 'other' }).outcome).toBe('blocked');
    clock.advance(1001);
    expect(check([key, ip], { tenant: 'acme' }).outcome).toBe('blocked');
    await replica.sync();
    expect(replica.hasExemptSenders()).toBe(false);
  });
});

describe('the sender of a request from a blocked address, who is found out late', () => {
  const late = (clients: readonly Client[]) => vi.fn((): LateIdentity => ({ clients }));

  it('is looked up before the address is refused, where any key or user is exempt, and refused if it is another', () => {
    const { check, blockList } = setUp();
    blockList.exempt.add('key:partner');
    expect(check([ip], { identify: late([key, ip]) }).outcome).toBe('allowed');
    const other = late([clientOf('key', 'other'), ip]);
    expect(check([ip], { identify: other })).toMatchObject({ outcome: 'blocked', client: ip });
    expect(other).toHaveBeenCalledOnce();
  });

  it('is not looked up where only addresses are exempt', () => {
    const { check, blockList } = setUp();
    blockList.exempt.add('ip:198.51.100.1');
    const identify = late([key, ip]);
    expect(check([ip], { identify }).outcome).toBe('blocked');
    expect(identify).not.toHaveBeenCalled();
  });

  it('is not looked up more often than the limit of its address allows', () => {
    const { check, blockList } = setUp(
      [addressBlock],
      {},
      '{name: per-address, scope: [address], limit: 3, window: 1h}',
    );
    blockList.exempt.add('key:partner');
    const identify = late([clientOf('key', 'other'), ip]);
    const outcomes = Array.from({ length: 100 }, () => check([ip], { identify }).outcome);
    expect(outcomes.slice(0, 4)).toEqual(['blocked', 'blocked', 'blocked', 'denied']);
    expect(identify).toHaveBeenCalledTimes(3);
  });

  it('does not shake the block of its address off by an identity that leaves the address out', () => {
    const { check, blockList } = setUp();
    blockList.exempt.add('key:partner');
    expect(check([ip], { identify: late([clientOf('key', 'other')]) })).toMatchObject({
      outcome: 'blocked',
      client: ip,
    });
    expect(check([ip], { identify: late([key]) }).outcome).toBe('allowed');
  });

  it('counts once at an entry of its address that lets some requests through', () => {
    const few = entryFor('ip:203.0.113.9', { action: { kind: 'limit', limit: 2, windowMs: 60_000 } });
    const { check, blockList } = setUp([few]);
    blockList.exempt.add('key:partner');
    const outcomes = [0, 1, 2].map(() => check([ip], { identify: late([user, ip]) }).outcome);
    expect(outcomes).toEqual(['allowed', 'allowed', 'blocked']);
    expect(check([ip], { identify: late([key, ip]) }).outcome).toBe('allowed');
  });

  it('is not looked up where a key that it was known by before is blocked', () => {
    const { check, blockList } = setUp([entryFor('key:stolen')]);
    blockList.exempt.add('key:partner');
    const identify = late([key, ip]);
    expect(check([clientOf('key', 'stolen'), ip], { identify }).outcome).toBe('blocked');
    expect(identify).not.toHaveBeenCalled();
  });
});
