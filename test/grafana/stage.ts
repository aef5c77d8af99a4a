import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { systemClock } from '../../src/clock.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { openClickHouseHttp } from '../../src/embedded/clickhouse-http/server.ts';
import { readerRole } from '../../src/embedded/reader-role.ts';
import { silentLogger } from '../../src/logger.ts';
import { linesOf, minuteMs, trafficUntil } from '../support/dashboard-traffic.ts';
import { playedSeries, samplesOf } from '../support/health-plays.ts';

/** A hundred days of traffic in an embedded database, which readers ask over HTTP. */
export interface Stage {
  readonly port: number;
  /** The end of the traffic. */
  readonly nowMs: number;
  close(): Promise<void>;
}

/** Rows of `health_samples` of the last hour or so. */
const healthLines = (nowMs: number): Buffer => {
  const samples = samplesOf(playedSeries(7), nowMs - 70 * minuteMs);
  const rows = samples.map(({ atMs, ...sample }, index) => ({
    ...sample,
    time: new Date(atMs).toISOString().replace('T', ' ').replace('Z', ''),
    emitter: 'stage',
    partition: 0,
    seq: index + 1,
  }));
  return Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
};

export const openStage = async (): Promise<Stage> => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-grafana-'));
  const nowMs = Math.floor(systemClock.nowMs() / minuteMs) * minuteMs;
  const engine = await openChdb({ folder, hasReaders: true });
  const options = { rawTtlDays: 0, minuteTtlDays: 0, dedupWindow: 100 };
  await migrate({ engine, options, logger: silentLogger });
  await engine.insert({ table: 'decisions_raw', rows: [linesOf(trafficUntil(nowMs).events)], settings: {} });
  await engine.insert({ table: 'health_samples', rows: [healthLines(nowMs)], settings: {} });
  const clock = systemClock;
  const front = await openClickHouseHttp({ folder, role: readerRole, password: '', clock, logger: silentLogger });
  const url = await front.listen({ host: '127.0.0.1', port: 0 });
  return {
    port: Number(new URL(url).port),
    nowMs,
    close: async () => {
      await front.close();
      await engine.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
