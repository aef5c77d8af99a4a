import { openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { describeWith } from '../support/engines.ts';
import { eventTableContract } from './event-table.contract.ts';

describeWith('chdb', 'chDB', (url) => {
  eventTableContract('keeps the contract of a decision table', () =>
    // What questions find is asked here, not how fast: a busy machine has time for each.
    openDatabase({ url, clock: systemClock, logger: silentLogger, rawTtlDays: 0, bounds: { maxSeconds: 60 } }),
  );
});
