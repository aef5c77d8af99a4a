import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noAlerts, type StoredAlerts } from '../../src/alert/alert-store.ts';
import { MemoryAlertStore } from '../../src/embedded/memory-alert-store.ts';
import { RedisAlertStore } from '../../src/redis/alert-store.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { instanceOf } from '../support/alerts.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { alertStoreContract } from './alert-store.contract.ts';

describe('in memory', () => {
  alertStoreContract((clock) => new MemoryAlertStore({ clock }));
});

describeWith('redis', 'in Redis', (url) => {
  let redis: RedisConnection;
  beforeAll(async () => {
    redis = await openRedis({ url });
  });
  afterAll(() => redis?.disconnect());

  alertStoreContract(
    (clock) => new RedisAlertStore({ redis, namespace: freshName('alerts'), nowMs: () => clock.nowMs() }),
  );

  it('is in one slot, and every key of it expires', async () => {
    const namespace = freshName('alerts');
    const store = new RedisAlertStore({ redis, namespace });
    await store.lead('one', 1000);
    await store.save({ revision: 1, evaluatedAtMs: 1, unanswered: [], instances: [] }, 0);
    const keys = await redis.keys(`tg1:${namespace}:*`);
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(key).toContain(':{bl}:');
      expect(await redis.pttl(key), key).toBeGreaterThan(0);
    }
  });

  const good: StoredAlerts = { revision: 3, evaluatedAtMs: 1, unanswered: [], instances: [instanceOf()] };
  const goodText = JSON.stringify(good);
  const withInstance = (more: object): string => JSON.stringify({ ...good, instances: [{ ...instanceOf(), ...more }] });
  const stateKey = (): { store: RedisAlertStore; state: string; lead: string } => {
    const namespace = freshName('alerts');
    const prefix = `tg1:${namespace}:{bl}:alerts1:`;
    return { store: new RedisAlertStore({ redis, namespace }), state: `${prefix}state`, lead: `${prefix}lead` };
  };

  it.each([
    ['no JSON', '{"revision":3,'],
    ['nothing', ''],
    ['a number', '3'],
    ['null', 'null'],
    ['a list', '[]'],
    ['JSON of great depth', '['.repeat(1_000_000)],
    ['no instances', '{"revision":3,"evaluatedAtMs":1,"unanswered":[]}'],
    ['instances that are none', goodText.replace('"instances":[', '"instances":["x",')],
    ['another revision', goodText.replace('"revision":3', '"revision":4')],
    ['too many instances', JSON.stringify({ ...good, instances: Array.from({ length: 1001 }, () => instanceOf()) })],
    ['an unknown state', withInstance({ state: 'on fire' })],
    ['an instant that no date tells', withInstance({ firedAtMs: 9e15 })],
    ['labels that are no text', withInstance({ labels: { tenant: { toString: 1 } } })],
    ['numbers that are none', withInstance({ seen: { value: 1, numbers: { denied: '1' }, cause: null } })],
    ['no word of what is told', withInstance({ told: undefined })],
    ['a text of nine megabytes', `${goodText}${' '.repeat(9 * 1024 * 1024)}`],
  ])('says that it cannot read %s, and keeps the next state in its place', async (_, text) => {
    const { store, state } = stateKey();
    await redis.hset(state, { revision: '3', text });
    const { alerts, unfit } = await store.load();
    expect(alerts).toEqual({ ...noAlerts, revision: 3 });
    expect(unfit).toMatchObject({ code: 'INPUT_INVALID' });
    expect(unfit?.message.length).toBeLessThan(300);
    expect(await store.save({ ...good, revision: 4 }, alerts.revision)).toBe(true);
    expect(await store.load()).toEqual({ alerts: { ...good, revision: 4 }, unfit: null });
  });

  it.each(['x', '-1', '03', '1e9', '', '9'.repeat(40), '3 '])(
    'takes the revision "%s" for none, and keeps the next state',
    async (revision) => {
      const { store, state } = stateKey();
      await redis.hset(state, { revision, text: goodText });
      const { alerts, unfit } = await store.load();
      expect([alerts.revision, unfit?.code]).toEqual([0, 'INPUT_INVALID']);
      expect(await store.save(good, 0)).toBe(true);
      expect((await store.load()).alerts).toEqual(good);
    },
  );

  it('has a state and a leader although something of another kind lies there', async () => {
    const { store, state, lead } = stateKey();
    await redis.set(state, 'a string');
    await redis.hset(lead, { a: 'hash' });
    expect((await store.load()).unfit?.code).toBe('INPUT_INVALID');
    expect(await store.save(good, 0)).toBe(true);
    expect((await store.load()).alerts).toEqual(good);
    expect(await store.lead('one', 1000)).toBe(true);
    for (const nonsense of ['', 'one', '99999999999999999 evil', `${'9'.repeat(400)} evil`]) {
      await redis.set(lead, nonsense);
      expect(await store.lead('one', 1000), nonsense).toBe(true);
      expect(await store.lead('two', 1000), nonsense).toBe(false);
    }
  });

  it('reads a state with more in it than it knows', async () => {
    const { store, state } = stateKey();
    await redis.hset(state, { revision: '3', text: JSON.stringify({ ...good, later: { more: 1 } }) });
    expect(await store.load()).toMatchObject({ alerts: good, unfit: null });
  });
});
