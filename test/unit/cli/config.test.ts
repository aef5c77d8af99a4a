import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig, strayVariables } from '../../../src/cli/config.ts';
import { settingNames, settings } from '../../../src/cli/settings.ts';
import { TidegateError } from '../../../src/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-config-'));
const fileOf = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const empty = fileOf('empty.yaml', '');
const load = (sources: Partial<Parameters<typeof loadConfig>[0]>) =>
  loadConfig({ flags: {}, env: {}, configFile: empty, ...sources });

const failureOf = (task: () => unknown): TidegateError => {
  try {
    task();
  } catch (error) {
    if (error instanceof TidegateError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('configuration', () => {
  it('works without any: embedded engines, loopback only', () => {
    expect(load({})).toMatchObject({
      redisUrl: 'memory:',
      kafkaUrl: 'memory:',
      clickhouseUrl: 'chdb:.tidegate/clickhouse',
      host: '127.0.0.1',
      port: null,
      apiTokens: [],
    });
  });

  it('lets flags win over the environment, the environment over the file, the file over defaults', () => {
    const configFile = fileOf('layers.yaml', 'region: from-file\nnamespace: from-file\nhost: file.example\n');
    const env = { TIDEGATE_REGION: 'from-env', TIDEGATE_NAMESPACE: 'from-env' };
    const config = load({ configFile, env, flags: { region: 'from-flag' } });
    expect(config).toMatchObject({
      region: 'from-flag',
      namespace: 'from-env',
      host: 'file.example',
      logLevel: 'info',
    });
  });

  it('reports three mistakes in three places at once, each with its place', () => {
    const configFile = fileOf('three.yaml', 'port: 70000\n');
    const env = { TIDEGATE_RAW_TTL_DAYS: 'soon' };
    const error = failureOf(() => load({ configFile, env, flags: { logLevel: 'loud' } }));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.problems.map(({ path }) => path).sort()).toEqual(
      ['--log-level', 'TIDEGATE_RAW_TTL_DAYS', `${configFile}: port`].sort(),
    );
  });

  it('refuses a key that is no setting and names the one that was meant', () => {
    const configFile = fileOf('typo.yaml', 'redis_url: redis://a\n');
    expect(failureOf(() => load({ configFile })).problems).toEqual([
      { path: `${configFile}: redis_url`, message: 'is no setting; did you mean redisUrl?' },
    ]);
  });

  it('refuses a configuration file that was named and is not there', () => {
    expect(failureOf(() => load({ configFile: join(folder, 'absent.yaml') })).message).toContain('no such file');
  });

  it('says the line of broken YAML, and refuses what is no mapping', () => {
    const [broken] = failureOf(() => load({ configFile: fileOf('bad.yaml', 'a: 1\nb: [1\n') })).problems;
    expect(broken?.path).toMatch(/bad\.yaml:\d/);
    expect(broken?.message).not.toMatch(/line|:$/);
    expect(failureOf(() => load({ configFile: fileOf('list.yaml', '- a\n') })).problems[0]?.message).toContain(
      'mapping',
    );
  });

  it('adds the tokens of a file to the others and refuses short ones by their line', () => {
    const good = fileOf('tokens', '# people\nanna=0123456789abcdef0123\n\n');
    const config = load({ env: { TIDEGATE_API_TOKENS: 'fedcba9876543210fedc', TIDEGATE_API_TOKENS_FILE: good } });
    expect(config.apiTokens).toEqual(['fedcba9876543210fedc', 'anna=0123456789abcdef0123']);
    const bad = fileOf('short-tokens', 'ok=0123456789abcdef0123\nshort\n');
    const error = failureOf(() => load({ env: { TIDEGATE_API_TOKENS_FILE: bad } }));
    expect(error.problems).toEqual([expect.objectContaining({ path: `${bad}:2` })]);
    expect(JSON.stringify(error.problems)).not.toContain('0123456789abcdef0123');
  });

  it('never repeats a bad secret in the problem', () => {
    const error = failureOf(() => load({ env: { TIDEGATE_API_TOKENS: 'hunter2' } }));
    expect(`${error.message}${JSON.stringify(error.problems)}`).not.toContain('hunter2');
  });

  it('takes no notice of the variables that Kubernetes sets for a service called tidegate', () => {
    const env = {
      TIDEGATE_PORT: 'tcp://10.0.0.7:8080',
      TIDEGATE_PORT_8080_TCP: 'tcp://10.0.0.7:8080',
      TIDEGATE_SERVICE_HOST: '10.0.0.7',
    };
    expect(load({ env }).port).toBeNull();
    expect(strayVariables({ ...env, TIDEGATE_REDIS_ULR: 'redis://a' })).toEqual(['TIDEGATE_REDIS_ULR']);
  });
});

describe('the table of settings', () => {
  it('has at most 56 rows, with names, variables and flags of their own', () => {
    expect(settingNames.length).toBeLessThanOrEqual(56);
    for (const column of ['env', 'flag'] as const) {
      expect(new Set(settingNames.map((name) => settings[name][column])).size).toBe(settingNames.length);
    }
  });

  it('parses every default that is text or a number back to itself', () => {
    for (const name of settingNames) {
      const { default: value, parse } = settings[name];
      if (value === null || Array.isArray(value)) continue;
      expect(parse(String(value)), name).toEqual({ value });
    }
  });
});
