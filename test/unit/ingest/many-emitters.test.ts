import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { createIngester } from '../../../src/ingest/ingester.ts';
import { silentLogger } from '../../../src/logger.ts';
import { FrameSource } from '../../support/decision-frames.ts';
import { FakeEventTable } from '../../support/fake-event-table.ts';
import { ScriptedLog } from '../../support/scripted-log.ts';

const mostNameBytes = 40_000;

it('a block names no more emitters than one question to the database can, however many there are', async () => {
  const [log, table] = [new ScriptedLog(), new FakeEventTable()];
  const emitters = 1_000;
  for (let index = 0; index < emitters; index += 1)
    log.add(new FrameSource({ emitter: `${'é'.repeat(60)}${index}` }).frameOf(1));
  const ingester = createIngester({ log, table, clock: new ManualClock(), logger: silentLogger });
  await ingester.start();
  await log.deliver(0, emitters);
  expect(table.total).toBe(emitters);
  const blocks = [...table.ledger.values()];
  expect(blocks.length).toBeLessThan(8);
  for (const { emitters: named } of blocks)
    expect(named.reduce((sum, { emitter }) => sum + Buffer.byteLength(emitter), 0)).toBeLessThan(mostNameBytes);
});

it('one emitter with many small frames makes one block', async () => {
  const [log, table] = [new ScriptedLog(), new FakeEventTable()];
  const source = new FrameSource({ emitter: 'e'.repeat(64) });
  for (let index = 0; index < 1_000; index += 1) log.add(source.frameOf(1));
  const ingester = createIngester({ log, table, clock: new ManualClock(), logger: silentLogger });
  await ingester.start();
  await log.deliver(0, 1_000);
  expect(table.ledger.size).toBe(1);
});
