/**
 * One gate of several that hammer one counter, for the lease tests: reads its job from its arguments, says that it is
 * ready, waits for any message, and tells every few milliseconds how much it was admitted. Ends by itself, or by being
 * killed with a lease in its hands.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, systemRandom } from '../../src/clock.ts';
import { createGate, type Gate, type GateRequest } from '../../src/gate/gate.ts';
import type { PolicyInput } from '../../src/policy/parse.ts';
import { definePolicies } from '../../src/policy/static-source.ts';
import { openRedis } from '../../src/redis/client.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';

export interface LeaseJob {
  readonly url: string;
  readonly namespace: string;
  readonly policy: PolicyInput;
  readonly forMs: number;
  /** Requests that wait at the same time. */
  readonly callers: number;
  /** Hammers so long, then rests so long, again and again. */
  readonly busyMs: number;
  readonly restMs: number;
}

/** What a gate has come to so far. */
export interface LeaseTally {
  readonly admitted: number;
  readonly denied: number;
  readonly leased: number;
  readonly degraded: number;
  readonly done: boolean;
}

const request: GateRequest = { clients: [{ kind: 'key', id: 'hot' }], method: 'GET', path: '/', route: '/' };

const tell = (gate: Gate, done: boolean): void => {
  const { allowed, denied, leased, degraded } = gate.stats();
  process.send?.({ admitted: allowed, denied, leased, degraded, done } satisfies LeaseTally);
};

const caller = async (gate: Gate, { forMs, busyMs, restMs }: LeaseJob): Promise<void> => {
  const startMs = systemClock.nowMs();
  for (let turn = 0; systemClock.nowMs() - startMs < forMs; turn += 1) {
    const isBusy = (systemClock.nowMs() - startMs) % (busyMs + restMs) < busyMs;
    const decision = isBusy ? await gate.check(request) : null;
    // Whoever is denied, or is answered without a wait, must let the others have their turn.
    if (!isBusy || decision?.outcome === 'denied') await sleep(1 + systemRandom() * 4);
    else if (turn % 8 === 0) await sleep(1);
  }
};

const hammer = async (job: LeaseJob): Promise<void> => {
  const redis = await openRedis({ url: job.url, onMisuse: 'ignore' });
  const store = new RedisLimitStore({ redis, namespace: job.namespace });
  // A machine that is busy with other tests must not make this a test of the fallback.
  const gate = createGate({ store, policies: definePolicies([job.policy]), deadlineMs: 2000 });
  tell(gate, false);
  await once(process, 'message');
  const telling = setInterval(() => tell(gate, false), 5);
  await Promise.all(Array.from({ length: job.callers }, () => caller(gate, job)));
  clearInterval(telling);
  await gate.close();
  tell(gate, true);
  redis.disconnect();
  process.disconnect?.();
};

const [, script, job] = process.argv;
if (script !== undefined && /lease-child\.[jt]s$/.test(script) && job) await hammer(JSON.parse(job) as LeaseJob);
