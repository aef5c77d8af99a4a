import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../src/clock.ts';
import type { Decision } from '../../src/decision/decision.ts';
import { createGate, type Gate } from '../../src/gate/gate.ts';
import type { LimitStore } from '../../src/limiter/limit-store.ts';
import type { PolicyInput } from '../../src/policy/parse.ts';
import { definePolicies } from '../../src/policy/static-source.ts';
import { openRedis } from '../../src/redis/client.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';

/** What a process that hammers is told to do. */
export interface HammerJob {
  readonly url: string;
  readonly namespace: string;
  readonly policy: PolicyInput;
  readonly leases: boolean;
  readonly forMs: number;
  /** Requests of the same client in one turn of the event loop: they share a call. */
  readonly atOnce: number;
  /** Concurrency: how long a place is held. */
  readonly holdMs: number;
}

export interface HammerReport {
  /** Of each admitted request: not before and not after, microseconds by the server's clock. */
  readonly admitted: readonly (readonly [fromUs: number, toUs: number])[];
  /** Concurrency: from when until when a place was held for certain. */
  readonly held: readonly (readonly [fromUs: number, toUs: number])[];
  readonly asked: number;
  readonly degraded: number;
  readonly leased: number;
}

const nowUs = (): number => systemClock.nowMs() * 1000;

/** Notes when the server admitted, by its own clock. */
const noting = (store: LimitStore, admitted: [number, number][]): LimitStore => ({
  immediate: false,
  spend: async (spends) => {
    const results = await store.spend(spends);
    for (const { allowed, nowUs: atUs } of results) if (allowed) admitted.push([atUs, atUs]);
    return results;
  },
  giveBack: (returns) => store.giveBack(returns),
  close: () => store.close(),
});

const holdAndRelease = async (
  gate: Gate,
  decision: Decision,
  { fromUs, holdMs }: { fromUs: number; holdMs: number },
) => {
  await pause(holdMs);
  // Whole milliseconds, rounded down: it was held at least so long.
  const toUs = nowUs();
  await gate.release(decision);
  return [fromUs, toUs] as const;
};

const hammer = async (job: HammerJob): Promise<HammerReport> => {
  const redis = await openRedis({ url: job.url, onMisuse: 'ignore', commandTimeoutMs: 30_000 });
  const exact: [number, number][] = [];
  const rough: [number, number][] = [];
  const held: Promise<readonly [number, number]>[] = [];
  const store = noting(new RedisLimitStore({ redis, namespace: job.namespace }), exact);
  const gate = createGate({
    policies: definePolicies([job.policy]),
    store,
    leases: job.leases,
    denyCache: false,
    // What waits for a busy machine must not be decided by a fallback instead.
    deadlineMs: 30_000,
    // Every request is looked at by what finds hot keys, not one in a few by lot.
    random: () => 0,
  });
  let asked = 0;
  let isKeptOut = false;
  const one = async (): Promise<void> => {
    const sentUs = nowUs();
    asked += 1;
    const decision = await gate.check({ clients: [{ kind: 'key', id: 'shared' }], method: 'GET', path: '/' });
    if (decision.outcome !== 'allowed') {
      isKeptOut = true;
      return;
    }
    // The answer's millisecond had begun: it may have been given at its end.
    const answeredUs = nowUs() + 1_000;
    rough.push([sentUs, answeredUs]);
    if (job.holdMs > 0) held.push(holdAndRelease(gate, decision, { fromUs: answeredUs, holdMs: job.holdMs }));
  };
  const untilMs = systemClock.nowMs() + job.forMs;
  // A machine that is slow has to go on until there was more than the limit lets through.
  const atLatestMs = untilMs + 10 * job.forMs;
  while (systemClock.nowMs() < (isKeptOut ? untilMs : atLatestMs)) {
    await Promise.all(Array.from({ length: job.atOnce }, one));
    await new Promise(setImmediate);
  }
  const places = await Promise.all(held);
  const { degraded, leased } = gate.stats();
  await gate.close();
  redis.disconnect();
  return { admitted: job.leases ? rough : exact, held: places, asked, degraded, leased };
};

process.on('message', (job: HammerJob) => {
  hammer(job).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
