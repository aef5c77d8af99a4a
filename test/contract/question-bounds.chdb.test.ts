import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/clickhouse/database.ts';
import { selectRows } from '../../src/clickhouse/engine.ts';
import { systemClock } from '../../src/clock.ts';
import { type ChdbEngine, openChdb } from '../../src/embedded/chdb.ts';
import { silentLogger } from '../../src/logger.ts';
import { describeWith } from '../support/engines.ts';
import { questionBoundsContract } from './question-bounds.contract.ts';

describeWith('chdb', 'chDB', (url) => {
  questionBoundsContract('keeps the bounds of questions', (bounds) =>
    openDatabase({ url, clock: systemClock, logger: silentLogger, rawTtlDays: 0, bounds }),
  );

  describe('the connection that people ask through', () => {
    let engine: ChdbEngine;
    beforeAll(async () => {
      engine = await openChdb({ folder: '', questionSettings: { max_rows_to_read: 50, read_overflow_mode: 'throw' } });
    });
    afterAll(() => engine.close());

    it('writes nothing, and cannot be told to', async () => {
      const statements = [
        'CREATE TABLE made (x UInt8) ENGINE = Memory',
        'CREATE TEMPORARY TABLE made (x UInt8)',
        'SELECT 1 SETTINGS readonly = 0',
        'SET readonly = 0',
        "INSERT INTO FUNCTION file('out.csv', 'CSV', 'x UInt8') SELECT 1",
      ];
      for (const statement of statements) {
        await expect(selectRows(engine.questions, statement), statement).rejects.toThrow();
      }
    });

    it('reads within its bounds, which no statement can widen', async () => {
      const sum = (numbers: number): string => `SELECT sum(number) AS sum FROM numbers(${numbers})`;
      await expect(selectRows(engine.questions, sum(100))).rejects.toThrow(/max_rows_to_read/);
      await expect(selectRows(engine.questions, `${sum(100)} SETTINGS max_rows_to_read = 0`)).rejects.toThrow();
      expect(await selectRows(engine.questions, `${sum(3)} SETTINGS max_rows_to_read = 50`)).toEqual([{ sum: 3 }]);
      // Nor do they hold for anything else of the process.
      expect(await selectRows(engine.reader, sum(100))).toEqual([{ sum: 4950 }]);
      await expect(selectRows(engine.reader, `${sum(3)} SETTINGS max_rows_to_read = 5`)).rejects.toThrow();
    });
  });
});
