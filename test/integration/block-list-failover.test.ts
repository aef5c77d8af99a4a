import { afterAll, beforeAll, expect, it } from 'vitest';
import { BlockListReplica } from '../../src/blocklist/replica.ts';
import { systemClock } from '../../src/clock.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { asOperator, until } from '../services/redis-control.ts';
import { describeWith, freshName, type OwnEngine, startRedis } from '../support/engines.ts';

const act = { actor: 'ada', note: '' } as const;
const ip = (last: number) => ({ kind: 'ip', id: `203.0.113.${last}` }) as const;

describeWith('redis', 'a block list whose Redis loses its newest writes', () => {
  let primary: OwnEngine;
  let standby: OwnEngine;
  const connections: RedisConnection[] = [];
  beforeAll(async () => {
    primary = await startRedis();
    // A server waits five seconds by default for further replicas to come along.
    await asOperator(primary.port, (redis) => redis.config('SET', 'repl-diskless-sync-delay', 0));
    standby = await startRedis();
  });
  afterAll(async () => {
    for (const redis of connections) redis.disconnect();
    await Promise.all([primary?.stop(), standby?.stop()]);
  });

  const open = async (url: string, namespace: string): Promise<{ list: RedisBlockList; redis: RedisConnection }> => {
    const redis = await openRedis({ url, mayBeReplica: true });
    connections.push(redis);
    return { redis, list: new RedisBlockList({ redis, namespace }) };
  };
  const block = (list: RedisBlockList, last: number) =>
    list.add({
      subject: ip(last),
      action: { kind: 'refuse' },
      untilMs: systemClock.nowMs() + 600_000,
      ...act,
    });
  const inStep = () =>
    until('the standby is in step', 20_000, () =>
      asOperator(primary.port, async (redis) => {
        const info = await redis.info('replication');
        return info.includes(`offset=${/master_repl_offset:(\d+)/.exec(info)?.[1]},`);
      }),
    );

  it('keeps its epoch when it is given its first replica, and begins one when a replica that lacks writes takes over', async () => {
    const namespace = freshName('failover');
    const { list } = await open(primary.url, namespace);
    await block(list, 1);
    const { epoch } = await list.snapshot();
    await asOperator(standby.port, (redis) => redis.replicaof('127.0.0.1', primary.port));
    await inStep();
    await block(list, 2);
    expect((await list.snapshot()).epoch).toBe(epoch);
    await list.markRelayed({ epoch, sequence: 1 });
    await inStep();

    const feed = { current: list };
    const gate = new BlockListReplica({
      feed: {
        snapshot: (page) => feed.current.snapshot(page),
        changesAfter: (cursor, most) => feed.current.changesAfter(cursor, most),
        noteRefusals: () => Promise.resolve(),
      },
      clock: systemClock,
    });
    // Cut off: of what comes now the standby hears nothing.
    await asOperator(standby.port, (redis) => redis.replicaof('127.0.0.1', 1));
    await block(list, 3);
    await gate.sync();
    expect(gate.find(ip(3), '', systemClock.nowMs())).not.toBeNull();
    const seen = await list.snapshot();
    expect(seen).toMatchObject({ epoch, sequence: 3 });

    await asOperator(standby.port, (redis) => redis.replicaof('NO', 'ONE'));
    const { list: after } = await open(standby.url, namespace);
    feed.current = after;
    // As many changes as before, and other ones: the number alone would look as if nothing had happened.
    await block(after, 4);
    expect(await after.changesAfter(seen, 10)).toEqual({ kind: 'gap' });
    await gate.sync();
    const found = [1, 2, 3, 4].map((last) => gate.find(ip(last), '', systemClock.nowMs()) !== null);
    expect(found).toEqual([true, true, false, true]);
    // What the relay had not told before is told in the new epoch, counted from 1; nothing is skipped in silence.
    const logged = await after.loggedAfter(await after.relayedUpTo(), 10);
    expect(logged).toMatchObject({
      kind: 'changes',
      changes: [
        { sequence: 1, block: { subject: ip(2) } },
        { sequence: 2, block: { subject: ip(4) } },
      ],
    });
    expect(logged.cursor.epoch).not.toBe(epoch);
  });

  it('begins an epoch for everybody when one follower has seen more than there is', async () => {
    const namespace = freshName('backup');
    const { list, redis } = await open(primary.url, namespace);
    const key = `tg1:${namespace}:{bl}:2:list`;
    await block(list, 1);
    const early = await list.snapshot();
    const backup = await redis.dumpBuffer(key);
    for (const last of [2, 3, 4]) await block(list, last);
    const late = await list.snapshot();
    await redis.del(`tg1:${namespace}:{bl}:2:changes`);
    await redis.restore(key, 600_000, backup, 'REPLACE');
    expect(await list.changesAfter(early, 10)).toMatchObject({ kind: 'changes', changes: [] });
    expect(await list.changesAfter(late, 10)).toEqual({ kind: 'gap' });
    expect(await list.changesAfter(early, 10)).toEqual({ kind: 'gap' });
    expect((await list.snapshot()).epoch).not.toBe(early.epoch);
  });

  it('goes by numbers alone where it may not ask the server who it is', async () => {
    const namespace = freshName('mute');
    const rights = ['reset', 'on', '>password', '~*', '+@all', '-info'];
    await asOperator(primary.port, (operator) => operator.call('ACL', 'SETUSER', 'mute', ...rights));
    const { list } = await open(primary.url.replace('://', '://mute:password@'), namespace);
    await block(list, 1);
    const { epoch, sequence } = await list.snapshot();
    await block(list, 2);
    expect(await list.changesAfter({ epoch, sequence }, 10)).toMatchObject({
      kind: 'changes',
      changes: [{ sequence: 2 }],
    });
    expect(await list.changesAfter({ epoch, sequence: 9 }, 10)).toEqual({ kind: 'gap' });
    expect((await list.snapshot()).epoch).not.toBe(epoch);
  });

  it('begins an epoch when the server restarts, and when the list was deleted', async () => {
    const namespace = freshName('restart');
    const { list, redis } = await open(primary.url, namespace);
    await block(list, 1);
    const first = await list.snapshot();
    await redis.del(...(await redis.keys(`tg1:${namespace}:*`)));
    expect(await list.changesAfter(first, 10)).toEqual({ kind: 'gap' });
    await block(list, 2);
    const second = await list.snapshot();
    expect(second.sequence).toBe(1);
    await redis.call('CONFIG', 'SET', 'save', '3600 1');
    await redis.call('SAVE');
    await primary.shutDown();
    await primary.restart();
    await expect
      .poll(() => list.changesAfter(second, 10).catch(() => null), { timeout: 20_000 })
      .toEqual({ kind: 'gap' });
    const third = await list.snapshot();
    expect(third.epoch).not.toBe(second.epoch);
  });
});
