import type { AddressInfo } from 'node:net';
import { IssuedTokens } from '../../src/api/issued-tokens.ts';
import type { Api } from '../../src/api/routing.ts';
import { createApi } from '../../src/api/server.ts';
import type { Status } from '../../src/api/status-routes.ts';
import type { Evidence } from '../../src/blocklist/block.ts';
import { BlockListReplica } from '../../src/blocklist/replica.ts';
import { readConsolePage } from '../../src/cli/console-page.ts';
import { type BlockSubject, clientOf } from '../../src/client.ts';
import { systemClock, systemRandom } from '../../src/clock.ts';
import { createDetector } from '../../src/detect/detector.ts';
import { notedOf } from '../../src/detect/rule-definition.ts';
import { parseRules } from '../../src/detect/rules.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { MemoryEventLog } from '../../src/embedded/memory-event-log.ts';
import { MemoryReviewRecords } from '../../src/embedded/memory-review-records.ts';
import { MemoryTokenStore } from '../../src/embedded/memory-token-store.ts';
import type { DecisionRecord } from '../../src/event/decision-event.ts';
import { createEmitter } from '../../src/event/emitter.ts';
import { topics } from '../../src/event/event-log.ts';
import { createGate } from '../../src/gate/gate.ts';
import { aloneWith } from '../../src/limiter/fleet.ts';
import { MemoryLimitStore } from '../../src/limiter/memory-limit-store.ts';
import { silentLogger } from '../../src/logger.ts';
import { definePolicies } from '../../src/policy/static-source.ts';
import { createReview } from '../../src/review/review.ts';
import type { Grant } from '../../src/review/roles.ts';
import { issueToken } from '../../src/review/token-issue.ts';
import { DecisionMemory } from './console-decision-memory.ts';
import { promotionOf } from './promotions.ts';

const clock = systemClock;
const logger = silentLogger;

const rules = parseRules(`version: 1
rules:
  - name: login-stuffing
    mode: enforce
    owner: security
    depth: { denied: 20, deniedShare: 0.5 }
    windows: { length: 1s, hit: 1, of: 1 }
    block: { base: 1h }
`);

const usualRoutes = [
  'POST /login',
  'GET /',
  'GET /orders/:id',
  'GET /search',
  'GET /reports/:id',
  'GET /.env',
] as const;

const evidenceOf = (denied: number, nowMs: number, change: Partial<Evidence>): Evidence => ({
  denied,
  allowed: Math.round(denied / 9),
  early: Math.round(denied / 4),
  members: null,
  collateral: { identities: 0 },
  windows: { hit: 3, weight: 3, needed: 3, of: 10, windowMs: 60_000 },
  distinctRoutes: usualRoutes.length,
  routes: usualRoutes.map((route, index) => ({ route, denied: Math.ceil(denied / 2 ** (index + 1)) })),
  policies: ['per-client', 'login'],
  firstSeenAtMs: nowMs - 400_000,
  lastSeenAtMs: nowMs - 60_000,
  log: { partition: 3, fromOffset: 1200, toOffset: 1460, marks: null },
  ...change,
});

export interface Seed {
  readonly subject: BlockSubject | string;
  readonly mode?: 'review' | 'enforce';
  readonly denied?: number;
  readonly rule?: string;
  readonly evidence?: Partial<Evidence>;
}

