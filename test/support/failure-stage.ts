import { setImmediate as nextTurn } from 'node:timers/promises';
import { ManualClock } from '../../src/clock.ts';
import type { Decision } from '../../src/decision/decision.ts';
import { createEmitter } from '../../src/event/emitter.ts';
import type { OutgoingFrame } from '../../src/event/event-log.ts';
import { decodeFrame, formatFrameHeaders } from '../../src/event/frame.ts';
import { createGate, type Gate } from '../../src/gate/gate.ts';
import type { CountersLostKind } from '../../src/limiter/fleet.ts';
import type { LimitStore } from '../../src/limiter/limit-store.ts';
import type { PolicyInput } from '../../src/policy/parse.ts';
import { definePolicies } from '../../src/policy/static-source.ts';
import { openRedis } from '../../src/redis/client.ts';
import { Heartbeat } from '../../src/redis/heartbeat.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';
import { freshName } from './engines.ts';

export const deadlineMs = 20;

export interface StageOptions {
  readonly url: string;
  readonly policies: readonly PolicyInput[];
  /** Gates that share the limits, each with its own connection. Default 1. */
  readonly gates?: number;
  /** Default true. */
  readonly denyCache?: boolean;
  /** Asked while the primary is away. */
  readonly secondaryUrl?: string;
}

/** A gate whose deadline runs on a clock that the test moves, while its Redis is real and takes its own time. */
export interface StagedGate {
  readonly gate: Gate;
  /** Calls that its store was asked so far. */
  readonly storeCalls: () => number;
  /** Commands that wait for an answer of the server. */
  readonly commandsInFlight: () => number;
  /** Σ count of its events by source and degraded reason. */
  readonly eventTally: () => Promise<Tally>;
  readonly losses: readonly CountersLostKind[];
}

/** `store`, `fallback/timeout`: how often. */
export type Tally = Readonly<Record<string, number>>;

export interface Stage {
  readonly clock: ManualClock;
  readonly namespace: string;
  readonly gates: readonly StagedGate[];
  close(): Promise<void>;
}

export const kindOf = ({ source, degraded }: { source: string; degraded: string | null }): string =>
  degraded ? `${source}/${degraded}` : source;

export const tallyOf = <T>(items: readonly T[], kind: (item: T) => string, count: (item: T) => number): Tally => {
  const tally: Record<string, number> = {};
  for (const item of items) tally[kind(item)] = (tally[kind(item)] ?? 0) + count(item);
  return tally;
};

const memoryWriter = () => {
  const frames: OutgoingFrame[] = [];
  const append = async (batch: readonly OutgoingFrame[]) => {
    frames.push(...batch);
    return new Map<number, number>();
  };
  return { frames, writer: { partitions: 4, append, close: () => Promise.resolve() } };
};

const counting = (store: LimitStore): { store: LimitStore; calls: () => number } => {
  let calls = 0;
  const counted: LimitStore = {
    immediate: false,
    spend: (spends) => {
      calls += 1;
      return store.spend(spends);
    },
    giveBack: (returns) => store.giveBack(returns),
    close: () => store.close(),
  };
  return { store: counted, calls: () => calls };
};

interface GateSetUp extends StageOptions {
  readonly clock: ManualClock;
  readonly namespace: string;
  readonly liveGates: number;
}

const openStagedGate = async (options: GateSetUp): Promise<StagedGate & { close(): Promise<void> }> => {
  const { url, secondaryUrl, clock, namespace, liveGates } = options;
  const policies = definePolicies(options.policies);
  const redis = await openRedis({ url, onMisuse: 'ignore' });
  const { store, calls } = counting(new RedisLimitStore({ redis, namespace }));
  const second =
    secondaryUrl === undefined ? null : await openRedis({ url: secondaryUrl, onMisuse: 'ignore', mayBeReplica: true });
  const secondary = second && new RedisLimitStore({ redis: second, namespace });
  const { frames, writer } = memoryWriter();
  const events = createEmitter({ writer, clock, emitterId: freshName('gate'), region: 'local' });
  const gate = createGate({
    policies,
    store,
    clock,
    events,
    random: () => 0,
    deadlineMs,
    liveGates: () => liveGates,
    leases: false,
    denyCache: options.denyCache ?? true,
    ...(secondary ? { secondary } : {}),
  });
  const losses: CountersLostKind[] = [];
  const heartbeat = new Heartbeat({
    redis,
    namespace,
    gateId: freshName('gate'),
    policyVersion: () => policies.current().version,
    clock,
    random: () => 0.5,
    onCountersLost: ({ kind }) => losses.push(kind),
  });
  await heartbeat.start();
  return {
    gate,
    storeCalls: calls,
    commandsInFlight: () => ('commandQueue' in redis ? (redis.commandQueue as { length: number }).length : 0),
    eventTally: async () => {
      await events.flush();
      const read = frames.map(({ headers, body }) => decodeFrame({ headers: formatFrameHeaders(headers), body }));
      return tallyOf(
        read.flatMap((frame) => frame.events),
        kindOf,
        ({ count }) => count,
      );
    },
    losses,
    close: async () => {
      await gate.close();
      await heartbeat.stop();
      redis.disconnect();
      second?.disconnect();
    },
  };
};

export const openStage = async (options: StageOptions): Promise<Stage> => {
  const clock = new ManualClock();
  const namespace = freshName();
  const { gates: liveGates = 1 } = options;
  const gates: (StagedGate & { close(): Promise<void> })[] = [];
  for (let index = 0; index < liveGates; index += 1) {
    gates.push(await openStagedGate({ ...options, clock, namespace, liveGates }));
  }
  const close = async (): Promise<void> => {
    await Promise.all(gates.map((gate) => gate.close()));
  };
  return { clock, namespace, gates, close };
};

/** More turns of the event loop than a decision takes that has nothing left to wait for. */
const turnsToDecide = 5;

/**
 * Gives a real server some time, then moves the clock to the deadline: whatever has not been decided within a few turns of
 * the event loop has outlived it.
 *
 * @throws Error naming how many did.
 */
export const withinDeadline = async (
  clock: ManualClock,
  asked: readonly (Decision | Promise<Decision>)[],
  serverMs: number,
): Promise<readonly Decision[]> => {
  const decisions: Decision[] = [];
  const all = Promise.all(asked.map(async (one) => decisions.push(await one)));
  const patience = new AbortController();
  const tooLong = new Promise((resolve) => {
    const timer = setTimeout(resolve, serverMs);
    patience.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  await Promise.race([all, tooLong]);
  patience.abort();
  clock.advance(deadlineMs);
  for (let turn = 0; turn < turnsToDecide && decisions.length < asked.length; turn += 1) await nextTurn();
  if (decisions.length === asked.length) return decisions;
  throw new Error(`${asked.length - decisions.length} of ${asked.length} decisions outlived their deadline`);
};
