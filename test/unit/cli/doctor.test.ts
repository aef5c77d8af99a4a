import { describe, expect, it } from 'vitest';
import { redisFindings, serverChecks } from '../../../src/cli/doctor-checks.ts';

const info = (fields: Record<string, string>): string =>
  `# Server\r\n${Object.entries(fields)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('')}`;
const statesOf = (fields: Record<string, string>) =>
  Object.fromEntries(redisFindings(info(fields)).map(({ subject, state }) => [subject, state]));

const fit = { redis_version: '7.0.15', maxmemory_policy: 'noeviction', role: 'master' };

describe('doctor on Redis', () => {
  it('is content with a current primary that evicts nothing', () => {
    expect(Object.values(statesOf(fit))).toEqual(['ok', 'ok', 'ok']);
  });

  it.each([
    ['6.0.16', 'fail'],
    ['6.2.0', 'ok'],
    ['8.2.1', 'ok'],
  ])('judges version %s as %s', (version, state) => {
    expect(statesOf({ ...fit, redis_version: version })['redis version']).toBe(state);
  });

  it.each([
    ['allkeys-lru', 'fail'],
    ['volatile-ttl', 'warn'],
  ])('judges maxmemory-policy %s as %s and says what to set', (policy, state) => {
    const check = redisFindings(info({ ...fit, maxmemory_policy: policy })).find(({ subject }) =>
      subject.includes('policy'),
    );
    expect(check).toMatchObject({ state, message: expect.stringContaining('noeviction') });
  });

  it('refuses a replica', () => {
    expect(statesOf({ ...fit, role: 'slave' })['redis role']).toBe('fail');
  });

  it('warns of memory that runs out and of a clock that is off, and says when there is nothing of the kind', () => {
    expect(serverChecks([])).toMatchObject([
      { subject: 'redis memory', state: 'ok' },
      { subject: 'redis clock', state: 'ok' },
    ]);
    const seen = 'Redis is 90 s ahead';
    expect(serverChecks([{ code: 'TIDEGATE_CLOCK_APART', seen }])).toMatchObject([
      { subject: 'redis memory', state: 'ok' },
      { subject: 'redis clock', state: 'warn', message: expect.stringContaining(`${seen}; Let both machines`) },
    ]);
  });
});
