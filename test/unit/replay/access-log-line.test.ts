import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type LoggedRequest,
  maxPathLength,
  parseAccessLogLine,
  parseLogTimeMs,
} from '../../../src/replay/access-log-line.ts';

const requestOf = (line: string): LoggedRequest => {
  const parsed = parseAccessLogLine(line);
  if ('rejected' in parsed) throw new Error(`rejected: ${parsed.rejected}`);
  return parsed.request;
};
const rejectionOf = (line: string): string | null => {
  const parsed = parseAccessLogLine(line);
  return 'rejected' in parsed ? parsed.rejected : null;
};
const lineWith = (field: string): string => `192.0.2.7 - - [05/Mar/2024:10:11:12 +0000] "${field}" 400 166 "-" "-"`;

describe('parseAccessLogLine', () => {
  it('reads the combined format and drops the query', () => {
    const line =
      '192.0.2.7 - ann [05/Mar/2024:10:11:12 +0100] "GET /a/b?token=1 HTTP/1.1" 200 12 "https://example.test/" "Mozilla/5.0"';
    expect(requestOf(line)).toEqual({
      timeMs: Date.UTC(2024, 2, 5, 9, 11, 12),
      address: '192.0.2.7',
      method: 'GET',
      path: '/a/b',
    });
  });

  it('reads the common format', () => {
    expect(requestOf('192.0.2.7 - - [05/Mar/2024:10:11:12 +0000] "POST /login HTTP/1.0" 401 -').method).toBe('POST');
  });

  it.each([
    ['fields behind the combined ones', `${lineWith('GET / HTTP/1.1')} "198.51.100.4" rt=0.003`],
    ['a virtual host in front', `shop.example:443 ${lineWith('GET / HTTP/1.1')}`],
    ['an ISO 8601 time', '192.0.2.7 - - [2024-03-05T10:11:12+00:00] "GET / HTTP/1.1" 200 1'],
  ])('takes a line with %s', (_what, line) => {
    expect(requestOf(line)).toMatchObject({
      timeMs: Date.UTC(2024, 2, 5, 10, 11, 12),
      address: '192.0.2.7',
      path: '/',
    });
  });

  it('gives IPv6 and IPv4-mapped clients one spelling', () => {
    expect(requestOf(lineWith('GET / HTTP/1.1').replace('192.0.2.7', '2001:DB8:0:0::1')).address).toBe('2001:db8::1');
    expect(requestOf(lineWith('GET / HTTP/1.1').replace('192.0.2.7', '::ffff:192.0.2.7')).address).toBe('192.0.2.7');
  });

  it.each([
    ['\\x16\\x03\\x01\\x00\\xee', 'INVALID', '~unparsable'],
    ['', 'INVALID', '~unparsable'],
    ['-', 'INVALID', '~unparsable'],
    ['PROBE_203.0.113.9_443', 'INVALID', '~unparsable'],
    ['GET', 'INVALID', '~unparsable'],
    ['GET no-slash HTTP/1.1', 'INVALID', '~unparsable'],
    ['GET /', 'GET', '/'],
    ['GET /a b HTTP/1.1', 'GET', '/a b'],
    ['GET /say/\\"hi\\" HTTP/1.1', 'GET', '/say/\\"hi\\"'],
    ['GET http://example.test/x?y HTTP/1.1', 'GET', '/x'],
    ['GET http://example.test HTTP/1.1', 'GET', '/'],
    ['OPTIONS * HTTP/1.1', 'OPTIONS', '*'],
    ['CONNECT example.test:443 HTTP/1.1', 'CONNECT', '~authority'],
  ])('accounts for the request field "%s"', (field, method, path) => {
    expect(requestOf(lineWith(field))).toMatchObject({ method, path });
  });

  it('keeps a request whose field never ends, for its client and time are known', () => {
    expect(requestOf('192.0.2.7 - - [05/Mar/2024:10:11:12 +0000] "GET /cut').path).toBe('~unparsable');
  });

  it('bounds the path', () => {
    expect(requestOf(lineWith(`GET /${'a'.repeat(5000)} HTTP/1.1`)).path).toHaveLength(maxPathLength);
  });

  it.each([
    ['', 'not in common or combined format'],
    ['\u0000\u0001\u0002', 'not in common or combined format'],
    ['host.example - - [05/Mar/2024:10:11:12 +0000] "GET / HTTP/1.1" 200 1', 'client is no address'],
    ['- - - [05/Mar/2024:10:11:12 +0000] "GET / HTTP/1.1" 200 1', 'client is no address'],
    ['192.0.2.7 - - [30/Feb/2024:10:11:12 +0000] "GET / HTTP/1.1" 200 1', 'time cannot be read'],
    ['192.0.2.7 - - [-] "GET / HTTP/1.1" 200 1', 'time cannot be read'],
  ])('rejects %j: %s', (line, reason) => {
    expect(rejectionOf(line)).toBe(reason);
  });

  it('does not let a user name bring its own time', () => {
    const forged =
      '192.0.2.7 - a [01/Jan/2020:00:00:00 +0000] "GET /x" [05/Mar/2024:10:11:12 +0000] "GET / HTTP/1.1" 200 1';
    for (const name of ['a b', 'a b c', '198.51.100.4 b']) {
      expect(rejectionOf(forged.replace('- a [', `- ${name} [`))).not.toBeNull();
    }
  });

  it('never throws and never yields an unsafe request, whatever the bytes', () => {
    const anyLine = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
      fc.string({ unit: 'binary', maxLength: 200 }).map(lineWith),
      fc
        .tuple(fc.ipV6(), fc.string({ maxLength: 40 }))
        .map(([ip, time]) => `${ip} - - [${time}] "GET / HTTP/1.1" 200 1`),
    );
    fc.assert(
      fc.property(anyLine, (line) => {
        const parsed = parseAccessLogLine(line);
        if ('rejected' in parsed) return;
        expect(Number.isSafeInteger(parsed.request.timeMs)).toBe(true);
        expect(parsed.request.path.length).toBeLessThanOrEqual(maxPathLength);
        expect(parsed.request.path).not.toBe('');
      }),
      { numRuns: 500 },
    );
  });

  it('reads every hostile request field in a time that grows with its length', () => {
    // A backtracking expression needs minutes for these.
    for (const hostile of [
      '\\'.repeat(60_000),
      `GET ${' '.repeat(60_000)}x`,
      `GET /${'a HTTP/1.1 '.repeat(6000)}`,
      '"'.repeat(60_000),
    ]) {
      expect(requestOf(lineWith(hostile)).address).toBe('192.0.2.7');
    }
    expect(rejectionOf('a '.repeat(30_000))).not.toBeNull();
  }, 2_000);
});

