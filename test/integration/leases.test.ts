import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openRedis } from '../../src/redis/client.ts';
import { compiledScript } from '../services/compiled.ts';
import { describeWith, freshName } from '../support/engines.ts';
import type { LeaseJob, LeaseTally } from '../support/lease-child.ts';

const child = compiledScript('test/support/lease-child.ts');

interface Gate {
  readonly ready: Promise<unknown>;
  readonly ended: Promise<unknown>;
  /** What it has told so far. */
  seen(): LeaseTally;
  go(): void;
  kill(): void;
}

const start = (job: LeaseJob): Gate => {
  const process = fork(child, [JSON.stringify(job)], { execArgv: [] });
  let seen: LeaseTally = { admitted: 0, denied: 0, leased: 0, degraded: 0, done: false };
  process.on('message', (message) => {
    seen = message as LeaseTally;
  });
  return {
    ready: once(process, 'message'),
    ended: once(process, 'exit'),
    seen: () => seen,
    go: () => process.send('go'),
    kill: () => process.kill('SIGKILL'),
  };
};

const sum = (gates: readonly Gate[], name: 'admitted' | 'denied' | 'leased' | 'degraded'): number =>
  gates.reduce((total, gate) => total + gate.seen()[name], 0);

describeWith('redis', 'leases of four processes on one counter', (url) => {
  // A machine that is busy with other tests still asks for more than this.
  const perSecond = 1000;
  const burst = 300;
  const policy = { name: 'hot', limit: perSecond, window: '1s', burst };

  /** Starts as many gates as there are delays, each after its own, and kills those that are to be killed. */
  const hammer = async (startsAfterMs: readonly number[], killsAfterMs: readonly number[] = []) => {
    const redis = await openRedis({ url, onMisuse: 'ignore' });
    const nowMs = async (): Promise<number> => {
      const [seconds, micros] = await redis.time();
      return Number(seconds) * 1000 + Number(micros) / 1000;
    };
    const namespace = freshName('leases');
    // Some rest while others hammer: a lease lies idle while the bucket fills.
    const jobOf = (gate: number) => ({ callers: 6, busyMs: 120, restMs: 90 + gate * 20, forMs: 3000 });
    const gates = startsAfterMs.map((_, gate) => start({ url, namespace, policy, ...jobOf(gate) }));
    await Promise.all(gates.map(({ ready }) => ready));
    const fromMs = await nowMs();
    const going = gates.map(async (gate, index) => {
      await sleep(startsAfterMs[index]);
      gate.go();
    });
    const killing = killsAfterMs.map(async (afterMs, index) => {
      await sleep(afterMs);
      gates[index]?.kill();
    });
    await Promise.all([...going, ...killing, ...gates.map(({ ended }) => ended)]);
    const bound = burst + (perSecond * ((await nowMs()) - fromMs)) / 1000;
    redis.disconnect();
    return { gates, bound };
  };

  it('admit no more than burst + rate x elapsed on the clock of the server, and nearly as much', async () => {
    const { gates, bound } = await hammer([0, 0, 0, 0]);
    expect(gates.every((gate) => gate.seen().done)).toBe(true);
    expect(sum(gates, 'degraded')).toBe(0);
    expect(sum(gates, 'admitted')).toBeLessThanOrEqual(bound);
    expect(sum(gates, 'admitted')).toBeGreaterThan(bound * 0.3);
    expect(sum(gates, 'leased')).toBeGreaterThan(0);
  }, 120_000);

  it('hold that bound when processes are killed with leases in their hands, and others take their place', async () => {
    const { gates, bound } = await hammer([0, 0, 0, 0, 800, 1300, 1800], [700, 1200, 1700]);
    expect(sum(gates, 'degraded')).toBe(0);
    expect(sum(gates, 'leased')).toBeGreaterThan(0);
    expect(sum(gates, 'admitted')).toBeLessThanOrEqual(bound);
  }, 120_000);
});
