import { describe, expect, it } from 'vitest';
import type { DecisionQuestions, StoredDecision } from '../../../src/analytics/decision-questions.ts';
import { type ExplainQuery, type ExplainSources, explainSubject } from '../../../src/analytics/explain.ts';
import { type SubjectVerdict, verdictOf } from '../../../src/analytics/verdict.ts';
import type { BlockSubject } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { TidegateError } from '../../../src/errors.ts';
import { parsePolicies } from '../../../src/policy/parse.ts';
import { promotionOf } from '../../support/promotions.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Sunday noon: what instants in the sentences are counted from. */
const noonMs = Date.UTC(2026, 2, 1, 12);
const ip: BlockSubject = { kind: 'ip', id: '203.0.113.9' };
const refuse = { kind: 'refuse' } as const;

const policies = parsePolicies(`
version: 1
policies:
  - name: per-client
    scope: [client]
    limit: 60
    window: 1m
  - name: per-tenant
    scope: [tenant]
    limit: 100
    window: 1m
    algorithm: fixed-window
`);

const row = (facts: Partial<StoredDecision> = {}): StoredDecision => ({
  atMs: noonMs,
  route: 'GET /a',
  method: 'GET',
  tenant: 'default',
  region: 'eu',
  outcome: 'denied',
  source: 'store',
  policy: 'per-client',
  policyVersion: policies.version,
  scope: 'client',
  limit: 60,
  remaining: 0,
  degraded: '',
  count: 1,
  isOwn: true,
  ...facts,
});

const unasked = () => Promise.reject(new Error('not in this test'));
const answering = (decisionsAround: DecisionQuestions['decisionsAround']): DecisionQuestions => ({
  throttleRates: unasked,
  outcomes: unasked,
  offenders: unasked,
  nearLimit: unasked,
  spikes: unasked,
  clientHistory: unasked,
  decisionsAround,
});
const storing = (...rows: StoredDecision[]) => answering(() => Promise.resolve(rows));

interface Stage {
  readonly clock: ManualClock;
  readonly list: MemoryBlockList;
  /** By hand, for two hours. */
  block(subject: BlockSubject): Promise<string>;
}

const stageAt = (nowMs: number): Stage => {
  const clock = new ManualClock(nowMs);
  const list = new MemoryBlockList({ clock, random: () => 0 });
  return {
    clock,
    list,
    block: async (subject) => {
      const untilMs = clock.nowMs() + 2 * hourMs;
      const added = await list.add({ subject, action: refuse, untilMs, actor: 'anna', note: 'seen by hand' });
      if (added.kind !== 'added') throw new Error('refused');
      return added.block.id;
    },
  };
};

interface Case {
  readonly title: string;
  readonly query?: Partial<ExplainQuery>;
  readonly prepare?: (stage: Stage) => Promise<unknown>;
  readonly sources?: (stage: Stage) => Promise<Partial<ExplainSources>> | Partial<ExplainSources>;
  readonly says: RegExp;
  readonly tone: SubjectVerdict['tone'];
}

const id = '[bml]-[\\w.-]+';

