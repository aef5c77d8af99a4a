import { describe, expect, it } from 'vitest';
import { adapter, checkEngineUrls, openCounters, openLog, schemeOf } from '../../../src/cli/engines.ts';
import { requireShared } from '../../../src/cli/pipeline-side.ts';
import { ManualClock } from '../../../src/clock.ts';
import { TidegateError } from '../../../src/errors.ts';
import { spendOne } from '../../../src/limiter/limit-store.ts';
import { silentLogger } from '../../../src/logger.ts';

const failureOf = (task: () => void): TidegateError => {
  try {
    task();
  } catch (error) {
    if (error instanceof TidegateError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('engines by URL', () => {
  it('names every unknown URL at once, with what is known instead and without its password', () => {
    const error = failureOf(() =>
      checkEngineUrls({ redisUrl: 'mysql://u:hunter22@h', kafkaUrl: 'memory:', clickhouseUrl: 'localhost' }),
    );
    expect(error.code).toBe('ENGINE_UNKNOWN');
    expect(error.problems.map(({ path }) => path)).toEqual(['redisUrl', 'clickhouseUrl']);
    expect(error.problems[0]?.message).toContain('rediss://');
    expect(JSON.stringify(error.problems)).not.toContain('hunter22');
  });

  it('reads schemes whatever their case', () => {
    expect(schemeOf('KAFKA://a:9092')).toBe('kafka:');
    expect(schemeOf('localhost')).toBe('');
    expect(schemeOf('rediss+sentinel://:a@s:26379/main')).toBe('rediss+sentinel:');
  });

  it('opens memory engines that work', async () => {
    const clock = new ManualClock();
    const counters = await openCounters({
      redisUrl: 'memory:',
      namespace: 'n',
      clock,
      logger: silentLogger,
      time: 'log',
    });
    const terms = { algorithm: 'token-bucket', periodUs: 1000, capacity: 1 } as const;
    const request = { key: { policy: 'p' }, terms, cost: 1, mode: 'enforce' } as const;
    expect((await spendOne(counters.limitStore, [request])).allowed).toBe(true);
    expect((await spendOne(counters.limitStore, [request])).allowed).toBe(false);
    await counters.close();
    const log = await openLog({ kafkaUrl: 'memory:', clock, logger: silentLogger, partitions: 3 });
    expect((await log.writer('t')).partitions).toBe(3);
    await log.close();
  });

  it.each([
    ["Cannot find package 'kafkajs' imported from /app/node_modules/tidegate/dist/kafka/client.js", 'kafkajs'],
    ["Cannot find package '@clickhouse/client' imported from /app/x.js", '@clickhouse/client'],
  ])('turns a package that is not installed into an instruction: %s', async (message, name) => {
    const missing = Object.assign(new Error(message), { code: 'ERR_MODULE_NOT_FOUND' });
    await expect(adapter(() => Promise.reject(missing))).rejects.toMatchObject({
      code: 'ENGINE_MISSING',
      message: expect.stringMatching(new RegExp(`npm install ${name}$`)),
    });
  });

  it('leaves every other failure to load as it is', async () => {
    const ours = Object.assign(new Error("Cannot find module '/app/dist/kafka/log.js' imported from x"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
    for (const error of [ours, new Error('syntax')]) {
      await expect(adapter(() => Promise.reject(error))).rejects.toBe(error);
    }
  });

  it('refuses engines inside the process for a command that needs others to reach them', () => {
    const error = failureOf(() => requireShared('detect', { redisUrl: 'redis://r', kafkaUrl: 'memory:' }));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.problems.map(({ path }) => path)).toEqual(['kafkaUrl']);
  });
});
