import type { DecisionReader } from '../../src/analytics/decision-reader.ts';
import { IssuedTokens } from '../../src/api/issued-tokens.ts';
import { createApi } from '../../src/api/server.ts';
import type { BlockList } from '../../src/blocklist/block-list.ts';
import { clientOf } from '../../src/client.ts';
import type { Clock } from '../../src/clock.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { MemoryReviewRecords } from '../../src/embedded/memory-review-records.ts';
import { MemoryTokenStore } from '../../src/embedded/memory-token-store.ts';
import { createGate } from '../../src/gate/gate.ts';
import { aloneWith } from '../../src/limiter/fleet.ts';
import { MemoryLimitStore } from '../../src/limiter/memory-limit-store.ts';
import { definePolicies } from '../../src/policy/static-source.ts';
import type { ReviewRecords } from '../../src/review/records.ts';
import { createReview } from '../../src/review/review.ts';
import type { Grant } from '../../src/review/roles.ts';
import { issueToken } from '../../src/review/token-issue.ts';
import type { TokenStore } from '../../src/review/tokens.ts';
import { promotionOf } from './promotions.ts';

/** The configured token, which may do everything. */
export const adminToken = 'admin-0123456789abcdef';
export const asAdmin = { authorization: `Bearer ${adminToken}` };

/** Up to here a delay is a pause; beyond it a bound that nothing is meant to reach. */
const longestPauseMs = 20_000;

/** Real time, but nobody waits for long. */
export const hurried = (clock: Clock): Clock => ({
  nowMs: () => clock.nowMs(),
  monotonicUs: () => clock.monotonicUs(),
  schedule: (delayMs, task) => clock.schedule(delayMs > longestPauseMs ? delayMs : Math.min(delayMs, 5), task),
  sleep: (delayMs) => clock.sleep(Math.min(delayMs, 5)),
});

const nothingCounted = {
  decisions: 0,
  allowed: 0,
  denied: 0,
  blocked: 0,
  degraded: 0,
  storeCommandsSaved: 0,
  storeBytesSaved: 0,
  switchedOff: 0,
};

const statusNow = async () => ({
  version: '0.0.0',
  region: 'test',
  phase: 'running' as const,
  uptimeMs: 0,
  gate: { ...nothingCounted, policyVersion: 'v' },
  fleet: { liveGates: 1, policyVersions: { v: 1 }, ageMs: null },
  blockList: { entries: 0, ageMs: null },
  events: { recorded: 0, sent: 0, waiting: 0, lost: 0 },
  ingest: null,
  stored: null,
  abuse: null,
});

export interface FullApiParts {
  readonly clock: Clock;
  readonly blockList?: BlockList;
  readonly records?: ReviewRecords;
  readonly tokenStore?: TokenStore;
  readonly reader?: DecisionReader | null;
  readonly openReads?: boolean;
}

/** The whole API, with every route that it can have; over memory engines unless others are given. */
export const fullApi = async ({ clock, openReads = false, reader = null, ...given }: FullApiParts) => {
  const blockList = given.blockList ?? new MemoryBlockList({ clock });
  const records = given.records ?? new MemoryReviewRecords({ clock });
  const tokenStore = given.tokenStore ?? new MemoryTokenStore({ clock });
  const limitStore = new MemoryLimitStore({ clock });
  const policies = definePolicies([{ name: 'per-client', limit: 60, window: '1m' }]);
  const events = { record: () => undefined };
  const gate = createGate({ policies, store: limitStore, events, clock });
  const review = createReview({ blockList, records, clock });
  const gates = aloneWith({ policyVersion: () => policies.current().version });
  const api = await createApi({
    clock,
    version: '0.0.0',
    tokens: [`root=${adminToken}`],
    authenticators: [new IssuedTokens({ store: tokenStore, clock })],
    tokenStore,
    openReads,
    gate,
    limitStore,
    blockList,
    events,
    reader,
    fleet: { gates, policies },
    review,
    health: { phase: () => 'running', dependencies: () => Promise.resolve([]) },
    status: statusNow,
    scrape: async () => '# nothing\n',
  });
  const issue = async (role: Grant, tenants: readonly string[] | null = null, forMs = 3_600_000): Promise<string> => {
    const request = { name: `${role}-${tenants?.join('+') ?? 'all'}`, role, tenants, createdBy: 'test' };
    const issued = await issueToken(tokenStore, { ...request, expiresAtMs: clock.nowMs() + forMs }, clock.nowMs());
    if (issued === null) throw new Error('no token was made');
    return issued.text;
  };
  const block = async (address: string, tenant = ''): Promise<string> => {
    const verdict = { id: `v-${address}`, atMs: clock.nowMs(), subject: clientOf('ip', address), tenant };
    const result = await blockList.promote(promotionOf(verdict));
    if (!('block' in result)) throw new Error(`not promoted: ${result.kind}`);
    return result.block.id;
  };
  const close = async (): Promise<void> => {
    await api.close();
    await review.close();
  };
  return { api, blockList, tokenStore, clock, issue, block, close };
};

export type FullApi = Awaited<ReturnType<typeof fullApi>>;
