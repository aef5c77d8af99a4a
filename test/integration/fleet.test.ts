import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import { topics } from '../../src/event/event-log.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { silentLogger } from '../../src/logger.ts';
import { readPolicyFile } from '../../src/policy/policy-file.ts';
import { type ClickHouseHttp, startClickHouseHttp } from '../support/clickhouse-http.ts';
import { describeWith, freshName, kafkaUrl, type OwnEngine, redisUrl, startKafka } from '../support/engines.ts';
import { metricComplaints } from '../support/promtool.ts';
import { repositoryRoot } from '../support/source-text.ts';
import { runTidegate, TidegateProcess } from '../support/tidegate-process.ts';

const token = '0123456789abcdef0123';
const folder = mkdtempSync(join(tmpdir(), 'tidegate-fleet-'));
const rulesFile = join(folder, 'rules.yaml');
writeFileSync(
  rulesFile,
  `
version: 1
rules:
  - name: many-routes
    mode: enforce
    breadth: { distinctRoutes: 5 }
    windows: { length: 2s, hit: 1, of: 2 }
    block: { base: 5m, factor: 1, max: 5m, jitter: 0, strikeTtl: 1h }
    budget: { blocksPerHour: 20 }
`,
);

const scanner = '198.51.100.7';
const shippedVersion = (await readPolicyFile(join(repositoryRoot, 'policies', 'policies.yaml'))).version;
const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };

/** Four kinds of processes over a Kafka of their own, a Redis namespace of their own, and a ClickHouse front. */
describeWith('chdb', 'serve, ingest and detect as processes of their own', (chdb) => {
  const processes: TidegateProcess[] = [];
  let kafka: OwnEngine | null = null;
  let clickhouse: ClickHouseHttp | null = null;
  let env: Record<string, string> = {};
  const isPossible = kafkaUrl() !== null && redisUrl() !== null;

  beforeAll(async () => {
    if (!isPossible) return;
    kafka = await startKafka();
    clickhouse = await startClickHouseHttp({ folder: chdb.slice('chdb:'.length), password: 'hunter22' });
    env = {
      TIDEGATE_REDIS_URL: redisUrl() ?? '',
      TIDEGATE_SECONDARY_REDIS_URL: redisUrl() ?? '',
      TIDEGATE_NAMESPACE: freshName('fleet').slice(0, 32),
      TIDEGATE_KAFKA_URL: kafka.url,
      TIDEGATE_CLICKHOUSE_URL: clickhouse.url,
      TIDEGATE_RULES_FILE: rulesFile,
      TIDEGATE_API_TOKENS: `anna=${token}`,
      TIDEGATE_PARTITIONS: '3',
    };
  });
  afterAll(async () => {
    for (const each of processes) each.signal('SIGKILL');
    await Promise.all(processes.map((each) => each.ended()));
    await clickhouse?.close();
    await kafka?.stop();
  });

  const start = (command: string): TidegateProcess => {
    const process = new TidegateProcess([command, '--port', '0'], env);
    processes.push(process);
    return process;
  };
  const decide = async (url: string, path: string): Promise<string> => {
    const clients = [{ kind: 'ip', id: scanner }];
    const body = JSON.stringify({ clients, method: 'GET', path, route: path });
    const answer: unknown = await (await fetch(`${url}/v1/decisions`, { method: 'POST', headers, body })).json();
    return typeof answer === 'object' && answer !== null && 'outcome' in answer ? String(answer.outcome) : '';
  };

  it.skipIf(!isPossible)(
    'refuse to ingest into a database without tables, then carry every decision around the loop and lose none',
    async () => {
      const early = await runTidegate(['ingest', '--port', 'none'], env);
      expect(early).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('tidegate migrate') });
      expect(await runTidegate(['migrate'], env)).toMatchObject({ exitCode: 0 });
      const doctor = await runTidegate(['doctor', '--json'], env);
      expect(doctor.exitCode, doctor.stdout).toBe(0);

      const workers = [start('ingest'), start('detect')];
      const gates = [start('serve'), start('serve')];
      const workerUrls = await Promise.all(workers.map((each) => each.url()));
      const [first = '', second = ''] = await Promise.all(gates.map((each) => each.url()));
      for (const url of [...workerUrls, first, second]) {
        await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 20_000 }).toBe(200);
      }

      // The second one may have come just after a beat of the first.
      const fleetOf = async (url: string): Promise<unknown> =>
        ((await (await fetch(`${url}/v1/status`)).json()) as { fleet: unknown }).fleet;
      for (const url of [first, second]) {
        const both = expect.objectContaining({ liveGates: 2, policyVersions: { [shippedVersion]: 2 } });
        await expect.poll(() => fleetOf(url), { timeout: 10_000 }).toEqual(both);
      }
      const log = await openKafkaEventLog({ url: kafka?.url ?? '', clock: systemClock });
      const loads = async (): Promise<number> =>
        [...(await log.endPositions(topics.policies)).values()].reduce((sum, end) => sum + end, 0);
      await expect.poll(loads, { timeout: 10_000 }).toBe(2);
      await log.close();

      let decisions = 0;
      const outcomes = new Set<string>();
      await expect
        .poll(
          async () => {
            for (let index = 0; index < 20; index += 1) outcomes.add(await decide(first, `/door-${decisions++}`));
            decisions += 1;
            return decide(second, '/any');
          },
          { timeout: 40_000, interval: 100 },
        )
        .toBe('blocked');
      expect([...outcomes]).toEqual(expect.arrayContaining(['allowed', 'denied']));

      const listed = await (await fetch(`${second}/v1/blocks?subject=ip:${scanner}&states=active`, { headers })).json();
      const [block] = (listed as { blocks: { id: string; rule: string }[] }).blocks;
      expect(block).toMatchObject({ rule: 'many-routes' });
      const lift = await fetch(`${second}/v1/blocks/${block?.id}/lift`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ reason: 'false-positive', note: 'a test' }),
      });
      expect(lift.status).toBe(200);
      const liftedOnFirst = async (): Promise<string> => {
        decisions += 1;
        return decide(first, '/any');
      };
      await expect.poll(liftedOnFirst, { timeout: 15_000, interval: 50 }).not.toBe('blocked');

      for (const url of [...workerUrls, first, second]) expect(await metricComplaints(url), url).toBe('');

      for (const gate of gates) gate.signal('SIGTERM');
      for (const gate of gates) expect((await gate.ended()).exitCode).toBe(0);
      const database = await openDatabase({ url: clickhouse?.url ?? '', clock: systemClock, logger: silentLogger });
      const stored = async (): Promise<number> => (await database.reader.totals()).decisions;
      await expect.poll(stored, { timeout: 20_000 }).toBe(decisions);
      await database.close();
      for (const worker of workers) worker.signal('SIGTERM');
      for (const worker of workers) expect(await worker.ended()).toMatchObject({ exitCode: 0 });
    },
    120_000,
  );
});