const cases: readonly Case[] = [
  {
    title: 'nothing is known',
    sources: () => ({ questions: storing() }),
    says: /^ip:203\.0\.113\.9 is not blocked, and no decision about it is stored around 2026-03-01T12:00:00Z$/,
    tone: 'good',
  },
  { title: 'nobody asked the database', says: /^ip:203\.0\.113\.9 is not blocked$/, tone: 'good' },
  {
    title: 'the database is out of reach',
    sources: () => ({ questions: null }),
    says: /^ip:203\.0\.113\.9 is not blocked; what was decided is not known, for the analytics database is out of reach$/,
    tone: 'good',
  },
  {
    title: 'the database fails',
    sources: () => ({ questions: answering(() => Promise.reject(new TidegateError('TABLE_FAILED', 'gone'))) }),
    says: /the analytics database is out of reach$/,
    tone: 'good',
  },
  {
    title: 'an entry of its own',
    prepare: ({ block }) => block(ip),
    sources: () => ({ questions: storing(row()) }),
    says: new RegExp(
      `^ip:203\\.0\\.113\\.9 is refused until 2026-03-01T14:00:00Z by block ${id} of anna, an entry of its own$`,
    ),
    tone: 'bad',
  },
  {
    title: 'an entry of a network around it',
    prepare: ({ block }) => block({ kind: 'network', id: '203.0.113.0/24' }),
    says: /^ip:203\.0\.113\.9 is refused until .* of anna, an entry of network:203\.0\.113\.0\/24, which it lies in$/,
    tone: 'bad',
  },
  {
    title: 'an entry that limits',
    prepare: ({ list }) =>
      list.add({
        subject: ip,
        action: { kind: 'limit', limit: 5, windowMs: minuteMs },
        untilMs: noonMs + hourMs,
        actor: 'anna',
        note: 'n',
      }),
    says: /^ip:203\.0\.113\.9 is limited to 5 per 1m until 2026-03-01T13:00:00Z by block/,
    tone: 'bad',
  },
  {
    title: 'a list that has it',
    prepare: ({ list }) =>
      list.importList({
        list: 'feed',
        subjects: [ip],
        action: refuse,
        untilMs: noonMs + hourMs,
        actor: 'anna',
        note: 'n',
      }),
    says: /^ip:203\.0\.113\.9 is refused until 2026-03-01T13:00:00Z by block \S+ of the list feed, an entry of its own$/,
    tone: 'bad',
  },
  {
    title: 'blocks are switched off',
    prepare: async ({ list, block }) => {
      await block(ip);
      const act = { actor: 'bob', note: 'fire' };
      await list.setSwitch('blocks', { ...act, untilMs: noonMs + 10 * minuteMs }, act);
    },
    says: /^ip:203\.0\.113\.9 is not blocked now: blocks are switched off everywhere until 2026-03-01T12:10:00Z, or it would be refused until/,
    tone: 'doubtful',
  },
  {
    title: 'it is exempt from the network around it',
    prepare: async ({ list, block }) => {
      await block({ kind: 'network', id: '203.0.113.0/24' });
      const untilMs = noonMs + hourMs;
      await list.allow({ subject: ip, kind: 'allow', untilMs, actor: 'sales', note: 'partner' });
    },
    says: /^ip:203\.0\.113\.9 is not blocked: allow ip:203\.0\.113\.9 by sales until 2026-03-01T13:00:00Z \(partner\)/,
    tone: 'good',
  },
  {
    title: 'it is allowed, and denied by a limit all the same',
    prepare: ({ list }) =>
      list.allow({ subject: ip, kind: 'allow', untilMs: noonMs + hourMs, actor: 'sales', note: 'partner' }),
    sources: () => ({ questions: storing(row({ atMs: noonMs - 1000 })), policies }),
    says: /was denied at 2026-03-01T11:59:59Z on GET \/a by policy per-client: .*; it is exempt from blocks, and not from limits: allow ip:/,
    tone: 'bad',
  },
  {
    title: 'its own limit is used up',
    sources: () => ({ questions: storing(row({ count: 7 }), row({ outcome: 'allowed', atMs: noonMs - 5 })), policies }),
    says: /^ip:203\.0\.113\.9 was denied 7 times at 2026-03-01T12:00:00Z on GET \/a by policy per-client: 0 left of 60 per 1m, counted by client; one more request fits within 1s$/,
    tone: 'bad',
  },
  {
    title: 'a limit of others is used up',
    sources: () => ({
      questions: storing(row({ policy: 'per-tenant', scope: 'tenant', limit: 100 })),
      policies,
    }),
    says: /by policy per-tenant: 0 left of 100 per 1m, counted by tenant; one more request fits within 1m$/,
    tone: 'bad',
  },
  {
    title: 'the policies have changed since',
    sources: () => ({ questions: storing(row({ policyVersion: 'before', scope: '' })), policies }),
    says: /by policy per-client: 0 left of 60, counted for all clients together$/,
    tone: 'bad',
  },
  {
    title: 'a fallback denied it',
    sources: () => ({ questions: storing(row({ source: 'fallback', degraded: 'breaker-open' })), policies }),
    says: /by policy per-client: the counter store was away \(breaker open\), and this gate's own share of 60 per 1m, counted by client, was used up$/,
    tone: 'bad',
  },
  {
    title: 'no store could decide, and its policy denies then',
    sources: () => ({ questions: storing(row({ source: 'fail-closed', degraded: 'timeout', policy: '', limit: 0 })) }),
    says: /on GET \/a: the counter store was away \(timeout\), and its policy denies then$/,
    tone: 'bad',
  },
  {
    title: 'there was no room to count it by itself',
    sources: () => ({ questions: storing(row({ source: 'overflow' })) }),
    says: /by policy per-client: counted together with others for lack of room$/,
    tone: 'bad',
  },
  {
    title: 'it is let through',
    sources: () => ({ questions: storing(row({ outcome: 'allowed', remaining: 12 })), policies }),
    says: /^ip:203\.0\.113\.9 was let through at .* by policy per-client: 12 left of 60 per 1m, counted by client$/,
    tone: 'good',
  },
  {
    title: 'no store could decide, and its policy allows then',
    sources: () => ({ questions: storing(row({ outcome: 'allowed', source: 'fail-open', degraded: 'error' })) }),
    says: /was let through at .*, not counted: the counter store was away \(error\), and its policy allows that$/,
    tone: 'good',
  },
  {
    title: 'limits are switched off',
    sources: () => ({ questions: storing(row({ outcome: 'allowed', source: 'switched-off', policy: '' })) }),
    says: /was let through at .*: the limits were switched off$/,
    tone: 'good',
  },
  {
    title: 'no policy is for it',
    sources: () => ({ questions: storing(row({ outcome: 'allowed', policy: '', limit: 0 })) }),
    says: /was let through at .*: no policy matched$/,
    tone: 'good',
  },
  {
    title: 'a block refused it that was lifted since',
    sources: async ({ list, clock, block }) => {
      const blockId = await block(ip);
      clock.advance(minuteMs);
      await list.transition(blockId, { kind: 'lift', reason: 'false-positive', actor: 'bob', note: 'n' });
      return { questions: storing(row({ outcome: 'blocked', policy: 'manual', policyVersion: blockId, count: 3 })) };
    },
    says: /^ip:203\.0\.113\.9 was refused 3 times at 2026-03-01T12:00:00Z on GET \/a by block \S+ of anna on ip:203\.0\.113\.9, which was lifted by bob as a false positive$/,
    tone: 'bad',
  },
  {
    title: 'a block refused it that nobody remembers',
    sources: () => ({ questions: storing(row({ outcome: 'blocked', policy: 'breadth', policyVersion: 'b-gone' })) }),
    says: /was refused at .* by block b-gone of rule breadth$/,
    tone: 'bad',
  },
  {
    title: 'its block was lifted, and nothing happened since',
    prepare: async ({ list, block }) => {
      await list.transition(await block(ip), { kind: 'lift', reason: 'goodwill', actor: 'bob', note: 'n' });
    },
    says: /^ip:203\.0\.113\.9 is not blocked: its last one, block \S+ of anna, was lifted by bob as goodwill, and the detector leaves it alone until 2026-03-02T12:00:00Z$/,
    tone: 'good',
  },
  {
    title: 'its block is over',
    prepare: async ({ clock, block }) => {
      await block(ip);
      clock.advance(3 * hourMs);
    },
    says: /^ip:203\.0\.113\.9 is not blocked: its last one, block \S+ of anna, ended at 2026-03-01T14:00:00Z$/,
    tone: 'good',
  },
  {
    title: 'a block of it is proposed',
    prepare: async ({ list, clock }) => {
      await list.promote(promotionOf({ id: 'v-1', subject: ip, atMs: clock.nowMs() }, { mode: 'review' }));
    },
    says: /^ip:203\.0\.113\.9 is not blocked: block \S+ of rule breadth is proposed, and waits for a person$/,
    tone: 'doubtful',
  },
  {
    title: 'a block of it is proposed, and a limit denies it meanwhile',
    prepare: async ({ list, clock }) => {
      await list.promote(promotionOf({ id: 'v-1', subject: ip, atMs: clock.nowMs() }, { mode: 'review' }));
    },
    sources: () => ({ questions: storing(row({ count: 7 })), policies }),
    says: /is proposed, and waits for a person; a limit refuses it meanwhile: it was denied 7 times at 2026-03-01T12:00:00Z on GET \/a by policy per-client: /,
    tone: 'doubtful',
  },
  {
    title: 'who is blocked is somebody of this name in one tenant',
    query: { subject: { kind: 'user', id: 'alice' } },
    prepare: ({ block }) => block({ kind: 'user', id: 'alice', tenant: 'acme' }),
    says: /^user:alice is not blocked in all tenants, but acme\/user:alice is refused until .*: ask about acme\/user:alice$/,
    tone: 'doubtful',
  },
  {
    title: 'somebody within a tenant is hit by what holds for all',
    query: { subject: { ...ip, tenant: 'acme' } },
    prepare: ({ block }) => block(ip),
    says: /^acme\/ip:203\.0\.113\.9 is refused until .*, an entry of ip:203\.0\.113\.9, which holds in all tenants$/,
    tone: 'bad',
  },
  {
    title: 'then, a limit denied it, although it is blocked now',
    query: { atMs: noonMs - hourMs },
    prepare: ({ block }) => block(ip),
    sources: () => ({ questions: storing(row({ atMs: noonMs - hourMs + 500 })), policies }),
    says: /^ip:203\.0\.113\.9 was denied at 2026-03-01T11:00:00Z on GET \/a by policy per-client/,
    tone: 'bad',
  },
  {
    title: 'then, it was let through, and refused minutes later',
    query: { atMs: noonMs - hourMs },
    sources: () => ({
      questions: storing(
        row({ atMs: noonMs - hourMs + 9 * minuteMs }),
        row({ atMs: noonMs - hourMs, outcome: 'allowed', remaining: 3 }),
      ),
      policies,
    }),
    says: /^ip:203\.0\.113\.9 was let through at 2026-03-01T11:00:00Z .*; but it was denied at 2026-03-01T11:09:00Z on/,
    tone: 'doubtful',
  },
  {
    title: 'then, a block was in force that is lifted now',
    query: { atMs: noonMs + minuteMs },
    prepare: async ({ list, clock, block }) => {
      const blockId = await block(ip);
      clock.advance(hourMs);
      await list.transition(blockId, { kind: 'lift', reason: 'false-positive', actor: 'bob', note: 'n' });
    },
    sources: () => ({ questions: null }),
    says: /^ip:203\.0\.113\.9 was refused at 2026-03-01T12:01:00Z by block \S+ of anna on ip:203\.0\.113\.9, which was lifted by bob as a false positive$/,
    tone: 'bad',
  },
  {
    title: 'then, its block was lifted already',
    query: { atMs: noonMs + 50 * minuteMs },
    prepare: async ({ list, clock, block }) => {
      const blockId = await block(ip);
      clock.advance(40 * minuteMs);
      await list.transition(blockId, { kind: 'lift', reason: 'false-positive', actor: 'bob', note: 'n' });
      clock.advance(40 * minuteMs);
    },
    sources: () => ({ questions: storing() }),
    says: /^ip:203\.0\.113\.9 was not blocked at 2026-03-01T12:50:00Z as far as is known, and no decision about it is stored/,
    tone: 'good',
  },
];

describe('why somebody is refused, in one sentence', () => {
  it.each(cases)('says so when $title', async ({ query, prepare, sources, says, tone }) => {
    const stage = stageAt(noonMs);
    await prepare?.(stage);
    const more = (await sources?.(stage)) ?? {};
    const facts = await explainSubject(
      { blockList: stage.list, nowMs: stage.clock.nowMs(), ...more },
      { subject: ip, atMs: null, ...query },
    );
    const verdict = verdictOf(facts);
    expect(verdict.text).toMatch(says);
    expect(verdict.tone).toBe(tone);
    expect(verdict.text).not.toMatch(/undefined|null|\[object|\. |\n/);
  });
});
