import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TidegateError } from '../../../src/errors.ts';
import { parseRedisUrl } from '../../../src/redis/url.ts';

const problemsOf = (url: string): string[] => {
  try {
    parseRedisUrl(url);
    return [];
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    expect(error.code).toBe('CONFIG_INVALID');
    return error.problems.map(({ path, message }) => `${path} ${message}`);
  }
};

const a = { host: 'a', port: 6379 };
const b = { host: 'b', port: 7001 };

describe('a Redis URL', () => {
  it('names one server, on port 6379 and database 0 unless it says otherwise', () => {
    expect(parseRedisUrl('redis://a')).toMatchObject({ kind: 'single', servers: [a], database: 0, tls: false });
    expect(parseRedisUrl('REDISS://b:7001/3')).toMatchObject({ kind: 'single', servers: [b], database: 3, tls: true });
    expect(parseRedisUrl('redis://[::1]:6380/').servers).toEqual([{ host: '::1', port: 6380 }]);
  });

  it.each([
    'redis+cluster://a,b:7001',
    'redis-cluster://a:6379,b:7001/',
    'redis://a,b:7001',
    'redis://a,redis://b:7001',
    'redis+cluster://u:p@a,b:7001/0',
    'redis://u:p@a,redis://u:p@b:7001',
  ])('names nodes of a cluster: %s', (url) => {
    expect(parseRedisUrl(url)).toMatchObject({ kind: 'cluster', servers: [a, b], tls: false });
  });

  it('names a cluster even where it names one node of it', () => {
    expect(parseRedisUrl('rediss+cluster://a')).toMatchObject({ kind: 'cluster', servers: [a], tls: true });
  });

  it.each(['redis+sentinel://s1,s2:26380/main/2', 'redis-sentinel://s1:26379,s2:26380/2#main'])(
    'names Sentinels, the primary that they watch and its database: %s',
    (url) => {
      const servers = [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 26_380 },
      ];
      expect(parseRedisUrl(url)).toMatchObject({ kind: 'sentinel', servers, masterName: 'main', database: 2 });
    },
  );

  it('carries credentials, percent-encoded, and those of the Sentinels apart', () => {
    const url =
      'rediss+sentinel://anna:p%40ss%3Aword@s1/main?sentinelUsername=watch&sentinelPassword=t%26n&ca=/etc/ca.pem';
    expect(parseRedisUrl(url)).toEqual({
      kind: 'sentinel',
      servers: [{ host: 's1', port: 26_379 }],
      username: 'anna',
      password: 'p@ss:word',
      sentinelUsername: 'watch',
      sentinelPassword: 't&n',
      masterName: 'main',
      database: 0,
      tls: true,
      caFile: '/etc/ca.pem',
      certFile: null,
      keyFile: null,
      text: 'rediss+sentinel://s1:26379/main',
    });
    expect(parseRedisUrl('redis://:secret@a')).toMatchObject({
      username: '',
      password: 'secret',
      text: 'redis://a:6379',
    });
  });

  it.each([
    ['redis:', 'url is not of the form'],
    ['http://a', 'url is not of the form'],
    ['redis+proxy://a', 'url is not of the form'],
    ['redis://', 'host is missing'],
    ['redis://a,', 'host is missing'],
    ['redis://a:0', 'host "a:0" is not host:port'],
    ['redis://::1', 'host "::1" is not host:port'],
    ['redis://a/x', 'database must be a number: /0'],
    ['redis://a/0/1', 'database must be a number: /0'],
    ['redis+cluster://a/1', 'database must be 0: a cluster has no other'],
    ['redis+sentinel://a', 'name of the primary is missing: redis+sentinel://host:26379/<name>'],
    ['redis+sentinel://a//1', 'name of the primary is missing: redis+sentinel://host:26379/<name>'],
    ['redis://a#main', 'url has nothing behind a #'],
    ['redis://u@a', 'credentials must be user:password or :password, each percent-encoded'],
    ['redis://u:p:q@a', 'credentials must be user:password or :password, each percent-encoded'],
    ['redis://u:%ZZ@a', 'credentials is not percent-encoded correctly'],
    ['redis://a?db=1', 'db is no parameter; there are ca, cert, key, sentinelUsername, sentinelPassword'],
    ['redis://a?ca=/x', 'ca needs TLS: rediss'],
    ['rediss://a?ca=/x&ca=/y', 'ca is given twice'],
    ['rediss://a?ca=', 'ca is empty'],
    ['rediss://a?cert=/x', 'cert and key go together'],
    ['redis://a?sentinelPassword=x', 'sentinelPassword needs Sentinels: redis+sentinel'],
    ['redis+sentinel://a/m?sentinelUsername=x', 'sentinelUsername needs sentinelPassword'],
  ])('is refused: %s', (url, problem) => {
    expect(problemsOf(url).join('\n')).toContain(problem);
  });

  it.each(['redis://', 'rediss+cluster://', 'redis+sentinel://'])('gives back any credentials: %s', (scheme) => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
    const property = fc.property(text, text, (username, password) => {
      const user = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
      const address = parseRedisUrl(`${scheme}${user}@a,b:7001/0${scheme.includes('sentinel') ? '#main' : ''}`);
      expect(address).toMatchObject({ username, password });
      expect(address.text).toBe(parseRedisUrl(`${scheme}a,b:7001/0${scheme.includes('sentinel') ? '#main' : ''}`).text);
    });
    fc.assert(property);
  });

  it('answers any text with an address or CONFIG_INVALID', () => {
    const piece = fc.constantFrom(
      'redis',
      's',
      '+',
      'cluster',
      'sentinel',
      '://',
      ':',
      '@',
      ',',
      '/',
      '?',
      '#',
      '%',
      'a',
      '1',
      '[',
      ']',
      '=',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        expect(problemsOf(pieces.join(''))).toBeInstanceOf(Array);
      }),
      { numRuns: 2000 },
    );
  });

  it('is refused with all its problems at once', () => {
    expect(problemsOf('redis://u@a:x,b/y?db=1')).toHaveLength(4);
  });

  it.each(['redis://u:hunter2:hunter2@a', 'redis://a,redis://u:hunter2@b', 'redis://u:hunter2@a,redis://v:hunter3@b'])(
    'never repeats a password in a message: %s',
    (url) => {
      expect(problemsOf(url).length).toBeGreaterThan(0);
      expect(problemsOf(url).join()).not.toContain('hunter');
    },
  );
});
