import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/clickhouse/database.ts';
import type { RowBlock, RowRun, StoredBlock } from '../../src/ingest/event-table.ts';
import { maxMonths } from '../../src/ingest/months.ts';
import { baseTimeMs, FrameSource } from '../support/decision-frames.ts';
import { blockOf, runOf } from '../support/row-block.ts';
import { decisionQuestionsContract } from './decision-questions.contract.ts';
import { decisionReaderContract } from './decision-reader.contract.ts';
import { storedChangesContract } from './stored-changes.contract.ts';

const yearMs = 365.25 * 86_400_000;

/** What every decision table keeps. Each test has a partition of its own; the database is shared. */
export const eventTableContract = (title: string, open: () => Promise<Database>): void => {
  describe(title, () => {
    let database: Database;
    let partition = 0;
    const source = (emitter = 'emitter-1'): FrameSource => new FrameSource({ emitter, partition });
    const nextPartition = (): void => {
      partition += 1;
    };
    const ofPartition = async (): Promise<object | undefined> =>
      (await database.auditor.partitionTotals()).find((totals) => totals.partition === partition);
    const exact = (events: number, decisions = events): object => ({
      partition,
      events,
      decisions,
      minuteDecisions: decisions,
      drift: 0,
      doubledEvents: 0,
    });

    beforeAll(async () => {
      database = await open();
      await database.migrate();
    });
    afterAll(() => database.close());

    it('stores every row of a block, in raw and in the minutes', async () => {
      nextPartition();
      const { runs } = blockOf([source().frame({ count: 3 }, { outcome: 'denied', count: 4 })]);
      await database.table.insert(runs, `t:${partition}`);
      expect(await ofPartition()).toEqual(exact(2, 7));
    });

    it('stores a block once, however often it comes with the same token', async () => {
      nextPartition();
      const { runs } = blockOf([source().frameOf(20)]);
      for (let round = 0; round < 4; round += 1) await database.table.insert(runs, `t:${partition}`);
      expect(await ofPartition()).toEqual(exact(20));
    });

    it('stores blocks of equal content under different tokens, and lends no token to a later block', async () => {
      nextPartition();
      const events = source();
      await database.table.insert(blockOf([events.frameOf(1)]).runs, `t:${partition}:a`);
      await database.table.insert(blockOf([events.frameOf(1)]).runs, `t:${partition}:b`);
      await database.table.insert(blockOf([events.frameOf(1)]).runs, `t:${partition}:c`);
      expect(await ofPartition()).toEqual(exact(3));
    });

    it('counts which rows of a block are stored, and no others', async () => {
      nextPartition();
      const [one, two] = [source('one'), source('two')];
      const [before, inside, after] = [one.frameOf(3), one.frameOf(4), one.frameOf(5)];
      const other = two.frameOf(9);
      const block = blockOf([inside, other]);
      expect(await database.table.storedRows(block)).toEqual({ rows: 0, seqs: new Map() });
      await database.table.insert([before, inside, after].map(runOf), `t:${partition}`);
      expect(await database.table.storedRows(block)).toEqual({
        rows: 4,
        seqs: new Map([['one', new Set([4, 5, 6, 7])]]),
      });
    });

    it('says that rows are stored twice when they are', async () => {
      nextPartition();
      const block = blockOf([source().frameOf(2)]);
      await database.table.insert(block.runs, `t:${partition}:a`);
      await database.table.insert(block.runs, `t:${partition}:b`);
      expect((await database.table.storedRows(block)).rows).toBe(4);
      expect(await ofPartition()).toMatchObject({ doubledEvents: 2 });
    });

    it('keeps time to the millisecond and text to the character', async () => {
      nextPartition();
      const client = 'ключ "\\ 😀';
      const timeMs = baseTimeMs + 123;
      const frame = source().frame({ client, timeMs, outcome: 'denied', clientKind: 'key' });
      await database.table.insert([runOf(frame)], `t:${partition}`);
      const denied = await database.reader.topDeniedClients({ fromMs: timeMs, toMs: timeMs + 1, limit: 1000 });
      expect(denied.find((row) => row.client === client)).toMatchObject({ clientKind: 'key', lastDeniedAtMs: timeMs });
    });

    it.each([
      ['is of another type', '{"time":"soon"}'],
      ['nests without end', `{"more":${'['.repeat(5000)}${']'.repeat(5000)}}`],
    ])('stores nothing of a block in which the database cannot read one row: it %s', async (_, line) => {
      nextPartition();
      const good = runOf(source().frameOf(5));
      const bad = { ...good, firstSeq: 6, rows: 1, body: Buffer.from(`${line}\n`) };
      await expect(database.table.insert([good, bad], `t:${partition}`)).rejects.toMatchObject({
        code: 'FRAME_CORRUPT',
      });
      expect(await ofPartition()).toBeUndefined();
      await database.table.insert([good], `t:${partition}:again`);
      expect(await ofPartition()).toEqual(exact(5));
    });

    it('reads the rows of an older emitter, which knew neither candidates nor compensation', async () => {
      nextPartition();
      const run = runOf(source().frameOf(1));
      const body = Buffer.from(run.body.toString().replace('"candidate_outcome":"","compensated":0,', ''));
      expect(body.length).toBeLessThan(run.body.length);
      await database.table.insert([{ ...run, body }], `t:${partition}`);
      expect(await ofPartition()).toEqual(exact(1));
    });

    it('reads the rows of a newer emitter, without the fields it does not know', async () => {
      nextPartition();
      const run = runOf(source().frameOf(1));
      const body = Buffer.from(run.body.toString().replace('{', '{"invented_later":[1],'));
      await database.table.insert([{ ...run, body }], `t:${partition}`);
      expect(await ofPartition()).toEqual(exact(1));
    });

    it('stores a block of as many months as ingest puts into one, and keeps what is as old as that', async () => {
      nextPartition();
      const events = Array.from({ length: maxMonths }, (_, month) => ({
        timeMs: Math.round(baseTimeMs + (month * yearMs) / 12),
      }));
      await database.table.insert([runOf(source().frame(...events))], `t:${partition}`);
      expect(await ofPartition()).toEqual(exact(maxMonths));
    });

    it('remembers how far each emitter of a partition came', async () => {
      nextPartition();
      const [one, two] = [source('one'), source('two')];
      await database.table.insert([one.frameOf(3), two.frameOf(8), one.frameOf(2)].map(runOf), `t:${partition}`);
      expect(await database.table.marks(partition)).toEqual(new Map(Object.entries({ one: 5, two: 8 })));
      expect(await database.table.marks(partition + 1000)).toEqual(new Map());
    });

    it('repairs nothing where nothing is wrong', async () => {
      nextPartition();
      const block = blockOf([source().frame({ count: 5, early: 2 }, { outcome: 'denied', degraded: 'timeout' })]);
      await database.table.insert(block.runs, `t:${partition}`);
      await database.table.repair(block);
      await database.table.repair(block);
      expect(await ofPartition()).toEqual(exact(2, 6));
    });

    it('writes down a block that is stored, however often it is said', async () => {
      nextPartition();
      const block: StoredBlock = {
        topic: 'tidegate.decisions',
        topicId: 'first',
        partition,
        startOffset: 3,
        endOffset: 5,
        rows: 2,
        crc32: '0123abcd',
        minTimeMs: baseTimeMs,
        maxTimeMs: baseTimeMs + 1,
        emitters: [
          { emitter: 'one "1"', firstSeq: 1, lastSeq: 2, rows: 2, missingRows: 0, total: 9, ended: false },
          { emitter: 'two', firstSeq: 8, lastSeq: 7, rows: 0, missingRows: 7, total: 4, ended: true },
        ],
        doubledRows: 1,
        deadLetters: 2,
        lostRecords: 1,
        settled: false,
      };
      for (let round = 0; round < 3; round += 1) await database.table.keepAccount(block);
      await database.table.keepAccount({ ...block, settled: true });
      await database.table.keepAccount({ ...block, startOffset: 5, endOffset: 6, rows: 0, emitters: [] });
    });

    it('knows where the ledger of a partition ends, in the topic that has the name now', async () => {
      nextPartition();
      const block: StoredBlock = {
        ...{ topic: 'tidegate.decisions', topicId: 'first', partition, startOffset: 0, endOffset: 900, rows: 0 },
        ...{ crc32: '00000000', minTimeMs: 0, maxTimeMs: 0, emitters: [], doubledRows: 0, deadLetters: 0 },
        ...{ lostRecords: 0, settled: false },
      };
      expect(await database.table.ledgerEnd(block.topic, partition)).toBeNull();
      await database.table.keepAccount(block);
      await database.table.keepAccount({ ...block, startOffset: 900, endOffset: 950 });
      expect(await database.table.ledgerEnd(block.topic, partition)).toEqual({ topicId: 'first', endOffset: 950 });
      expect(await database.table.ledgerEnd('another', partition)).toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 5));
      await database.table.keepAccount({ ...block, topicId: 'second', startOffset: 0, endOffset: 7 });
      expect(await database.table.ledgerEnd(block.topic, partition)).toEqual({ topicId: 'second', endOffset: 7 });
    });

    it.each(['blocks', 'policies', 'health'] as const)(
      'stores, counts and marks the rows of %s by the same rules',
      async (name) => {
        nextPartition();
        // Of the topic of health, marks are those of the last days.
        const fromMs = Date.now();
        const table = database[name];
        const line = (seq: number): string => JSON.stringify({ time: fromMs + seq, emitter: 'one', partition, seq });
        const run = (firstSeq: number, rows: number): RowRun => {
          const lines = Array.from({ length: rows }, (_, index) => `${line(firstSeq + index)}\n`);
          return { emitter: 'one', firstSeq, rows, body: Buffer.from(lines.join('')) };
        };
        const block: RowBlock = {
          ...blockOf([]),
          partition,
          rows: 3,
          crc32: '00000000',
          minTimeMs: fromMs,
          maxTimeMs: fromMs + 3,
          runs: [run(1, 3)],
        };
        await table.insert([run(1, 2)], `${name}:a`);
        await table.insert([run(1, 2)], `${name}:a`);
        expect(await table.storedRows(block)).toEqual({ rows: 2, seqs: new Map([['one', new Set([1, 2])]]) });
        await table.insert([run(3, 1)], `${name}:b`);
        await table.repair(block);
        expect((await table.storedRows(block)).rows).toBe(3);
        expect(await table.marks(partition)).toEqual(new Map([['one', 3]]));
        expect(await table.marks(partition + 1000)).toEqual(new Map());
      },
    );

    const stage = {
      database: () => database,
      next: () => {
        nextPartition();
        return { partition, source: source() };
      },
    };
    decisionReaderContract(stage);
    decisionQuestionsContract(stage);
    storedChangesContract(stage);

    it('finds itself fit after migrating, and has nothing left to migrate', async () => {
      expect((await database.check()).filter(({ ok }) => !ok)).toEqual([]);
      expect(await database.migrate()).toEqual([]);
    });
  });
};
