import { Kafka, logLevel } from 'kafkajs';
import { afterEach, expect, it } from 'vitest';
import type { ReconciliationView } from '../../src/api/reconcile-routes.ts';
import { execute } from '../../src/clickhouse/engine.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { describeWith, kafkaUrl, startKafka } from '../support/engines.ts';
import { runTidegate, TidegateProcess } from '../support/tidegate-process.ts';

const token = '0123456789abcdef0123';
const decisions = 300;

describeWith('chdb', 'tidegate reconcile', (folder) => {
  let up: TidegateProcess | null = null;
  const reconcile = (...args: readonly string[]) => runTidegate(['reconcile', '--clickhouse-url', folder, ...args]);
  const viewOf = (stdout: string): ReconciliationView => JSON.parse(stdout) as ReconciliationView;
  const rowsOf = ({ topics }: ReconciliationView): number =>
    topics.flatMap(({ partitions }) => partitions).reduce((sum, { storedRows }) => sum + storedRows, 0);

  afterEach(async () => {
    up?.signal('SIGKILL');
    await up?.ended();
    up = null;
  });

  it('asks the process that holds the folder, and says 0 drift and exit code 0 while it decides', async () => {
    up = new TidegateProcess(['up', '--port', '0', '--clickhouse-url', folder], {
      TIDEGATE_API_TOKENS: `anna=${token}`,
    });
    const url = await up.url();
    const ask = (index: number) =>
      fetch(`${url}/v1/decisions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({
          clients: [{ kind: 'ip', id: `203.0.113.${index % 9}` }],
          method: 'GET',
          path: '/orders/1',
        }),
      });
    await Promise.all(Array.from({ length: decisions }, (_, index) => ask(index)));
    const { exitCode, stdout, stderr } = await reconcile('--json');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(viewOf(stdout)).toMatchObject({ drift: 0, moreFindings: 0 });
    const refused = await reconcile('--since', '1h');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(url);
    up.signal('SIGTERM');
    expect((await up.ended()).exitCode).toBe(0);
  }, 60_000);

  it('reads the folder itself when nobody holds it', async () => {
    const { exitCode, stdout } = await reconcile();
    expect(stdout).toMatch(/^tidegate.decisions → decisions_raw$/m);
    expect(stdout).toMatch(/^0 drift: every number agrees \(\d+ partitions, [\d,]+ rows, /m);
    expect(exitCode).toBe(0);
    const { topics } = viewOf((await reconcile('--json', '--topic', 'tidegate.decisions', '--since', '7d')).stdout);
    expect(topics.map(({ topic }) => topic)).toEqual(['tidegate.decisions']);
    expect(topics[0]?.grains.map((grain) => grain.decisions)).toContain(decisions);
  }, 60_000);

  it('ends with exit code 1 and a line that says what is wrong when a row is gone', async () => {
    const before = rowsOf(viewOf((await reconcile('--json')).stdout));
    const engine = await openChdb({ folder: folder.slice('chdb:'.length) });
    await execute(engine.writer, 'ALTER TABLE decisions_raw DELETE WHERE seq = 1 SETTINGS mutations_sync = 2');
    await engine.close();
    const { exitCode, stdout } = await reconcile();
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^DRIFT rows-missing tidegate.decisions\/\d+: 1 row of .* not in the table/m);
    expect(stdout).toMatch(/^DRIFT rollup-differs tidegate.decisions\/\d+: decisions_per_minute holds/m);
    const view = viewOf((await reconcile('--json')).stdout);
    expect(view.drift).toBeGreaterThan(0);
    expect(rowsOf(view)).toBeLessThan(before);
  }, 60_000);

  it.each([
    [['--topic', 'nothing'], 'tidegate.decisions'],
    [['--since', 'yesterday'], '--since'],
    [['--kafka-url', 'kafka://127.0.0.1:1'], 'does not answer'],
  ])(
    'cannot be asked with %j: exit code 2',
    async (args, words) => {
      const { exitCode, stdout, stderr } = await reconcile(...args);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toContain(words);
    },
    30_000,
  );

  it.skipIf(kafkaUrl() === null)(
    'compares with the offsets of a group on Kafka, and creates no topic',
    async () => {
      // Of its own: groups have fixed names, and other files' processes commit in theirs.
      const broker = await startKafka();
      try {
        const { exitCode, stdout, stderr } = await reconcile(
          '--json',
          '--topic',
          'tidegate.policies',
          '--kafka-url',
          broker.url,
        );
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
        expect(viewOf(stdout).drift).toBe(0);
        const admin = new Kafka({ brokers: [`127.0.0.1:${broker.port}`], logLevel: logLevel.NOTHING }).admin();
        await admin.connect();
        expect(await admin.listTopics()).toEqual([]);
        await admin.disconnect();
      } finally {
        await broker.stop();
      }
    },
    90_000,
  );
});
