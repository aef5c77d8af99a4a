import { nothingSwitchedOff } from '../../../src/blocklist/block-switches.ts';
import { BlockListReplica } from '../../../src/blocklist/replica.ts';
import type { Client } from '../../../src/client.ts';
import { systemClock } from '../../../src/clock.ts';
import { createEmitter } from '../../../src/event/emitter.ts';
import type { FrameWriter } from '../../../src/event/event-log.ts';
import { createGate, type Gate, type GateRequest } from '../../../src/gate/gate.ts';
import type { LimitStore } from '../../../src/limiter/limit-store.ts';
import { policiesFrom } from '../../../src/policy/parse.ts';
import { staticPolicies } from '../../../src/policy/static-source.ts';
import { openRedis } from '../../../src/redis/client.ts';
import { RedisLimitStore } from '../../../src/redis/limit-store.ts';

/** No bench is about denials: a limit that is never reached, on both sides. */
export const neverReached = { limit: 1_000_000, windowSeconds: 60 } as const;

/** As a policy file says it: it is parsed and judged like one. */
export interface WrittenPolicy {
  readonly name: string;
  readonly limit: number;
  readonly window: string;
  readonly scope?: readonly string[];
  readonly consistency?: 'exact' | 'approximate';
  readonly match?: { readonly routes: readonly string[]; readonly tenants: readonly string[] };
}

export const perClient: WrittenPolicy = { name: 'per-client', limit: neverReached.limit, window: '1m' };

export interface GateSetUp {
  readonly store: LimitStore;
  readonly policies?: readonly WrittenPolicy[];
  readonly blockList?: BlockListReplica;
}

export interface MeasuredGate {
  readonly gate: Gate;
  /** Hands the rest of the events over; throws when what was measured is not what the bench is about. */
  settle(): Promise<void>;
}

/** A gate with its events on: merged, encoded into frames and given to a log that only counts. */
export const openGate = ({ store, policies = [perClient], blockList }: GateSetUp): MeasuredGate => {
  let bytes = 0;
  const writer: FrameWriter = {
    partitions: 12,
    append: async (frames) => {
      for (const { body } of frames) bytes += body.length;
      return new Map();
    },
    close: () => Promise.resolve(),
  };
  const events = createEmitter({ writer, clock: systemClock, emitterId: 'bench', region: 'local' });
  const gate = createGate({
    policies: staticPolicies(policiesFrom({ version: 1, policies })),
    store,
    events,
    // What waits for other processes of a busy machine must not be decided by a fallback instead.
    deadlineMs: 5_000,
    ...(blockList ? { blockList } : {}),
  });
  const settle = async (): Promise<void> => {
    await events.flush();
    const { degraded } = gate.stats();
    const { recorded, sent } = events.stats();
    if (degraded > 0) throw new Error(`${degraded} decisions were taken without the store`);
    if (recorded !== sent || bytes === 0) throw new Error(`${recorded} decisions recorded, ${sent} sent`);
  };
  return { gate, settle };
};

export const clients = (count: number): Client[] =>
  Array.from({ length: count }, (_, index) => ({ kind: 'key', id: `client-${index}` }));

export const requestOf = (client: Client): GateRequest => ({
  clients: [client],
  method: 'GET',
  path: '/orders/7',
  route: '/orders/:id',
});

export const replicaBlocking = async (blocked: readonly Client[]): Promise<BlockListReplica> => {
  const entries = blocked.map(({ kind, id }, index) => ({
    subjectKey: `${kind}:${id}`,
    blockId: `block-${index}`,
    rule: 'bench',
    expiresAtMs: systemClock.nowMs() + 3_600_000,
    action: { kind: 'refuse' as const },
  }));
  const cursor = { epoch: 'bench', sequence: 0 };
  const page = { ...cursor, entries, exemptions: [], switches: nothingSwitchedOff, nextPage: null };
  const feed = {
    snapshot: () => Promise.resolve(page),
    changesAfter: () => Promise.resolve({ kind: 'changes' as const, cursor, changes: [] }),
    noteRefusals: () => Promise.resolve(),
  };
  const replica = new BlockListReplica({ feed, clock: systemClock });
  await replica.sync();
  return replica;
};

export const openRedisStore = async (url: string) => {
  const redis = await openRedis({ url, commandTimeoutMs: 10_000 });
  return { redis, store: new RedisLimitStore({ redis, namespace: 'bench' }) };
};