describe('parseLogTimeMs', () => {
  it('gives back every instant that a server can write, in every zone', () => {
    const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
    const two = (value: number): string => String(value).padStart(2, '0');
    fc.assert(
      fc.property(
        fc.integer({ min: 86_400, max: 4_000_000_000 }),
        fc.integer({ min: -840, max: 840 }),
        (second, zoneMinutes) => {
          const local = new Date((second + zoneMinutes * 60) * 1000);
          const zone = `${zoneMinutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(zoneMinutes) / 60))}${two(Math.abs(zoneMinutes) % 60)}`;
          const date = `${two(local.getUTCDate())}/${months[local.getUTCMonth()]}/${local.getUTCFullYear()}`;
          const clock = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
          expect(parseLogTimeMs(`${date}:${clock} ${zone}`)).toBe(second * 1000);
        },
      ),
    );
  });

  it.each([
    '31/Dec/1969:23:59:59 +0000',
    '05/mar/2024:10:11:12 +0000',
    '05/Mar/2024:24:00:00 +0000',
    '2024-03-05T10:11:12',
    '',
    '01/Jan/2300:00:00:00 +0000',
    '9999-12-17T09:03:01Z',
  ])('refuses %j', (text) => {
    expect(parseLogTimeMs(text)).toBeNull();
  });

  it('takes a leap second as the last second of its minute', () => {
    expect(parseLogTimeMs('31/Dec/2016:23:59:60 +0000')).toBe(Date.UTC(2016, 11, 31, 23, 59, 59));
  });
});
