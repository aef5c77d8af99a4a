import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import type { OutgoingFrame } from '../../../src/event/event-log.ts';
import { crc32Hex } from '../../../src/event/frame.ts';
import { createIngester, type Ingester } from '../../../src/ingest/ingester.ts';
import { silentLogger } from '../../../src/logger.ts';
import { baseTimeMs, decisionEvent, decisionFrame, FrameSource } from '../../support/decision-frames.ts';
import { FakeEventTable, poison } from '../../support/fake-event-table.ts';
import { Death, ScriptedLog } from '../../support/scripted-log.ts';

let log: ScriptedLog;
let table: FakeEventTable;
let source: FrameSource;

beforeEach(() => {
  log = new ScriptedLog();
  table = new FakeEventTable();
  source = new FrameSource();
});

const start = async (): Promise<Ingester> => {
  const ingester = createIngester({ log, table, clock: new ManualClock(), logger: silentLogger });
  await ingester.start();
  return ingester;
};

describe('bad frames', () => {
  const garbled = (): void => {
    const { headers } = source.frameOf(1);
    log.addRaw({ v: '1', emitter: headers.emitter, rows: 'many' }, Buffer.from('?'));
  };

  it('buries a frame whose headers cannot be read, with offset, error and bytes, and goes on', async () => {
    log.add(source.frameOf(2));
    garbled();
    log.add(source.frameOf(2));
    const ingester = await start();
    await log.deliver(0, 3);
    expect(table.total).toBe(4);
    expect(ingester.stats().deadLetters).toBe(1);
    const [line = '', rest] = String(log.deadLetters[0]?.body).split('\n');
    expect(JSON.parse(line)).toMatchObject({ topic: 'tidegate.decisions', partition: 0, offset: 1, bytes: 1 });
    expect(JSON.parse(line).error).toMatch(/header/);
    expect(rest).toBe('?');
  });

  it.each([
    ['another checksum', (body: Buffer) => Buffer.concat([body, Buffer.from(' ')])],
    ['a body cut short', (body: Buffer) => body.subarray(0, body.length - 3)],
  ])('buries a frame with %s', async (_, damage) => {
    const frame = source.frameOf(2);
    log.add({ ...frame, body: damage(frame.body) }, source.frameOf(1));
    const ingester = await start();
    await log.deliver(0, 2);
    expect(table.total).toBe(1);
    expect(ingester.stats().deadLetters).toBe(1);
  });

  it.each([
    ['emitter', { emitter: 'another' }],
    ['partition', { partition: 1 }],
    ['position', { seq: 40 }],
    ['time', { timeMs: baseTimeMs - 1_000 }],
  ])('buries a frame of which the last row is of another %s: it would be stored again and again', async (_, facts) => {
    const good = source.frameOf(2);
    const { body } = decisionFrame([decisionEvent({ seq: 3 }), decisionEvent({ seq: 4, ...facts })]);
    const { headers, ...frame } = decisionFrame([decisionEvent({ seq: 3 }), decisionEvent({ seq: 4 })]);
    log.add(good, { ...frame, body, headers: { ...headers, crc32: crc32Hex([body]) } });
    const ingester = await start();
    await log.deliver(0, 2);
    expect(table.total).toBe(2);
    expect(ingester.stats().deadLetters).toBe(1);
  });

  it('buries the one frame that the database cannot read, and stores all others', async () => {
    const frames = Array.from({ length: 9 }, () => source.frameOf(2));
    log.add(...frames, source.frame({ client: poison }), source.frameOf(5));
    const ingester = await start();
    await log.deliver(0, 11);
    expect(table.total).toBe(23);
    expect(table.derived).toBe(23);
    expect(ingester.stats()).toMatchObject({ deadLetters: 1, rows: 23 });
    expect(log.committed).toEqual({ offset: 11, metadata: '' });
  });

  const rewritten = (rows: number, bad: readonly number[], rewrite: (line: string, index: number) => string) => {
    const frame = source.frameOf(rows);
    const lines = frame.body.toString().split('\n');
    for (const index of bad) lines[index] = rewrite(lines[index] ?? '', index);
    const body = Buffer.from(lines.join('\n'));
    return { ...frame, body, headers: { ...frame.headers, crc32: crc32Hex([body]) } };
  };

  /** A frame of which some rows are no events: valid headers, valid checksum. */
  const damaged = (rows: number, bad: readonly number[]): OutgoingFrame =>
    rewritten(rows, bad, (_, index) => `{"${poison}":${index}}`);

  /** The same, with rows that only the database refuses. */
  const refused = (rows: number, bad: readonly number[]): OutgoingFrame =>
    rewritten(rows, bad, (line) => line.replace(/"count":1/, `"count":"${poison}"`));

  it('buries the single rows that cannot be read, and stores the rest of their frame', async () => {
    log.add(source.frameOf(4), damaged(6, [0, 3, 5]), source.frameOf(2));
    const ingester = await start();
    await log.deliver(0, 3);
    expect(table.total).toBe(9);
    expect(table.derived).toBe(9);
    expect(table.rows.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 6, 7, 9, 11, 12]);
    expect(ingester.stats()).toMatchObject({ deadLetters: 3, rows: 9, missingRows: 0 });
    const letters = log.deadLetters.map(({ body }) => body.toString().split('\n'));
    expect(letters.map(([line = '']) => JSON.parse(line).index)).toEqual([0, 3, 5]);
    expect(letters.map(([, bytes]) => bytes)).toEqual([0, 3, 5].map((index) => `{"${poison}":${index}}`));
  });

  it('buries the single rows that only the database refuses, and stores the rest of their frame', async () => {
    log.add(source.frameOf(4), refused(6, [0, 3, 5]), source.frameOf(2));
    const ingester = await start();
    await log.deliver(0, 3);
    expect(table.rows.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 6, 7, 9, 11, 12]);
    expect(ingester.stats()).toMatchObject({ deadLetters: 3, rows: 9, missingRows: 0 });
  });

  it('buries the one row whose text is no Unicode: a caller must not take the others of the frame with it', async () => {
    const texts = ['\ud83d\ude00', '\\ud800', `${poison}\ud800`, 'plain'];
    log.add(source.frame(...texts.map((tenant) => ({ tenant }))));
    const ingester = await start();
    await log.deliver(0, 1);
    expect(table.rows.map(({ seq }) => seq)).toEqual([1, 2, 4]);
    expect(ingester.stats()).toMatchObject({ deadLetters: 1, rows: 3 });
  });

  it('leaves the same rows out when its predecessor died between announcing and storing the rest', async () => {
    log.add(refused(6, [2]));
    await start();
    let inserts = 0;
    table.faultOf = () => {
      inserts += 1;
      if (inserts === 2) throw new Death();
      return null;
    };
    await expect(log.deliver(0, 1)).rejects.toThrow(Death);
    const ingester = await start();
    await log.deliver(0, 1);
    expect(table.rows.map(({ seq }) => seq)).toEqual([1, 2, 4, 5, 6]);
    expect(ingester.stats()).toMatchObject({ changedBlocks: 0, deadLetters: 1 });
  });

  it('buries it too when its predecessor died of it', async () => {
    log.add(source.frameOf(2), source.frame({ client: poison }), source.frameOf(5));
    await start();
    table.faultOf = () => {
      throw new Death();
    };
    await expect(log.deliver(0, 3)).rejects.toThrow(Death);
    table.faultOf = () => null;
    const ingester = await start();
    await log.deliver(0, 3);
    expect(table.total).toBe(7);
    expect(ingester.stats().deadLetters).toBe(1);
  });
});
