import { describe, expect, it } from 'vitest';
import type { DecisionReader } from '../../../src/analytics/decision-reader.ts';
import type { StoredChanges } from '../../../src/analytics/stored-changes.ts';
import { IssuedTokens } from '../../../src/api/issued-tokens.ts';
import { ManualClock } from '../../../src/clock.ts';
import { changesEmitter } from '../../../src/detect/change-row.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { MemoryTokenStore } from '../../../src/embedded/memory-token-store.ts';
import { issueToken } from '../../../src/review/token-issue.ts';
import { apiUnderTest, asAnna } from './api-under-test.ts';

interface Event {
  readonly cursor: string;
  readonly kind: string;
  readonly blockId: string | null;
  readonly subject: string | null;
  readonly state: string;
  readonly actor: string;
}

const act = { actor: 'anna', note: 'n' };
const dayMs = 86_400_000;

describe('what happened', () => {
  it('is told in order, by kind, page by page, and goes on from where a reader was', async () => {
    const { api, block, blockList, clock } = await apiUnderTest();
    const id = await block('203.0.113.9');
    await blockList.transition(id, { kind: 'confirm', ...act });
    const untilMs = clock.nowMs() + dayMs;
    await blockList.allow({ subject: { kind: 'user', id: 'bob' }, kind: 'allow', untilMs, ...act });
    await blockList.setSwitch('blocks', { untilMs, ...act }, act);
    await blockList.override({ rule: 'breadth', mode: 'shadow', untilMs, ...act });
    const events: Event[] = [];
    let url = '/v1/events?limit=2';
    for (let page = 0; page < 10; page += 1) {
      const answer = (await api.inject({ url, headers: asAnna })).json();
      events.push(...answer.events);
      url = `/v1/events?limit=2&after=${answer.nextCursor}`;
      if (answer.events.length === 0) break;
    }
    expect(events.map(({ kind, state, subject }) => [kind, state, subject])).toEqual([
      ['block', 'active', 'ip:203.0.113.9'],
      ['block', 'confirmed', 'ip:203.0.113.9'],
      ['allow', 'active', 'user:bob'],
      ['switch', 'active', null],
      ['mode', 'active', null],
    ]);
    expect(new Set(events.map(({ cursor }) => cursor)).size).toBe(5);
    await block('203.0.113.10');
    const { events: newer } = (await api.inject({ url, headers: asAnna })).json();
    expect(newer).toHaveLength(1);
  });

  it('of one block is found among all the others', async () => {
    const { api, block, blockList } = await apiUnderTest();
    const [id] = await Promise.all(['203.0.113.9', '203.0.113.10', '203.0.113.11'].map(block));
    await blockList.transition(id ?? '', { kind: 'confirm', ...act });
    const { events } = (await api.inject({ url: `/v1/events?block=${id}`, headers: asAnna })).json();
    expect(events.map(({ blockId }: Event) => blockId)).toEqual([id, id]);
  });

  it('is of their own subjects alone for those who are for one tenant', async () => {
    const clock = new ManualClock();
    const store = new MemoryTokenStore({ clock });
    const blockList = new MemoryBlockList({ clock });
    const { api } = await apiUnderTest({ clock, blockList, authenticators: [new IssuedTokens({ store, clock })] });
    const untilMs = clock.nowMs() + dayMs;
    for (const tenant of ['acme', 'globex']) {
      const subject = { kind: 'user', id: 'bob', tenant } as const;
      await blockList.add({ subject, action: { kind: 'refuse' }, untilMs, ...act });
    }
    await blockList.setSwitch('blocks', { untilMs, ...act }, act);
    const made = await issueToken(
      store,
      { name: 'v', role: 'viewer', tenants: ['acme'], createdBy: 't' },
      clock.nowMs(),
    );
    const headers = { authorization: `Bearer ${made?.text}` };
    const { events } = (await api.inject({ url: '/v1/events', headers })).json();
    expect(events.map(({ subject }: Event) => subject)).toEqual(['acme/user:bob']);
  });

  it('that the log no longer keeps comes from the table, which says who asks', async () => {
    const clock = new ManualClock();
    const blockList = new MemoryBlockList({ clock, maxChanges: 3 });
    const asked: unknown[] = [];
    const { epoch } = await blockList.snapshot();
    const stored: StoredChanges = {
      changeLogs: async () => [{ emitter: changesEmitter(epoch), upTo: 5 }],
      blockChanges: async ({ after, upTo, limit }) =>
        Array.from({ length: Math.min(limit, upTo - after) }, (_, at) => ({
          sequence: after + at + 1,
          atMs: 0,
          blockId: `b${after + at + 1}`,
          subject: { kind: 'ip', id: '203.0.113.9' } as const,
          state: after + at === 1 ? 'of a later release' : 'active',
          version: 1,
          rule: 'breadth',
          action: { kind: 'refuse' } as const,
          expiresAtMs: 0,
          actor: 'detector',
          reason: '',
        })),
    };
    const within = (tenants: unknown) => {
      asked.push(tenants);
      return stored;
    };
    const { api, block } = await apiUnderTest({ clock, blockList, reader: { within } as unknown as DecisionReader });
    for (let at = 1; at < 8; at += 1) await block(`203.0.113.${at}`);
    for (const limit of [2, 500]) {
      const cursors: string[] = [];
      let url = `/v1/events?limit=${limit}&after=${epoch}.0`;
      for (let page = 0; page < 8; page += 1) {
        const answer = await api.inject({ url, headers: asAnna });
        expect(answer.statusCode, answer.body).toBe(200);
        cursors.push(...answer.json().events.map(({ cursor }: Event) => cursor));
        url = `/v1/events?limit=${limit}&after=${answer.json().nextCursor}`;
      }
      expect(cursors).toEqual([1, 3, 4, 5, 6, 7].map((sequence) => `${epoch}.${sequence}`));
    }
    expect(new Set(asked)).toEqual(new Set([null]));
    const nowhere = await api.inject({ url: `/v1/events?after=another.1`, headers: asAnna });
    expect([nowhere.statusCode, nowhere.json().next]).toEqual([410, `/v1/events?after=${epoch}.4`]);
  });

  it('that is no longer kept is 410, with where to go on', async () => {
    const clock = new ManualClock();
    const blockList = new MemoryBlockList({ clock, maxChanges: 3 });
    const { api, block } = await apiUnderTest({ clock, blockList });
    await block('203.0.113.1');
    const { nextCursor } = (await api.inject({ url: '/v1/events', headers: asAnna })).json();
    for (let at = 2; at < 9; at += 1) await block(`203.0.113.${at}`);
    const gone = await api.inject({ url: `/v1/events?after=${nextCursor}`, headers: asAnna });
    expect([gone.statusCode, gone.json().type]).toEqual([410, 'urn:tidegate:problem:gone']);
    const next = await api.inject({ url: gone.json().next, headers: asAnna });
    expect(next.json().events).toHaveLength(3);
  });
});
