import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTidegate } from '../support/tidegate-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-bad-start-'));
const fileOf = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** Nobody listens on it: the reserved port of tcpmux. */
const nobody = '127.0.0.1:1';

const badPolicies = `
version: 1
policies:
  - { name: 'Not A Name', scope: [client], limit: 10, window: 1m }
  - { name: too-small, scope: [client], limit: 0, window: 1m }
  - { name: odd, scope: [planet], limit: 10, window: 1m }
`;

const refused = async (args: readonly string[], env?: Record<string, string>) => {
  const { exitCode, stdout, stderr } = await runTidegate(args, env);
  const lines = stderr.trimEnd().split('\n');
  expect(exitCode, stderr).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(lines[0]).toMatch(/^tidegate: /);
  expect(
    lines.slice(1).every((line) => line.startsWith('  ')),
    stderr,
  ).toBe(true);
  return { line: lines[0] ?? '', problems: lines.slice(1) };
};

describe('a start that cannot work says why in one line, with exit code 2 and no stack', () => {
  let taken: Server;
  let port = 0;
  beforeAll(async () => {
    taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const address = taken.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterAll(() => taken.close());

  it('when the port is in use', async () => {
    const { line } = await refused(['up', '--port', String(port), '--clickhouse-url', 'chdb:']);
    expect(line).toContain(`Port ${port} on 127.0.0.1 is in use`);
  });

  it('when no engine answers to a URL, and its password stays hidden', async () => {
    const { line, problems } = await refused(['up', '--redis-url', 'mysql://u:hunter22@h', '--kafka-url', 'amqp://h']);
    expect(line).toContain('ENGINE_UNKNOWN');
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toContain('hunter22');
  });

  it.each([
    ['Kafka', ['up', '--kafka-url', `kafka://u:hunter22@${nobody}?sasl=plain`]],
    ['Redis', ['up', '--redis-url', `redis://:hunter22@${nobody}`]],
    ['ClickHouse', ['up', '--clickhouse-url', `http://default:hunter22@${nobody}/default`]],
    ['ClickHouse', ['migrate', '--clickhouse-url', `http://default:hunter22@${nobody}/default`]],
  ])('when %s does not answer (%j)', async (engine, args) => {
    const { line } = await refused(args);
    expect(line).toContain(engine);
    expect(line).toContain('ENGINE_UNREACHABLE');
    expect(line).not.toContain('hunter22');
  });

  it('when a policy file has three mistakes: all three, with their paths', async () => {
    const policies = fileOf('policies.yaml', badPolicies);
    const { line, problems } = await refused([
      'up',
      '--port',
      '0',
      '--clickhouse-url',
      'chdb:',
      '--policies',
      policies,
    ]);
    expect(line).toContain(policies);
    expect(problems).toEqual([
      expect.stringContaining('policies[0].name'),
      expect.stringContaining('policies[1].limit'),
      expect.stringContaining('policies[2].scope[0]'),
    ]);
  });

  it('when a policy file is not there', async () => {
    const { line } = await refused([
      'up',
      '--port',
      '0',
      '--clickhouse-url',
      'chdb:',
      '--policies',
      join(folder, 'absent'),
    ]);
    expect(line).toContain('absent cannot be read: there is no such file.');
  });

  it('when settings of flag, environment and file are wrong: all of them', async () => {
    const config = fileOf('tidegate.yaml', 'partitions: none\n');
    const { problems } = await refused(['up', '--port', 'http', '--config', config], { TIDEGATE_REGION: 'EU West' });
    expect(problems.map((problem) => problem.trim().split(': ')[0])).toEqual(['TIDEGATE_REGION', '--port', config]);
  });

  it.each([['ingest'], ['detect'], ['serve']])(
    'when %s is to run on engines that live in one process',
    async (command) => {
      const { line } = await refused([command]);
      expect(line).toContain('tidegate up');
    },
  );

  it.each([
    [['nonsense'], 'tidegate'],
    [['up', '--nonsense'], 'tidegate up'],
    [['blocks', 'nonsense'], 'tidegate blocks'],
    [['blocks', 'add', '--nonsense'], 'tidegate blocks add'],
  ])('when the command line makes no sense, and says whose help says more: %j', async (args, command) => {
    const { line } = await refused(args);
    expect(line.endsWith(`'. See ${command} --help.`)).toBe(true);
  });
});

describe('tidegate doctor', () => {
  it('says in JSON what is well and what is not, and exits with 1 when something is not', async () => {
    const policies = fileOf('doctor-policies.yaml', badPolicies);
    const args = [
      'doctor',
      '--json',
      '--clickhouse-url',
      'chdb:',
      '--redis-url',
      `redis://${nobody}`,
      '--policies',
      policies,
    ];
    const { exitCode, stdout } = await runTidegate(args);
    expect(exitCode).toBe(1);
    const { ok, checks } = JSON.parse(stdout);
    expect(ok).toBe(false);
    const failed = checks.filter(({ state }: { state: string }) => state === 'fail');
    expect(failed.map(({ subject }: { subject: string }) => subject)).toEqual(['redis', 'policies']);
  });
});

describe('tidegate', () => {
  it('explains itself and ends with 0', async () => {
    const { exitCode, stdout } = await runTidegate(['--help']);
    expect(exitCode).toBe(0);
    for (const command of ['up', 'serve', 'ingest', 'detect', 'migrate', 'doctor', 'replay', 'demo']) {
      expect(stdout).toMatch(new RegExp(`^  ${command}\\s`, 'm'));
    }
    expect((await runTidegate(['up', '--help'])).stdout).toContain('TIDEGATE_REDIS_URL');
    expect((await runTidegate(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('shows settings without their secrets', async () => {
    const { stdout } = await runTidegate(['config', '--json'], {
      TIDEGATE_REDIS_URL: 'redis://:hunter22@h',
      TIDEGATE_API_TOKENS: 'anna=0123456789abcdef0123',
    });
    expect(JSON.parse(stdout)).toMatchObject({ redisUrl: 'redis://:***@h', apiTokens: '1 given' });
    expect(JSON.parse(stdout)).toMatchObject({ clickhousePassword: null });
    const given = await runTidegate(['config', '--json'], { TIDEGATE_CLICKHOUSE_PASSWORD: 'hunter22' });
    expect(JSON.parse(given.stdout)).toMatchObject({ clickhousePassword: '***' });
  });
});
