import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blocksCommand } from '../../src/cli/blocks/blocks-command.ts';
import { type Counters, openCounters } from '../../src/cli/engines.ts';
import { type BlockSubject, subjectKeyOf } from '../../src/client.ts';
import { ManualClock, systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { longShards, shardOf, storedOf } from '../../src/redis/block-subject.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { stableHash } from '../../src/stable-hash.ts';
import { runCommand } from '../support/command-run.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { promotionOf } from '../support/promotions.ts';

describeWith('redis', 'ids that are chosen to fool who reads them', (url) => {
  const namespace = freshName('hostile');
  let counters: Counters;
  let redis: RedisConnection;
  const where = ['--redis-url', url, '--namespace', namespace, '--log-level', 'silent'];
  const blocks = (...args: string[]) => runCommand(blocksCommand, [...args, ...where]);
  const block = (subject: BlockSubject) =>
    counters.blockList.promote(promotionOf({ id: freshName('v'), atMs: systemClock.nowMs(), subject }));

  beforeAll(async () => {
    const options = { redisUrl: url, namespace, clock: systemClock, logger: silentLogger, time: 'wall' } as const;
    counters = await openCounters(options);
    redis = await openRedis({ url });
  });
  afterAll(async () => {
    redis?.disconnect();
    await counters?.close();
  });

  it('an export names nobody else to an import: what no line can name is left out and counted', async () => {
    await block({ kind: 'user', id: 'alice #1' });
    await block({ kind: 'user', id: 'bob ' });
    await block({ kind: 'user', id: 'carol#2', tenant: 'a/b' });
    await block({ kind: 'network', id: '2001:db8::/64' });
    const { stdout, stderr } = await blocks('export');
    expect(stdout.split('\n').filter(Boolean).sort()).toEqual(['a%2Fb/user:carol#2', 'network:2001:db8::/64']);
    expect(stderr).toContain('2 entries left out');
  });

  it('a line to be copied is read by a shell as the one subject that it names', async () => {
    const id = "x'; touch `pwned` $(pwned) #";
    const { stdout } = await blocks('explain', `user:${id}`, '--tenant', 'a b; c');
    const line = stdout.split('\n').find((one) => one.includes('$ tidegate blocks add')) ?? '';
    const words = line.slice(line.indexOf(' add ') + 5, line.indexOf(' --for'));
    const read = execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${words}`], { cwd: '/', encoding: 'utf8' });
    expect(read.split('\n')).toEqual([`user:${id}`, '--tenant=a b; c', '']);
  });

  it('many ids that are chosen to lie in one place end like any others, and stop no write', async () => {
    const clock = new ManualClock(1_750_000_000_000);
    const list = new RedisBlockList({ redis, namespace: freshName('shard'), nowMs: () => clock.nowMs() });
    const head = `user:${'x'.repeat(64)}`;
    const before = stableHash(head);
    const subjects: BlockSubject[] = [];
    for (let n = 0; subjects.length < 9000; n += 1) {
      const isThere = stableHash(String(n), before) % longShards === 7;
      if (isThere) subjects.push({ kind: 'user', id: `${head.slice(5)}${n}` });
    }
    expect(new Set(subjects.map((subject) => shardOf(storedOf(subjectKeyOf(subject)))))).toHaveProperty('size', 1);
    const untilMs = clock.nowMs() + 1000;
    await list.importList({ list: 'many', subjects, action: { kind: 'refuse' }, untilMs, actor: 'ada', note: '' });
    clock.advance(2000);
    const subject = { kind: 'ip', id: '203.0.113.1' } as const;
    const made = await list.promote(promotionOf({ id: 'v1', atMs: clock.nowMs(), subject }));
    expect(made.kind).toBe('activated');
    expect((await list.snapshot()).entries.map(({ subjectKey }) => subjectKey)).toEqual(['ip:203.0.113.1']);
  });

  it('blocks that nothing counts fill no server: what has left the listing is gone within the hour or at its end', async () => {
    const few = freshName('few');
    const list = new RedisBlockList({ redis, namespace: few, maxBlocks: 5 });
    const nowMs = systemClock.nowMs();
    const promote = (index: number, mode: 'enforce' | 'shadow') =>
      list.promote(promotionOf({ id: `v${index}`, atMs: nowMs, subject: { kind: 'user', id: `u${index}` } }, { mode }));
    await promote(0, 'enforce');
    for (let index = 1; index <= 20; index += 1) await promote(index, 'shadow');
    const ttls = await Promise.all(
      Array.from({ length: 21 }, (_, index) => redis.pttl(`tg1:${few}:{bl}:2:block:b-v${index}`)),
    );
    const weekMs = 7 * 86_400_000;
    const kept = ttls.flatMap((ttl, index) => (ttl > weekMs ? [index] : []));
    expect(kept).toEqual([0, 17, 18, 19, 20]);
    expect(Math.max(...ttls.filter((_, index) => !kept.includes(index)))).toBeLessThanOrEqual(3_600_000);
  });
});
