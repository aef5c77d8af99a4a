import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TidegateError } from '../../../src/errors.ts';
import { healthSql } from './dashboard-health.ts';
import { type BenchDatabase, openBenchDatabase } from './database.ts';

export const days = 30;
export const fromMs = Date.UTC(2026, 0, 1);
export const toMs = fromMs + days * 86_400_000;

/** Each of another tenant, route and region, as good as. */
const rowsPerMinute = 480;
/** Of one insert: a day. */
const minutesPerChunk = 1440;
const rowsPerChunk = rowsPerMinute * minutesPerChunk;
const chunks = (days * 1440) / minutesPerChunk;
export const rawRows = rowsPerChunk * chunks;

/** What processes tell is a hundred rows a minute and process: a week of it. */
const healthDays = 7;

/** A number below `size` that follows from the row's number alone. */
const drawn = (size: number, salt: number): string => `(intHash64(number * 16 + ${salt}) % ${size})`;

/** Of a thousand rows 920 are allowed, 70 denied and 10 blocked. */
const outcome = `multiIf(${drawn(1000, 4)} < 920, 'allowed', ${drawn(1000, 4)} < 990, 'denied', 'blocked')`;

/**
 * 500 tenants × 200 routes × 3 regions × every minute of 30 days, even: hardly two rows agree, so that the minutes are as many
 * as the rows. Rows come in the order of their time, as in a service.
 */
const chunkSql = (chunk: number): string => `INSERT INTO decisions_raw
  (time, emitter, \`partition\`, seq, region, tenant, client_kind, client, address, route, method, policy, policy_version,
   scope, \`limit\`, remaining, outcome, source, latency_us, early, cost, count)
SELECT
  fromUnixTimestamp64Milli(${fromMs} + toInt64(intDiv(number, ${rowsPerMinute}) * 60000 + ${drawn(60_000, 0)}), 'UTC') AS time,
  concat('gate-', toString(${drawn(3, 1)})) AS emitter, ${drawn(12, 6)} AS \`partition\`, number + 1 AS seq,
  ['eu-west', 'us-east', 'ap-south'][1 + ${drawn(3, 1)}] AS region, concat('tenant-', toString(${drawn(500, 2)})) AS tenant,
  'key' AS client_kind, concat('client-', toString(${drawn(50_000, 5)})) AS client, '' AS address,
  concat('GET /api/resource-', toString(${drawn(200, 3)}), '/:id') AS route, 'GET' AS method,
  concat('policy-', toString(${drawn(5, 3)})) AS policy, '0123456789ab' AS policy_version, 'client' AS scope,
  1000 AS \`limit\`, ${drawn(1000, 7)} AS remaining, ${outcome} AS outcome, 'store' AS source,
  bitShiftLeft(1::UInt64, ${drawn(12, 8)}) AS latency_us, 0 AS early, 1 AS cost, 1 + ${drawn(1000, 9)} AS count
FROM numbers(${chunk * rowsPerChunk}, ${rowsPerChunk})`;

const migrationsFolder = fileURLToPath(new URL('../../../migrations', import.meta.url));

/** Makes or changes a table that is filled here, or what fills it. Others are migrated when the data is opened. */
const isOfFilled = /^(?:CREATE|ALTER) [^(]*\b(?:decisions|denials|health)_/m;

/** Another release of tables or data is another data set. */
const versionOf = (): string => {
  const hash = createHash('sha256').update(chunkSql(0)).update(String(chunks)).update(healthSql(0));
  for (const name of readdirSync(migrationsFolder).sort()) {
    const text = readFileSync(join(migrationsFolder, name), 'utf8');
    if (isOfFilled.test(text)) hash.update(text);
  }
  return hash.digest('hex').slice(0, 16);
};

/** Days that are there. One that was cut short may lack some of what is derived from it: no time depends on that. */
const daysThere = async ({ ask }: BenchDatabase): Promise<number> => {
  const [held] = await ask<{ newest: string | number }>('SELECT max(seq) AS newest FROM decisions_raw');
  return Math.ceil(Number(held?.newest ?? 0) / rowsPerChunk);
};

const fill = async (store: BenchDatabase): Promise<void> => {
  for (let chunk = await daysThere(store); chunk < chunks; chunk += 1) {
    const done = Math.floor((100 * chunk) / chunks);
    process.stderr.write(`dashboard-p95: building ${rawRows.toLocaleString('en-US')} rows, once … ${done} %\r`);
    await store.run(chunkSql(chunk));
  }
  process.stderr.write('\n');
  await store.run('TRUNCATE TABLE health_samples');
  for (let day = 1; day <= healthDays; day += 1) await store.run(healthSql(toMs - day * 86_400_000));
  // What merges in the background would do within the hour.
  await store.optimize();
};

/** The data set, made on first use and kept under .services; what was interrupted goes on. Delete the folder at any time. */
export const openDashboardData = async (keepFolder: string): Promise<BenchDatabase> => {
  const home = join(keepFolder, 'bench-dashboard');
  const version = versionOf();
  const [begun, complete] = [join(home, 'begun'), join(home, 'complete')];
  const isOf = (stamp: string): boolean => existsSync(stamp) && readFileSync(stamp, 'utf8') === version;
  if (!isOf(begun)) rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  writeFileSync(begun, version);
  const folder = join(home, 'chdb');
  const store = await openBenchDatabase(folder).catch((error: unknown) => {
    if (!(error instanceof TidegateError) || error.code !== 'ENGINE_UNFIT') throw error;
    // Of tables that have been written anew since: from the beginning.
    rmSync(complete, { force: true });
    rmSync(folder, { recursive: true, force: true });
    return openBenchDatabase(folder);
  });
  if (!isOf(complete)) {
    await fill(store);
    writeFileSync(complete, version);
  }
  return store;
};
