import { describe, expect, it } from 'vitest';
import { ChangeWatch } from '../../../src/alert/change-watch.ts';
import { bodyOf, messageIdOf, noticeOfChange } from '../../../src/alert/notice.ts';
import { clientOf } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { MemoryOutbox } from '../../../src/embedded/memory-outbox.ts';
import { promotionOf } from '../../support/promotions.ts';

const ada = { actor: 'ada', note: 'why not' };

const stage = (maxChanges?: number) => {
  const clock = new ManualClock();
  const list = new MemoryBlockList({ clock, ...(maxChanges === undefined ? {} : { maxChanges }) });
  const outbox = new MemoryOutbox({ clock });
  const watchOf = () => new ChangeWatch({ changes: list, outbox, clock });
  const promote = (n: number, mode: 'review' | 'enforce' | 'shadow' = 'review') =>
    list.promote(
      promotionOf({ id: `v${n}`, atMs: clock.nowMs(), subject: clientOf('ip', `203.0.113.${n}`) }, { mode }),
    );
  const told = async () =>
    (await outbox.inbox(1000)).map(({ kind, data }) => `${kind} ${data['subject'] ?? data['rule']}`);
  return { clock, list, outbox, watchOf, promote, told };
};

describe('what people are told of the block list', () => {
  it('is each proposal, once, whoever looks and however often', async () => {
    const { watchOf, promote, told, list, clock } = stage();
    const [one, other] = [watchOf(), watchOf()];
    await one.look();
    await promote(1);
    await promote(2, 'enforce');
    await promote(3, 'shadow');
    const added = { subject: clientOf('ip', '203.0.113.9'), action: { kind: 'refuse' }, ...ada } as const;
    await list.add({ ...added, untilMs: clock.nowMs() + 60_000 });
    await Promise.all([one.look(), other.look()]);
    await one.look();
    expect(await told()).toEqual(['block.proposed ip:203.0.113.1']);
  });

  it('is not what becomes of a proposal', async () => {
    const { watchOf, promote, told, list } = stage();
    const watch = watchOf();
    await watch.look();
    const made = await promote(1);
    if (made.kind !== 'proposed') throw new Error(made.kind);
    await list.transition(made.block.id, { kind: 'assign', assignee: 'ada', ...ada });
    await list.transition(made.block.id, { kind: 'activate', ...ada });
    await watch.look();
    expect(await told()).toEqual(['block.proposed ip:203.0.113.1']);
  });

  it('is not what happened before anybody asked to be told', async () => {
    const { watchOf, promote, told, clock } = stage();
    for (let n = 1; n <= 5; n += 1) await promote(n);
    clock.advance(3_600_000);
    await watchOf().look();
    await promote(6);
    await watchOf().look();
    expect(await told()).toEqual(['block.proposed ip:203.0.113.6']);
  });

  it('goes on where it stood after a restart, and past changes that are gone', async () => {
    const { watchOf, promote, told } = stage(3);
    await watchOf().look();
    await promote(1);
    await watchOf().look();
    for (let n = 2; n <= 9; n += 1) await promote(n);
    await watchOf().look();
    expect(await told()).toEqual([1, 7, 8, 9].map((n) => `block.proposed ip:203.0.113.${n}`));
  });

  it('is told again when it could not be noted how far it was, and known to the outbox by then', async () => {
    const { watchOf, promote, told, outbox } = stage();
    await watchOf().look();
    await promote(1);
    const { markCursor } = outbox;
    outbox.markCursor = () => Promise.reject(new Error('killed'));
    await expect(watchOf().look()).rejects.toThrow('killed');
    outbox.markCursor = markCursor;
    await watchOf().look();
    expect(await told()).toHaveLength(1);
  });
});

describe('a notice', () => {
  const change = (block: object) => noticeOfChange({ sequence: 1, timeMs: 1_750_000_000_000, block } as never);

  it('of a breaker is one for each time that it opens, and none when it is reset', () => {
    const breaker = { id: 'breaker:breadth', rule: 'breadth', state: 'active', version: 1, reason: 'open: 51 blocks' };
    expect(change(breaker)).toEqual({
      kind: 'breaker.opened',
      id: 'breaker.opened breadth 1750000000000',
      at: '2025-06-15T15:06:40.000Z',
      data: { rule: 'breadth', reason: '51 blocks' },
    });
    expect(change({ ...breaker, state: 'lifted' })).toBeNull();
  });

  it('of a proposal is of the making of it alone: what people note on it later is no news', () => {
    const block = {
      id: 'b-1',
      subject: clientOf('ip', '203.0.113.1'),
      expiresAtMs: 1,
      evidence: null,
      state: 'proposed',
    };
    expect(change({ ...block, version: 1 })).toMatchObject({ kind: 'block.proposed', data: { evidence: null } });
    expect(change({ ...block, version: 2 })).toBeNull();
    expect(change({ ...block, version: 1, state: 'active' })).toBeNull();
  });

  it('has an id that a header may hold, whatever the rule is called, and says its kind and time in the body', () => {
    const id = messageIdOf('breaker.opened ä\r\nx: y 17');
    expect(id).toMatch(/^msg_[\w-]{27}$/);
    expect(messageIdOf('other')).not.toBe(id);
    const body = bodyOf({ kind: 'rule.demoted', id: 'x', at: '2025-06-15T15:06:40.000Z', data: { rule: 'a' } });
    expect(JSON.parse(body)).toEqual({
      type: 'rule.demoted',
      timestamp: '2025-06-15T15:06:40.000Z',
      data: { rule: 'a' },
    });
  });
});
