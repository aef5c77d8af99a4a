import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import type { OutgoingFrame } from '../../src/event/event-log.ts';
import { crc32Hex } from '../../src/event/frame.ts';
import type { RowBlock, RowRun, StoredBlock } from '../../src/ingest/event-table.ts';
import { baseTimeMs, FrameSource } from '../support/decision-frames.ts';

const runOf = ({ headers, body }: OutgoingFrame): RowRun => ({
  emitter: headers.emitter,
  firstSeq: headers.firstSeq,
  rows: headers.rows,
  body,
});

/** The block that these frames of one partition make. */
export const blockOf = (frames: readonly OutgoingFrame[]): RowBlock => ({
  partition: frames[0]?.partition ?? 0,
  startOffset: 0,
  endOffset: frames.length,
  rows: frames.reduce((sum, { headers }) => sum + headers.rows, 0),
  crc32: crc32Hex(frames.map(({ body }) => body)),
  minTimeMs: Math.min(...frames.map(({ headers }) => headers.minTimeMs)),
  maxTimeMs: Math.max(...frames.map(({ headers }) => headers.maxTimeMs)),
  runs: frames.map(runOf),
});

const minuteMs = 60_000;
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

    it('stores a block that spans more than a hundred months, and keeps what is as old as that', async () => {
      nextPartition();
      const events = Array.from({ length: 102 }, (_, month) => ({
        timeMs: Math.round(baseTimeMs + (month * yearMs) / 12),
      }));
      await database.table.insert([runOf(source().frame(...events))], `t:${partition}`);
      expect(await ofPartition()).toEqual(exact(102));
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

    it.each(['blocks', 'policies'] as const)(
      'stores, counts and marks the rows of %s by the same rules',
      async (name) => {
        nextPartition();
        const table = database[name];
        const line = (seq: number): string =>
          JSON.stringify({ time: baseTimeMs + seq, emitter: 'one', partition, seq });
        const run = (firstSeq: number, rows: number): RowRun => {
          const lines = Array.from({ length: rows }, (_, index) => `${line(firstSeq + index)}\n`);
          return { emitter: 'one', firstSeq, rows, body: Buffer.from(lines.join('')) };
        };
        const block: RowBlock = {
          ...blockOf([]),
          partition,
          rows: 3,
          crc32: '00000000',
          minTimeMs: baseTimeMs,
          maxTimeMs: baseTimeMs + 3,
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

    it('answers with throttle rates of the limiter alone', async () => {
      nextPartition();
      const tenant = `tenant-${partition}`;
      const fromMs = Math.floor(baseTimeMs / minuteMs) * minuteMs;
      const facts = { tenant, timeMs: fromMs };
      const frame = source().frame(
        { ...facts, count: 3 },
        { ...facts, outcome: 'denied', count: 1 },
        { ...facts, outcome: 'blocked', count: 6 },
      );
      await database.table.insert([runOf(frame)], `t:${partition}`);
      const points = await database.reader.throttleRates({
        by: 'tenant',
        fromMs,
        toMs: fromMs + minuteMs,
        groups: 100,
      });
      expect(points.find(({ group }) => group === tenant)).toEqual({
        atMs: fromMs,
        group: tenant,
        decisions: 10,
        allowed: 3,
        denied: 1,
        blocked: 6,
        throttleRate: 0.25,
      });
    });

    it('answers throttle rates alike from minutes, hours and days', async () => {
      nextPartition();
      const tenant = `tenant-${partition}`;
      const dayMs = 86_400_000;
      const fromMs = Math.floor(baseTimeMs / dayMs) * dayMs;
      const events = Array.from({ length: 60 }, (_, index) => ({
        tenant,
        timeMs: fromMs + index * 47 * minuteMs,
        outcome: index % 4 === 0 ? ('denied' as const) : ('allowed' as const),
        count: 1 + index,
      }));
      await database.table.insert([runOf(source().frame(...events))], `t:${partition}`);
      const sums = async (stepMinutes: number, toMs = fromMs + 2 * dayMs): Promise<object> => {
        const query = { by: 'tenant', fromMs, toMs, stepMinutes, groups: 100 } as const;
        const points = (await database.reader.throttleRates(query)).filter(({ group }) => group === tenant);
        for (const { atMs } of points) expect(atMs % (Math.min(stepMinutes, 60) * minuteMs)).toBe(0);
        return {
          decisions: points.reduce((sum, point) => sum + point.decisions, 0),
          denied: points.reduce((sum, point) => sum + point.denied, 0),
        };
      };
      const expected = {
        decisions: events.reduce((sum, { count }) => sum + count, 0),
        denied: events.reduce((sum, { count, outcome }) => sum + (outcome === 'denied' ? count : 0), 0),
      };
      for (const stepMinutes of [1, 30, 60, 87, 1440]) expect(await sums(stepMinutes)).toEqual(expected);
      expect(await sums(1440, fromMs + 200 * dayMs)).toEqual(expected);
    });

    it.each([
      ['minutes', 30, 2],
      ['hours', 120, 2],
      ['days', 1440, 200],
    ])('computes quantiles of latency from %s within the bound of a bucket', async (_, stepMinutes, days) => {
      nextPartition();
      const region = `region-${partition}`;
      const fromMs = Math.floor(baseTimeMs / 86_400_000) * 86_400_000;
      // Values evenly over nine buckets: what a gate would have measured, and the bucket that it would have written down.
      const exact = Array.from({ length: 2000 }, (_none, index) =>
        Math.round(16 * 2 ** ((9 * (((index * 7919) % 2000) + 1)) / 2000)),
      );
      const bucketUs = (us: number): number => 2 ** Math.ceil(Math.log2(us));
      const events = exact.map((us, index) => ({
        region,
        latencyUs: bucketUs(us),
        count: 1,
        timeMs: fromMs + index * 7,
      }));
      const unknown = { region, latencyUs: 0, count: 5000, timeMs: fromMs };
      await database.table.insert([runOf(source().frame(...events, unknown))], `t:${partition}`);
      const points = await database.reader.latencies({
        by: 'region',
        fromMs,
        toMs: fromMs + days * 86_400_000,
        stepMinutes,
        groups: 100,
      });
      const point = points.find(({ group }) => group === region);
      expect(point).toMatchObject({ atMs: fromMs, decisions: 2000 });
      const sorted = [...exact].sort((a, b) => a - b);
      for (const [value, q] of [
        [point?.p50Us, 0.5],
        [point?.p95Us, 0.95],
        [point?.p99Us, 0.99],
      ] as const) {
        const us = sorted[Math.ceil(q * sorted.length) - 1] ?? 0;
        expect(value).toBeGreaterThan(bucketUs(us) / 2);
        expect(value).toBeLessThanOrEqual(bucketUs(us));
        // The values are spread evenly over their logarithm, as the interpolation takes them to be.
        expect(Math.abs((value ?? 0) / us - 1)).toBeLessThan(0.1);
      }
    });

    it('names the clients that were denied most, and where, without those that were only allowed or blocked', async () => {
      nextPartition();
      const timeMs = baseTimeMs + 3_600_000 * (1000 + partition);
      const frame = source().frame(
        { timeMs, client: 'much', clientKind: 'user', outcome: 'denied', count: 7, early: 2, route: 'GET /a' },
        { timeMs: timeMs + 5, client: 'much', clientKind: 'user', outcome: 'denied', count: 2, route: 'GET /b' },
        { timeMs: timeMs + 9, client: 'much', clientKind: 'user', outcome: 'blocked', count: 4, route: 'GET /c' },
        { timeMs, client: 'less', outcome: 'denied', count: 1 },
        { timeMs, client: 'blocked', outcome: 'blocked', count: 100 },
        { timeMs, client: 'allowed', count: 100 },
      );
      await database.table.insert([runOf(frame)], `t:${partition}`);
      const clients = await database.reader.topDeniedClients({ fromMs: timeMs, toMs: timeMs + 60_000 });
      expect(clients.map(({ client }) => client)).toEqual(['much', 'less']);
      expect(clients[0]).toMatchObject({
        clientKind: 'user',
        denied: 9,
        blocked: 4,
        early: 2,
        routeCount: 2,
        lastDeniedAtMs: timeMs + 5,
      });
      expect([...(clients[0]?.routes ?? [])].sort()).toEqual(['GET /a', 'GET /b']);
    });

    it('says which decision is the newest, and when rows of its hour were last stored', async () => {
      nextPartition();
      const newestMs = Date.UTC(2099, 0, 1) + partition * minuteMs + 7;
      const frame = source().frame({ timeMs: newestMs - 1 }, { timeMs: newestMs });
      const beforeMs = systemClock.nowMs();
      await database.table.insert([runOf(frame)], `t:${partition}`);
      const { newestEventAtMs, newestStoredAtMs } = await database.reader.freshness();
      expect(newestEventAtMs).toBe(newestMs);
      expect(newestStoredAtMs).toBeGreaterThan(beforeMs - 2_000);
      expect(newestStoredAtMs).toBeLessThanOrEqual(systemClock.nowMs());
    });

    it('refuses a question without a bound', async () => {
      const range = { fromMs: 0, toMs: 1 };
      await expect(database.reader.topDeniedClients({ ...range, limit: 0 })).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
      await expect(database.reader.throttleRates({ ...range, by: 'tenant', groups: 1_000_000 })).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
    });

    it('lets no read change anything, and keeps totals by outcome', async () => {
      const totals = await database.reader.totals();
      expect(totals.decisions).toBe(totals.allowed + totals.denied + totals.blocked);
      expect(await database.reader.totals({ fromMs: 0, toMs: 1 })).toEqual({
        decisions: 0,
        allowed: 0,
        denied: 0,
        blocked: 0,
      });
    });

    it('finds itself fit after migrating, and has nothing left to migrate', async () => {
      expect((await database.check()).filter(({ ok }) => !ok)).toEqual([]);
      expect(await database.migrate()).toEqual([]);
    });
  });
};
