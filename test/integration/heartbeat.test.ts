import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../src/clock.ts';
import type { CountersLost } from '../../src/limiter/fleet.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { Heartbeat, type HeartbeatOptions } from '../../src/redis/heartbeat.ts';
import { asOperator } from '../services/redis-control.ts';
import { describeWith, freshName, type OwnEngine, startRedis, startRedisCluster } from '../support/engines.ts';
import { gateReport } from '../support/gate-reports.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { repositoryRoot } from '../support/source-text.ts';

/** The next beat takes its turn on a clock that the test moves, and its answer is awaited. */
const beatOn = async (clock: ManualClock, heartbeat: Heartbeat): Promise<void> => {
  clock.advance(1_100);
  await expect.poll(() => heartbeat.ageMs()).toBe(0);
};

describeWith('redis', 'the heartbeat of gates', (url) => {
  let redis: RedisConnection;
  let clock: ManualClock;
  let namespace: string;
  beforeAll(async () => {
    redis = await openRedis({ url });
  });
  afterAll(() => redis.disconnect());
  beforeEach(() => {
    clock = new ManualClock();
    namespace = freshName();
  });

  const openGate = async (change: Partial<HeartbeatOptions> = {}): Promise<Heartbeat> => {
    const policyVersion = () => 'v1';
    const heartbeat = new Heartbeat({ redis, namespace, gateId: freshName('gate'), clock, policyVersion, ...change });
    await heartbeat.start();
    return heartbeat;
  };
  const prefix = () => `tg1:${namespace}:{gates}:`;

  it('counts the gates that live, and which policies they run', async () => {
    const first = await openGate();
    expect(first.liveGates()).toBe(1);
    const second = await openGate({ policyVersion: () => 'v2' });
    expect(second.liveGates()).toBe(2);
    expect(Object.fromEntries(second.policyVersions())).toEqual({ v1: 1, v2: 1 });
    await beatOn(clock, first);
    expect(first.liveGates()).toBe(2);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('forgets a gate that leaves at once, and one that fell silent after five seconds', async () => {
    const [staying, leaving] = [await openGate(), await openGate()];
    await leaving.stop();
    const nowMs = systemClock.nowMs();
    await redis.zadd(`${prefix()}alive`, nowMs - 6_000, 'silent', nowMs - 1_000, 'slow');
    await redis.hset(`${prefix()}versions`, 'silent', 'v0', 'slow', 'v0');
    await redis.hset(`${prefix()}version-counts`, 'v0', 2);
    await beatOn(clock, staying);
    expect(staying.liveGates()).toBe(2);
    expect(Object.fromEntries(staying.policyVersions())).toEqual({ v0: 1, v1: 1 });
    expect(await redis.zscore(`${prefix()}alive`, 'silent')).toBeNull();
  });

  it('does not believe in beats of a clock that ran ahead', async () => {
    await redis.zadd(`${prefix()}alive`, systemClock.nowMs() + 3_600_000, 'ahead');
    expect((await openGate()).liveGates()).toBe(1);
  });

  it('leaves no key without an expiry, and none outside one slot', async () => {
    await openGate();
    const keys = await redis.keys(`tg1:${namespace}:*`);
    expect(keys).toHaveLength(4);
    for (const key of keys) {
      expect(key).toContain('{gates}');
      expect(await redis.pttl(key), key).toBeGreaterThan(0);
    }
  });

  it('refuses a name that would choose its own slot, and takes a version that is none', async () => {
    for (const gateId of ['a{b}', '', 'x'.repeat(65), 'a b']) {
      await expect(openGate({ gateId })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    }
    const gate = await openGate({ policyVersion: () => '' });
    expect(Object.fromEntries(gate.policyVersions())).toEqual({ none: 1 });
    expect(gate.liveGates()).toBe(1);
  });

  it('tells how each gate is doing, those heard last first, until it leaves or falls silent', async () => {
    const first = await openGate({ gateId: 'first', report: () => ({ ...gateReport, decisions: 7 }) });
    const second = await openGate({ gateId: 'second', report: () => gateReport });
    const silent = await openGate({ gateId: 'silent' });
    await redis.zadd(`${prefix()}alive`, systemClock.nowMs() - 6_000, 'gone');
    await redis.set(`${prefix()}report:gone`, JSON.stringify(gateReport), 'PX', 10_000);
    const told = await silent.gates();
    expect(told.map(({ gateId, decisions }) => [gateId, decisions])).toEqual([
      ['second', gateReport.decisions],
      ['first', 7],
    ]);
    for (const { lastBeatAtMs, beatAgeMs, ...report } of told) {
      expect(report).toMatchObject({ ...gateReport, decisions: report.decisions });
      expect(beatAgeMs).toBeLessThan(5_000);
      expect(Math.abs(systemClock.nowMs() - lastBeatAtMs)).toBeLessThan(5_000);
    }
    await second.stop();
    expect((await first.gates()).map(({ gateId }) => gateId)).toEqual(['first']);
    expect(await redis.keys(`${prefix()}report:second`)).toEqual([]);
    await Promise.all([first.stop(), silent.stop()]);
  });

  it('takes nothing of what another has written but short texts and numbers in their range', async () => {
    const gate = await openGate({ gateId: 'own', report: () => gateReport });
    const nowMs = systemClock.nowMs();
    const hostile: Record<string, string> = {
      page: JSON.stringify({ ...gateReport, region: '<img src=x onerror=alert(1)>\u202e\u0007'.repeat(9), denied: -1 }),
      long: JSON.stringify({ ...gateReport, region: 'x'.repeat(5_000) }),
      list: '[1,2]',
      text: 'no JSON at all',
      numbers: '{"decisions":1e400,"degradedShare":7,"startedAtMs":1e300,"blockListAgeMs":"1"}',
      'a b': JSON.stringify(gateReport),
    };
    for (const [name, text] of Object.entries(hostile)) {
      await redis.zadd(`${prefix()}alive`, nowMs, name);
      await redis.set(`${prefix()}report:${name}`, text, 'PX', 10_000);
    }
    const told = new Map((await gate.gates()).map((beat) => [beat.gateId, beat]));
    expect([...told.keys()].sort()).toEqual(['numbers', 'own', 'page']);
    expect(told.get('page')).toMatchObject({ region: expect.stringMatching(/^[\x20-\x7e]{64}$/), denied: 0 });
    const clean = { decisions: 0, degradedShare: 1, startedAtMs: 8.64e15, blockListAgeMs: null, region: '' };
    expect(told.get('numbers')).toMatchObject(clean);
    await gate.stop();
  });

  it('lists two thousand gates at most', async () => {
    const gate = await openGate({ gateId: 'own', report: () => gateReport });
    const nowMs = systemClock.nowMs();
    const fill = redis.pipeline();
    for (let index = 0; index < 2_100; index += 1) {
      fill.zadd(`${prefix()}alive`, nowMs + 1_000, `g${index}`);
      fill.set(`${prefix()}report:g${index}`, JSON.stringify(gateReport), 'PX', 20_000);
    }
    await fill.exec();
    expect(await gate.gates()).toHaveLength(2_000);
    await gate.stop();
  });

  it('goes on beside gates of the release before, which say nothing of themselves: each counts both', async () => {
    const before = readFileSync(join(repositoryRoot, 'test/fixtures/heartbeat-before-reports.lua'), 'utf8');
    const keys = ['alive', 'versions', 'version-counts', 'beats:old'].map((name) => `${prefix()}${name}`);
    const beat = (version: string) =>
      redis.eval(before, keys.length, ...keys, 0, 'old', version, 5_000, 60_000, 3_600_000, 32);
    const gate = await openGate({ gateId: 'new', report: () => gateReport });
    expect((await beat('v0')) as unknown[]).toEqual(expect.arrayContaining([2, 'v0', 'v1']));
    await beatOn(clock, gate);
    expect(gate.liveGates()).toBe(2);
    expect(Object.fromEntries(gate.policyVersions())).toEqual({ v0: 1, v1: 1 });
    expect((await gate.gates()).map(({ gateId }) => gateId)).toEqual(['new']);
    await beat('');
    await beatOn(clock, gate);
    expect(gate.liveGates()).toBe(1);
    await gate.stop();
  });

  it('follows a change of policies', async () => {
    let version = 'v1';
    const gate = await openGate({ policyVersion: () => version });
    version = 'v2';
    await beatOn(clock, gate);
    expect([...gate.policyVersions()]).toEqual([['v2', 1]]);
  });
});

describeWith('redis', 'a gate whose Redis is given its first replica', () => {
  it('reports nothing lost, though the server goes by another replication id from then on', async () => {
    const [server, replica] = await Promise.all([startRedis(), startRedis()]);
    const redis = await openRedis({ url: server.url, onMisuse: 'ignore' });
    try {
      const clock = new ManualClock();
      const losses: CountersLost[] = [];
      const onCountersLost = (lost: CountersLost) => losses.push(lost);
      const policyVersion = () => 'v1';
      const heartbeat = new Heartbeat({ redis, gateId: 'own', policyVersion, clock, onCountersLost });
      await heartbeat.start();
      const replicationId = () =>
        asOperator(server.port, async (one) => /master_replid:(\w+)/.exec(await one.info('replication'))?.[1]);
      const before = await replicationId();
      await asOperator(replica.port, (one) => one.call('REPLICAOF', '127.0.0.1', server.port));
      await expect.poll(replicationId, { timeout: 20_000 }).not.toBe(before);
      await beatOn(clock, heartbeat);
      await beatOn(clock, heartbeat);
      expect(losses).toEqual([]);
      await heartbeat.stop();
    } finally {
      redis.disconnect();
      await Promise.all([server.stop(), replica.stop()]);
    }
  });
});

describeWith('redis', 'a gate on a cluster', () => {
  it('learns once that a node was replaced by its replica, wherever the list of gates lies', async () => {
    const cluster = await startRedisCluster();
    const redis = await openRedis({ url: cluster.url, onMisuse: 'ignore', commandTimeoutMs: 300 });
    try {
      const gatesLieOn = await cluster.ownerOf('{gates}');
      const lost = (gatesLieOn + 1) % cluster.nodes.length;
      const clock = new ManualClock();
      const losses: CountersLost[] = [];
      const onCountersLost = (loss: CountersLost) => losses.push(loss);
      const heartbeat = new Heartbeat({ redis, gateId: 'own', policyVersion: () => 'v1', clock, onCountersLost });
      await heartbeat.start();
      await cluster.addReplica(lost);
      await beatOn(clock, heartbeat);
      await beatOn(clock, heartbeat);
      expect(losses).toEqual([]);
      await cluster.nodes[lost]?.kill();
      const kinds = () => {
        clock.advance(1_100);
        return losses.map(({ kind }) => kind);
      };
      await expect.poll(kinds, { timeout: 30_000, interval: 100 }).toEqual(['failover']);
      for (let beat = 0; beat < 3; beat += 1) {
        clock.advance(1_100);
        await expect.poll(() => heartbeat.ageMs(), { timeout: 15_000 }).toBeLessThan(1_100);
      }
      expect(losses).toHaveLength(1);
      await heartbeat.stop();
    } finally {
      redis.disconnect();
      await cluster.stop();
    }
  });
});

describeWith('redis', 'a gate whose Redis', () => {
  let server: OwnEngine;
  let redis: RedisConnection;
  beforeAll(async () => {
    server = await startRedis();
    redis = await openRedis({ url: server.url, commandTimeoutMs: 200 });
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('is away, keeps the last known number of gates, says so once, and learns of what was lost meanwhile', async () => {
    const clock = new ManualClock();
    const logger = recordingLogger();
    const losses: CountersLost[] = [];
    const options = { redis, policyVersion: () => 'v1', clock, namespace: freshName(), random: () => 0 };
    const others = ['second', 'third'].map((gateId) => new Heartbeat({ ...options, clock: new ManualClock(), gateId }));
    const heartbeat = new Heartbeat({
      ...options,
      gateId: 'first',
      logger,
      onCountersLost: (lost) => losses.push(lost),
    });
    for (const other of others) await other.start();
    await heartbeat.start();
    expect(heartbeat.liveGates()).toBe(3);
    await others[0]?.stop();
    await beatOn(clock, heartbeat);
    expect(heartbeat.liveGates()).toBe(2);
    expect(losses).toEqual([]);

    await server.kill();
    const silences = () => logger.lines.filter(({ message }) => message.startsWith('no heartbeat'));
    for (const count of [1, 2, 3]) {
      clock.advance(1_000);
      await expect.poll(() => silences().length).toBe(count);
    }
    expect(heartbeat.liveGates()).toBe(2);
    expect(silences().map(({ level }) => level)).toEqual(['warn', 'debug', 'debug']);

    await server.restart();
    await expect.poll(() => redis.status, { timeout: 10_000 }).toBe('ready');
    await beatOn(clock, heartbeat);
    expect(losses).toEqual([{ kind: 'flushed', expectedBeats: 2, foundBeats: 1 }]);
    expect(heartbeat.liveGates()).toBe(1);

    await beatOn(clock, heartbeat);
    await redis.decr(`tg1:${options.namespace}:{gates}:beats:first`);
    await beatOn(clock, heartbeat);
    expect(losses.at(-1)).toEqual({ kind: 'rolled-back', expectedBeats: 2, foundBeats: 2 });
    expect(losses).toHaveLength(2);
    await heartbeat.stop();
    expect(logger.lines.filter(({ message }) => message.startsWith('counters lost'))).toHaveLength(2);
  });
});
