import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClickHouseEngine, selectRows } from '../../src/clickhouse/engine.ts';
import { ClickHouseEventTable } from '../../src/clickhouse/event-table.ts';
import { migrate, readMigrations } from '../../src/clickhouse/migrate.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { decodeEvent } from '../../src/event/event-codec.ts';
import { silentLogger } from '../../src/logger.ts';
import { baseTimeMs, decisionFrame, FrameSource } from '../support/decision-frames.ts';
import { describeWith } from '../support/engines.ts';
import { blockOf } from '../support/row-block.ts';

const options = { dedupWindow: 1000 };

/** The tables before the rollups of hours and days, the denials and the ledger were added. */
const oldVersions = 5;
/** As the ingest of that time wrote: by name of column, with these settings. */
const oldInsert = { async_insert: 0, insert_deduplicate: 1, deduplicate_blocks_in_dependent_materialized_views: 1 };
const oldLines = readFileSync(new URL('../fixtures/decisions-before-candidates.ndjson', import.meta.url), 'utf8');

describeWith('chdb', 'an upgrade while ingest runs', (url) => {
  let engine: ClickHouseEngine;
  const oldIngest = (token: string, lines: string): Promise<void> =>
    engine.insert({
      table: 'decisions_raw',
      rows: [Buffer.from(lines)],
      settings: { ...oldInsert, insert_deduplication_token: token },
    });
  const sumsOf = async (...tables: readonly string[]): Promise<number[]> =>
    Promise.all(
      tables.map(async (table) => {
        const of = table === 'decisions_raw' ? 'count' : 'decisions';
        const rows = await selectRows<{ sum: string | number }>(
          engine.reader,
          `SELECT sum(t.${of}) AS sum FROM ${table} AS t`,
        );
        return Number(rows[0]?.sum);
      }),
    );
  const all = ['decisions_raw', 'decisions_per_minute', 'decisions_per_hour', 'decisions_per_day'];
  const before = oldLines
    .trimEnd()
    .split('\n')
    .reduce((sum, line) => sum + decodeEvent(line).count, 0);

  beforeAll(async () => {
    engine = await openChdb({ folder: url.slice('chdb:'.length) });
    await migrate({
      engine,
      logger: silentLogger,
      options,
      migrations: (await readMigrations()).slice(0, oldVersions),
    });
    await oldIngest('old:1', oldLines);
  });
  afterAll(() => engine.close());

  it('keeps what the old tables hold', async () => {
    await migrate({ engine, logger: silentLogger, options });
    expect(await sumsOf(...all)).toEqual([before, before, 0, 0]);
  });

  it('takes what an old ingest goes on to insert, once, in the new tables too', async () => {
    const { runs } = blockOf([new FrameSource({ emitter: 'late', count: 7 }).frameOf(3)]);
    const lines = runs.map(({ body }) => body.toString()).join('');
    for (let round = 0; round < 3; round += 1) await oldIngest('old:2', lines);
    expect(await sumsOf(...all)).toEqual([before + 21, before + 21, 21, 21]);
  });

  it('fills the new tables for the hours before they were there, when one of their blocks is repaired', async () => {
    const table = new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: () => baseTimeMs });
    const events = oldLines.trimEnd().split('\n').map(decodeEvent);
    const block = blockOf([decisionFrame(events)]);
    expect((await table.storedRows(block)).rows).toBe(events.length);
    await table.repair(block);
    expect(await sumsOf(...all)).toEqual(all.map(() => before + 21));
    await table.repair(block);
    expect(await sumsOf(...all)).toEqual(all.map(() => before + 21));
  });

  it('leaves the reading of an old release right: it asks columns by name', async () => {
    const oldQuestion = `SELECT toStartOfMinute(minute) AS at, tenant, sum(t.decisions) AS decisions, sum(t.denied) AS denied
      FROM throttle_rate AS t GROUP BY at, tenant ORDER BY at, tenant`;
    const rows = await selectRows<{ decisions: string | number }>(engine.reader, oldQuestion);
    expect(rows.reduce((sum, { decisions }) => sum + Number(decisions), 0)).toBe(before + 21);
  });
});
