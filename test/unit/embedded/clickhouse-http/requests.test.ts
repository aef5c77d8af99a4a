import { describe, expect, it } from 'vitest';
import {
  checkLocalName,
  checkNoOtherSite,
  passwordCheck,
} from '../../../../src/embedded/clickhouse-http/credentials.ts';
import { exceptionOf } from '../../../../src/embedded/clickhouse-http/exception.ts';
import { canStreamFormat, contentTypeOf } from '../../../../src/embedded/clickhouse-http/formats.ts';
import { fieldsOf } from '../../../../src/embedded/clickhouse-http/multipart.ts';
import { encodingFor } from '../../../../src/embedded/clickhouse-http/sink.ts';

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

describe('who asks', () => {
  const check = passwordCheck('pass:word');

  it.each([
    ['own headers', { 'x-clickhouse-user': 'default', 'x-clickhouse-key': 'pass:word' }, ''],
    ['Basic', basic('default:pass:word'), ''],
    ['the URL', {}, 'user=default&password=pass:word'],
    ['a key without a user', { 'x-clickhouse-key': 'pass:word' }, ''],
  ])('is known by %s', (_, headers, search) => {
    expect(() => check(headers, new URLSearchParams(search))).not.toThrow();
  });

  it.each([
    ['nothing', {}, ''],
    ['a wrong key', { 'x-clickhouse-key': 'pass:worD' }, ''],
    ['another user', basic('root:pass:word'), ''],
    ['a password without its end', basic('default:pass'), ''],
    ['no Basic at all', { authorization: 'Bearer pass:word' }, ''],
    ['a wrong key beside a right URL', { 'x-clickhouse-key': 'x' }, 'password=pass:word'],
  ])('is not known by %s', (_, headers, search) => {
    expect(() => check(headers, new URLSearchParams(search))).toThrow(/^Code: 516\./);
  });

  it('may give no password where there is none: who gives one believes that it protects', () => {
    const open = passwordCheck('');
    expect(() => open({}, new URLSearchParams())).not.toThrow();
    expect(() => open(basic('default:'), new URLSearchParams())).not.toThrow();
    expect(() => open(basic('default:x'), new URLSearchParams())).toThrow(/^Code: 516\./);
  });

  it('names this machine by a local name, where no password stands before it', () => {
    for (const host of ['localhost', 'LOCALHOST:8123', '127.0.0.1:8123', '127.9.9.9', '[::1]:1', undefined]) {
      expect(() => checkLocalName(host), host).not.toThrow();
    }
    for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example:8123', '10.0.0.1', '']) {
      expect(() => checkLocalName(host), host).toThrow(/^Code: 497\./);
    }
  });

  it('is no page of another site or port: it could not read the answer, but make the engine work', () => {
    for (const headers of [{}, { 'sec-fetch-site': 'none' }, { 'sec-fetch-site': 'same-origin' }])
      expect(() => checkNoOtherSite(headers)).not.toThrow();
    for (const site of ['cross-site', 'same-site', ''])
      expect(() => checkNoOtherSite({ 'sec-fetch-site': site }), site).toThrow(/^Code: 497\./);
  });
});

describe('a form', () => {
  const type = 'multipart/form-data; boundary=XX';
  const field = (name: string, value: string) =>
    `--XX\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const read = (text: string, contentType = type) => fieldsOf(contentType, Buffer.from(text));

  it('gives its fields as they are, line ends and boundaries of others included', () => {
    const value = 'a\r\nb\r\n--XY--';
    expect(read(`${field('query', 'SELECT {x:String}')}${field('param_x', value)}--XX--\r\n`)).toEqual(
      new Map([
        ['query', 'SELECT {x:String}'],
        ['param_x', value],
      ]),
    );
  });

  it('is none when it does not say so', () => {
    expect(read('SELECT 1', 'text/plain')).toBeNull();
    expect(read('SELECT 1', '')).toBeNull();
  });

  it.each([
    ['no boundary', field('a', 'b'), 'multipart/form-data'],
    ['no end', field('a', 'b'), type],
    ['a field without a name', '--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--', type],
    ['a table', '--XX\r\nContent-Disposition: form-data; name="t"; filename="t"\r\n\r\n1\r\n--XX--', type],
    ['too many fields', `${field('a', 'b').repeat(1001)}--XX--`, type],
  ])('is refused with %s', (_, text, contentType) => {
    expect(() => read(text, contentType)).toThrow(/^Code: (?:36|48)\./);
  });
});

describe('an answer', () => {
  it('is packed in what its client takes', () => {
    expect(encodingFor('gzip, deflate, br')).toBe('gzip');
    expect(encodingFor('deflate;q=0.5')).toBe('deflate');
    expect(encodingFor('gzip;q=0, br')).toBeNull();
    expect(encodingFor('')).toBeNull();
  });

  it('says what its bytes are', () => {
    expect(contentTypeOf('JSON')).toContain('application/json');
    expect(contentTypeOf('JSONCompactEachRow')).toContain('ndjson');
    expect(contentTypeOf('TabSeparatedWithNames')).toContain('tab-separated');
    expect(contentTypeOf('Native')).toBe('application/octet-stream');
    expect(contentTypeOf('PrettyCompact')).toContain('text/plain');
  });

  it('goes in pieces only when pieces make a whole', () => {
    expect(['JSONEachRow', 'CSV', 'Native'].every(canStreamFormat)).toBe(true);
    expect(['JSON', 'CSVWithNames', 'Pretty', 'Parquet'].some(canStreamFormat)).toBe(false);
  });

  it('keeps the number of a failure and bounds its text', () => {
    expect(exceptionOf(new Error('Code: 60. DB::Exception: Unknown table'))).toMatchObject({ code: 60, status: 404 });
    expect(exceptionOf(new Error('out of order'))).toMatchObject({ code: 1001, status: 500 });
    expect(exceptionOf(new Error(`Code: 62. ${'x'.repeat(100_000)}`)).message.length).toBeLessThan(10_000);
  });
});
