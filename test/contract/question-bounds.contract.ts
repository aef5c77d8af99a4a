import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QuestionBounds } from '../../src/clickhouse/bounded-questions.ts';
import type { Database } from '../../src/clickhouse/database.ts';
import { FrameSource } from '../support/decision-frames.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const tooExpensive = { code: 'QUERY_TOO_EXPENSIVE', retryable: false };

/** What no question of a person may do to a database: asked of one that nothing else uses. */
export const questionBoundsContract = (title: string, open: (bounds: QuestionBounds) => Promise<Database>): void => {
  describe(title, () => {
    const fromMs = Date.UTC(2031, 0, 1);
    const client = { kind: 'user', id: 'alice' } as const;
    let database: Database;

    beforeAll(async () => {
      // One granule of 8,192 rows may be read, and no second one.
      database = await open({ maxRowsToRead: 10_000, maxResultRows: 30 });
      await database.migrate();
      const source = new FrameSource({ emitter: 'bounds', partition: 900 });
      const events = Array.from({ length: 30_000 }, (_, index) => ({
        timeMs: fromMs + Math.floor((index * hourMs) / 30_000),
        client: 'alice',
        clientKind: 'user' as const,
        outcome: index % 2 === 0 ? ('denied' as const) : ('allowed' as const),
        limit: 10,
      }));
      const { headers, body } = source.frame(...events);
      await database.table.insert(
        [{ emitter: headers.emitter, firstSeq: headers.firstSeq, rows: headers.rows, body }],
        'bounds',
      );
    });
    afterAll(() => database.close());

    it('ends a question that reads too much, says so, and answers a smaller one', async () => {
      const questions = database.reader.within(null);
      const whole = { fromMs, toMs: fromMs + hourMs };
      await expect(questions.clientHistory({ ...whole, client })).rejects.toMatchObject(tooExpensive);
      await expect(questions.outcomes({ ...whole, client })).rejects.toMatchObject(tooExpensive);
      await expect(questions.throttleRates({ ...whole, by: 'client' })).rejects.toMatchObject(tooExpensive);
      await expect(questions.nearLimit(whole)).rejects.toMatchObject(tooExpensive);
      await expect(questions.clientHistory({ ...whole, client })).rejects.toThrow(/ask about a shorter range/);
      const minute = { fromMs, toMs: fromMs + minuteMs };
      expect(await questions.clientHistory({ ...minute, client })).toMatchObject({ points: [{ decisions: 500 }] });
    });

    it('ends a question whose answer is too large', async () => {
      const questions = database.reader.within(null);
      // From the minutes, which are few rows to read.
      const hour = { fromMs, toMs: fromMs + hourMs };
      await expect(questions.outcomes(hour)).rejects.toMatchObject(tooExpensive);
      expect(await questions.outcomes({ ...hour, stepMinutes: 30 })).toHaveLength(2);
    });

    it('leaves the bound to questions: what the process itself reads has none', async () => {
      await expect(database.reader.within(null).nearLimit({ fromMs, toMs: fromMs + hourMs })).rejects.toMatchObject(
        tooExpensive,
      );
      expect((await database.reader.totals({ fromMs, toMs: fromMs + hourMs })).decisions).toBe(30_000);
    });
  });
};
