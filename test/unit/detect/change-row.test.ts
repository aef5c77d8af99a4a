import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { rowOf } from '../../../src/detect/change-row.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { promotionOf } from '../../support/promotions.ts';

it('the text of a change names no client: columns do, where it can be replaced and erased', async () => {
  const clock = new ManualClock();
  const list = new MemoryBlockList({ clock });
  const act = { actor: 'anna', note: 'n' };
  const untilMs = clock.nowMs() + 60_000;
  const action = { kind: 'refuse' } as const;
  await list.add({ subject: { kind: 'ip', id: '203.0.113.9' }, action, untilMs, ...act });
  await list.add({ subject: { kind: 'user', id: 'eve@example.org', tenant: 'acme' }, action, untilMs, ...act });
  await list.setSwitch('blocks', { untilMs, ...act }, act);
  const members = { clients: 12, most: ['ip:198.51.100.7'] };
  const { evidence: seen } = promotionOf({ id: 'v', atMs: clock.nowMs() }).verdict;
  const subject = { kind: 'network', id: '198.51.100.0/24' } as const;
  await list.promote(promotionOf({ id: 'v', atMs: clock.nowMs(), subject, evidence: { ...seen, members } }));
  const logged = await list.loggedAfter(null, 9);
  if (logged.kind !== 'changes') throw new Error(logged.kind);
  const rows = logged.changes.map((change) => rowOf(change, 'e'));
  for (const { evidence } of rows) expect(evidence).not.toMatch(/203\.0\.113\.9|eve|198\.51\.100/);
  expect(rows.map(({ client }) => client).slice(0, 2)).toEqual(['203.0.113.9', 'eve@example.org']);
  expect(rows.map(({ evidence }) => JSON.parse(evidence))).toMatchObject([
    { action, origin: 'person' },
    { within: 'acme' },
    { about: 'switch:blocks' },
    { members: { clients: 12 } },
  ]);
});
