import { describe, expect, it } from 'vitest';
import { TidegateError } from '../../../src/errors.ts';
import { parseKafkaUrl } from '../../../src/kafka/url.ts';

const problemsOf = (url: string): string[] => {
  try {
    parseKafkaUrl(url);
    return [];
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    expect(error.code).toBe('CONFIG_INVALID');
    return error.problems.map(({ path, message }) => `${path} ${message}`);
  }
};

describe('a Kafka URL', () => {
  it('names one broker, on port 9092 unless it says otherwise', () => {
    expect(parseKafkaUrl('kafka://broker').brokers).toEqual(['broker:9092']);
    expect(parseKafkaUrl('kafka://broker:19092/').brokers).toEqual(['broker:19092']);
  });

  it('names several brokers, IPv6 addresses among them', () => {
    expect(parseKafkaUrl('kafka://a:1,b,[::1]:9094').brokers).toEqual(['a:1', 'b:9092', '[::1]:9094']);
  });

  it('asks for neither TLS nor credentials unless it says so', () => {
    expect(parseKafkaUrl('kafka://a')).toMatchObject({ ssl: false, sasl: null, caFile: null });
  });

  it('carries credentials, percent-encoded, with the mechanism', () => {
    const address = parseKafkaUrl(
      'kafka://anna:p%40ss%3Aword@a:9092,b:9092?ssl=true&sasl=scram-sha-256&ca=/etc/ca.pem',
    );
    expect(address).toEqual({
      brokers: ['a:9092', 'b:9092'],
      ssl: true,
      caFile: '/etc/ca.pem',
      certFile: null,
      keyFile: null,
      sasl: { mechanism: 'scram-sha-256', username: 'anna', password: 'p@ss:word' },
      text: 'kafka://a:9092,b:9092',
    });
  });

  it.each([
    ['kafka:', 'url is not of the form kafka://[user:password@]host:port[,host:port…][?ssl=…]'],
    ['http://a:9092', 'url is not of the form kafka://[user:password@]host:port[,host:port…][?ssl=…]'],
    ['kafka://a:9092/topic', 'url is not of the form kafka://[user:password@]host:port[,host:port…][?ssl=…]'],
    ['kafka://', 'host is missing'],
    ['kafka://a:9092,', 'host is missing'],
    ['kafka://a:0', 'host "a:0" is not host:port'],
    ['kafka://a:99999', 'host "a:99999" is not host:port'],
    ['kafka://::1:9092', 'host "::1:9092" is not host:port'],
    ['kafka://a?ssl=yes', 'ssl must be true or false, is "yes"'],
    ['kafka://a?ssl=true&ssl=true', 'ssl is given twice'],
    ['kafka://a?tls=true', 'tls is no parameter; there are ssl, sasl, ca, cert, key'],
    ['kafka://a?ca=/x', 'ca needs ssl=true'],
    ['kafka://a?ssl=true&cert=/x', 'cert and key go together'],
    ['kafka://u:p@a', 'sasl must be plain or scram-sha-256 or scram-sha-512, is missing'],
    ['kafka://u:p@a?sasl=gssapi', 'sasl must be plain or scram-sha-256 or scram-sha-512, is gssapi'],
    ['kafka://a?sasl=plain', 'credentials must be user:password, each percent-encoded'],
    ['kafka://u@a?sasl=plain', 'credentials must be user:password, each percent-encoded'],
    ['kafka://u:p%ZZ@a?sasl=plain', 'credentials are not percent-encoded correctly'],
  ])('is refused: %s', (url, problem) => {
    expect(problemsOf(url)).toContain(problem);
  });

  it('is refused with all its problems at once', () => {
    expect(problemsOf('kafka://u:p@a:x,b?ssl=1&sasl=md5&retries=3')).toHaveLength(4);
  });

  it('never repeats a password in a message', () => {
    expect(problemsOf('kafka://u:hunter2:hunter2@a?sasl=plain').join()).not.toContain('hunter2');
  });
});
