import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { execute } from '../../src/clickhouse/engine.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { describeWith } from '../support/engines.ts';

describeWith('chdb', 'a temporary chDB folder', () => {
  it('is gone after a close, also when an insert was still running', async () => {
    const engine = await openChdb({ folder: '' });
    const folder = engine.name.slice('chdb:'.length);
    await execute(engine.writer, 'CREATE TABLE numbers (value UInt64) ENGINE = MergeTree ORDER BY value');
    const rows = Buffer.from(Array.from({ length: 100_000 }, (_, value) => JSON.stringify({ value })).join('\n'));
    const inserts = Array.from({ length: 4 }, () => engine.insert({ table: 'numbers', rows: [rows], settings: {} }));
    const settled = Promise.allSettled(inserts);
    await engine.close();
    await settled;
    expect(existsSync(folder)).toBe(false);
  });
});
