import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact, redactorFor } from '../../../src/cli/redact.ts';

describe('redaction', () => {
  it.each([
    ['redis://:s3cret@host:6379/0', 'redis://:***@host:6379/0'],
    ['rediss://anna:s3cret@host', 'rediss://anna:***@host'],
    ['kafka://anna:s3cret@a:9092,b:9092', 'kafka://anna:***@a:9092,b:9092'],
    ['http://default:p@ss/w0rd@host:8123/db', 'http://default:***@host:8123/db'],
    ['http://s3cret@host', 'http://***@host'],
    [
      'connect http://host:8123/?user=a&password=s3cret&x=1 failed',
      'connect http://host:8123/?user=a&password=***&x=1 failed',
    ],
    ['redis://:s3cret@a:7000,redis://:s3cret@b:7001', 'redis://:***@b:7001'],
    ['redis+sentinel://s:1/m?sentinelPassword=s3cret&ca=x', 'redis+sentinel://s:1/m?sentinelPassword=***&ca=x'],
    ['Authorization: Bearer abc.def-123', 'Authorization: Bearer ***'],
    ['redis://host:6379', 'redis://host:6379'],
  ])('turns %s into %s', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  it('removes known secrets wherever they stand, decoded or not', () => {
    const clean = redactorFor(['http://u:p%40ssw0rd@host'], ['anna=0123456789abcdef']);
    expect(clean('auth failed for p@ssw0rd with 0123456789abcdef (p%40ssw0rd)')).toBe(
      'auth failed for *** with *** (***)',
    );
  });

  it('removes the password of every node of a cluster, and that of the Sentinels', () => {
    const clean = redactorFor(
      ['redis://:first1@a,redis://:second2@b', 'redis+sentinel://a/m?sentinelPassword=third3'],
      [],
    );
    expect(clean('tried first1, second2 and third3')).toBe('tried ***, *** and ***');
  });

  it('lets no password of a URL through, whatever it is made of', () => {
    const password = fc
      .string({ minLength: 4, maxLength: 30 })
      .map(encodeURIComponent)
      .filter((text) => text.length >= 4);
    fc.assert(
      fc.property(password, (secret) => {
        const unique = `Zq7${secret}`;
        const url = `redis://anna:${unique}@host:6379/1`;
        const shown = redactorFor(
          [url],
          [],
        )(`cannot reach ${url}: bad password ${unique}, ${decodeURIComponent(unique)}`);
        return !shown.includes('Zq7');
      }),
    );
  });
});
