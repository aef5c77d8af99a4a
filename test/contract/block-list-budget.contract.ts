import { expect, it } from 'vitest';
import type { BlockBudget, TrafficNote } from '../../src/blocklist/block-promoter.ts';
import { budget as ample, promotionOf } from '../support/promotions.ts';
import { ada, hourMs, ip, minuteMs, network, type OnStage, type Stage, startMs } from './block-list-stage.ts';

const budgetOf = (change: Partial<BlockBudget>): BlockBudget => ({ ...ample, ...change });
const { evidence } = promotionOf({ id: 'any', atMs: 0 }).verdict;

/** How much rules may block, and the breakers behind that. */
export const budgetContract = (onStage: OnStage): void => {
  let next = 0;
  interface Terms {
    readonly rule?: BlockBudget;
    readonly all?: BlockBudget;
    readonly name?: string;
  }
  /** Another client each time. */
  const promote = (stage: Stage, { rule = ample, all = ample, name = 'breadth' }: Terms) => {
    next += 1;
    const subject = ip(`198.51.${next >> 8}.${next & 255}`);
    return stage.promote({ subject, rule: name }, { budget: { rule, all } });
  };
  /** What becomes of so many in a row: A is activated, P proposed. */
  const kindsOf = async (stage: Stage, count: number, terms: Terms) => {
    const kinds: string[] = [];
    for (let index = 0; index < count; index += 1) kinds.push((await promote(stage, terms)).kind);
    return kinds.map((kind) => (kind === 'activated' ? 'A' : kind === 'proposed' ? 'P' : '?')).join('');
  };
  const breakerOf = async (stage: Stage, name: string) =>
    (await stage.list.breakers()).find(({ rule }) => rule === name) ?? null;

  it('opens the breaker of a rule that is over its budget, and proposes all that comes until a person resets it', async () => {
    const stage = onStage();
    const three = budgetOf({ blocksPerHour: 3 });
    expect(await kindsOf(stage, 5, { rule: three })).toBe('AAAPP');
    expect(await breakerOf(stage, 'breadth')).toMatchObject({ state: 'open', sinceMs: startMs, blocks: 3, clients: 3 });
    expect((await stage.list.list({ states: ['proposed'] })).blocks[0]?.reason).toBe('over the budget of rule breadth');
    expect(await kindsOf(stage, 1, { rule: three, name: 'depth' })).toBe('A');
    stage.clock.advance(2 * hourMs);
    expect(await kindsOf(stage, 1, { rule: three })).toBe('P');
    expect(await stage.list.resetBreaker('breadth', ada)).toBe(true);
    expect(await stage.list.resetBreaker('breadth', ada)).toBe(false);
    expect(await breakerOf(stage, 'breadth')).toMatchObject({ state: 'half-open', reason: ada.note });
    stage.clock.advance(1000);
    expect(await kindsOf(stage, 1, { rule: three })).toBe('A');
  });

  it('opens a half-open breaker again when it trips within the hour, and closes it when it does not', async () => {
    const stage = onStage();
    const two = budgetOf({ blocksPerHour: 2 });
    expect(await kindsOf(stage, 3, { rule: two })).toBe('AAP');
    await stage.list.resetBreaker('breadth', ada);
    stage.clock.advance(1000);
    expect(await kindsOf(stage, 4, { rule: two })).toBe('AAPP');
    expect((await breakerOf(stage, 'breadth'))?.state).toBe('open');
    await stage.list.resetBreaker('breadth', ada);
    stage.clock.advance(hourMs - 1000);
    expect((await breakerOf(stage, 'breadth'))?.state).toBe('half-open');
    expect(await kindsOf(stage, 2, { rule: two })).toBe('AA');
    stage.clock.advance(1000);
    expect((await breakerOf(stage, 'breadth'))?.state).toBe('closed');
    expect(await kindsOf(stage, 1, { rule: two })).toBe('P');
  });

  it('never lets a rule make more blocks in a minute than it may, whatever else it may', async () => {
    const stage = onStage();
    const two = budgetOf({ blocksPerMinute: 2 });
    expect(await kindsOf(stage, 2, { rule: two })).toBe('AA');
    stage.clock.advance(minuteMs);
    expect(await kindsOf(stage, 3, { rule: two })).toBe('AAP');
  });

  it('lets more through than the floor while they hit only a share of clients and of requests', async () => {
    const stage = onStage();
    const minute = (windowStartMs: number, rest: Omit<TrafficNote, 'windowStartMs'>) =>
      stage.list.noteTraffic([{ windowStartMs, ...rest }]);
    await minute(startMs - 2 * hourMs, { partition: 0, allowed: 1_000_000, clients: 1_000_000 });
    await minute(startMs - 2 * minuteMs, { partition: 0, allowed: 500, clients: 60 });
    await minute(startMs - minuteMs, { partition: 0, allowed: 99_999, clients: 999 });
    await minute(startMs - minuteMs, { partition: 0, allowed: 500, clients: 40 });
    await minute(startMs - minuteMs, { partition: 1, allowed: 600, clients: 40 });
    expect(await stage.list.traffic()).toEqual({ allowed: 1600, clients: 100 });
    // Each block hits 1 client and 12 allowed requests: 3 of 100 clients; 80 of 1600 requests would be 6 blocks.
    const clients = budgetOf({ blocksPerHour: 1, clientShare: 0.03, requestShare: 0.05 });
    expect(await kindsOf(stage, 4, { rule: clients })).toBe('AAAP');
    // 48 requests are 4 blocks.
    const requests = budgetOf({ blocksPerHour: 1, clientShare: 1, requestShare: 0.03 });
    expect(await kindsOf(stage, 5, { rule: requests, name: 'depth' })).toBe('AAAAP');
  });

  it('counts a network by the clients in it', async () => {
    const stage = onStage();
    await stage.list.noteTraffic([{ partition: 0, windowStartMs: startMs, allowed: 100_000, clients: 100 }]);
    const rule = budgetOf({ blocksPerHour: 0, clientShare: 0.1, requestShare: 1 });
    const ask = (id: string, clients: number) =>
      stage.promote(
        { subject: network(id), evidence: { ...evidence, members: { clients, most: [] } } },
        { budget: { rule, all: ample } },
      );
    expect((await ask('192.0.2.0/24', 6)).kind).toBe('activated');
    expect((await ask('198.51.100.0/24', 4)).kind).toBe('activated');
    expect((await ask('203.0.113.0/24', 1)).kind).toBe('proposed');
    expect(await breakerOf(stage, 'breadth')).toMatchObject({ blocks: 2, clients: 10, requests: 24 });
  });

  it('has a budget of all rules together beside that of each', async () => {
    const stage = onStage();
    const all = budgetOf({ blocksPerHour: 3 });
    expect(await kindsOf(stage, 2, { all, name: 'one' })).toBe('AA');
    expect(await kindsOf(stage, 2, { all, name: 'two' })).toBe('AP');
    expect((await breakerOf(stage, '*'))?.state).toBe('open');
    expect((await breakerOf(stage, 'two'))?.state).toBe('closed');
    expect(await kindsOf(stage, 1, { all, name: 'three' })).toBe('P');
    const reasons = (await stage.list.list({ states: ['proposed'] })).blocks.map(({ reason }) => reason);
    expect(reasons).toEqual(['over the budget of all rules together', 'over the budget of all rules together']);
    expect((await stage.list.breakers()).map(({ rule }) => rule)).toEqual(['*', 'one', 'two']);
  });

  it('blocks nobody with a budget of nothing', async () => {
    const stage = onStage();
    expect(await kindsOf(stage, 1, { rule: budgetOf({ blocksPerHour: 0 }) })).toBe('P');
    expect(await kindsOf(stage, 1, { rule: budgetOf({ blocksPerMinute: 0 }), name: 'depth' })).toBe('P');
  });

  it('tells of a breaker once when it opens and once when it is reset', async () => {
    const stage = onStage();
    const none = budgetOf({ blocksPerHour: 0 });
    await promote(stage, { rule: none });
    await promote(stage, { rule: none });
    await stage.list.resetBreaker('breadth', ada);
    const after = await stage.list.loggedAfter(null, 100);
    if (after.kind !== 'changes') throw new Error('a gap');
    expect(after.changes.map(({ block }) => [block.id.split(':')[0]?.slice(0, 9), block.state, block.actor])).toEqual([
      ['breaker', 'active', 'detector'],
      [expect.stringMatching(/^b-v/), 'proposed', 'detector'],
      [expect.stringMatching(/^b-v/), 'proposed', 'detector'],
      ['breaker', 'lifted', 'ada'],
    ]);
  });
};