/** A process with the console, its API and a gate, all in memory. */
export const openReviewStage = async () => {
  const blockList = new MemoryBlockList({ clock });
  const limitStore = new MemoryLimitStore({ clock });
  const log = new MemoryEventLog({ clock, partitions: 2 });
  const records = new MemoryReviewRecords({ clock });
  const tokenStore = new MemoryTokenStore({ clock });
  const issued = new IssuedTokens({ store: tokenStore, clock, logger });
  const replica = new BlockListReplica({ feed: blockList, clock, logger, random: systemRandom });
  const emitter = createEmitter({
    writer: await log.writer(topics.decisions),
    clock,
    logger,
    emitterId: 'gate-1',
    region: 'eu',
  });
  const memory = new DecisionMemory();
  const events = {
    record: (decision: DecisionRecord): void => {
      memory.record(decision);
      emitter.record(decision);
    },
  };
  const policies = definePolicies([{ name: 'per-client', limit: 20, window: '1m', burst: 20 }]);
  const gate = createGate({ policies, store: limitStore, blockList: replica, events, clock });
  const detector = createDetector({ log, rules, blockList, clock, logger });
  await blockList.noteRules(rules.rules.map(notedOf));
  const review = createReview({ blockList, records, clock, logger });
  const page = await readConsolePage(logger);
  const startedAtMs = clock.nowMs();
  const status = (): Promise<Status> =>
    Promise.resolve({
      version: '0.0.0',
      region: 'eu',
      phase: 'running',
      uptimeMs: clock.nowMs() - startedAtMs,
      gate: gate.stats(),
      fleet: { liveGates: 1, policyVersions: { [policies.current().version]: 1 }, ageMs: 0 },
      blockList: { entries: replica.size, ageMs: replica.ageMs() },
      events: { recorded: 0, sent: 0, waiting: 0, lost: 0 },
      ingest: null,
      stored: null,
      abuse: null,
    });
  const open = (): Promise<Api> =>
    createApi({
      clock,
      version: '0.0.0',
      tokens: [],
      authenticators: [issued],
      tokenStore,
      gate,
      limitStore,
      blockList,
      events,
      reader: memory.reader(),
      fleet: { gates: aloneWith({ policyVersion: () => policies.current().version }), policies },
      review,
      health: { phase: () => 'running', dependencies: () => Promise.resolve([]) },
      status,
      ...(page ? { console: page } : {}),
    });
  let api = await open();
  await api.listen({ host: '127.0.0.1', port: 0 });
  const { port } = api.server.address() as AddressInfo;
  await Promise.all([detector.start(), replica.sync()]);
  replica.follow({ pollMs: 50 });

  let seeds = 0;
  const seed = async ({
    subject,
    mode = 'enforce',
    denied = 240,
    rule = 'many-routes',
    evidence = {},
  }: Seed): Promise<string> => {
    seeds += 1;
    const nowMs = clock.nowMs();
    const result = await blockList.promote(
      promotionOf(
        {
          id: `verdict-${seeds}`,
          atMs: nowMs,
          rule,
          ruleHash: rules.rules.find(({ name }) => name === rule)?.hash ?? 'a1b2c3d4e5f6a7b8',
          subject: typeof subject === 'string' ? clientOf('ip', subject) : subject,
          tenant: 'acme',
          evidence: evidenceOf(denied, nowMs, evidence),
        },
        { mode, duration: { baseMs: 3_600_000, factor: 2, maxMs: 86_400_000, jitter: 0, strikeTtlMs: 3_600_000 } },
      ),
    );
    if (!('block' in result)) throw new Error(`not promoted: ${result.kind}`);
    return result.block.id;
  };

  return {
    url: `http://127.0.0.1:${port}`,
    blockList,
    gate,
    memory,
    seed,
    /** A token of somebody, and its id to revoke it by. */
    token: async (name: string, role: Grant, tenants: readonly string[] | null = null) => {
      const made = await issueToken(tokenStore, { name, role, tenants, createdBy: 'test' }, clock.nowMs());
      if (made === null) throw new Error('too many tokens');
      return { text: made.text, id: made.token.id };
    },
    revoke: async (id: string): Promise<void> => {
      await tokenStore.revoke(id);
    },
    /** Nobody answers on the port until {@link goOn}. */
    goAway: async (): Promise<void> => {
      api.server.closeAllConnections();
      await api.close();
    },
    goOn: async (): Promise<void> => {
      api = await open();
      await api.listen({ host: '127.0.0.1', port });
    },
    close: async (): Promise<void> => {
      api.server.closeAllConnections();
      await api.close();
      await review.close();
      await Promise.all([replica.stop(), detector.stop()]);
      await gate.close();
      await emitter.close();
    },
  };
};

export type ReviewStage = Awaited<ReturnType<typeof openReviewStage>>;
