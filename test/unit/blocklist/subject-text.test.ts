import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSubject } from '../../../src/blocklist/subject-text.ts';
import { subjectKeyOf } from '../../../src/client.ts';

const keyOf = (text: string, tenant?: string): string => {
  const read = readSubject(text, tenant);
  return 'subject' in read
    ? subjectKeyOf(read.subject)
    : `! ${read.problem}${read.instead ? ` → ${read.instead}` : ''}`;
};

describe('a subject that a person wrote', () => {
  it.each([
    ['ip:203.0.113.9', 'ip:203.0.113.9'],
    ['203.0.113.9', 'ip:203.0.113.9'],
    ['203.0.113.9/32', 'ip:203.0.113.9'],
    ['::ffff:203.0.113.9', 'ip:203.0.113.9'],
    ['203.0.113.0/24', 'network:203.0.113.0/24'],
    ['network:203.0.113.0/24', 'network:203.0.113.0/24'],
    ['2001:DB8::1', 'ip:2001:db8::/64'],
    ['2001:db8::/64', 'ip:2001:db8::/64'],
    ['network:2001:db8::/64', 'network:2001:db8::/64'],
    ['2001:db8::/32', 'network:2001:db8::/32'],
    ['user:alice', 'user:alice'],
    ['key:a:b/c', 'key:a:b/c'],
    ['acme/user:alice', 'acme/user:alice'],
    ['user:~other', 'user:~other'],
  ])('%s is %s', (text, key) => {
    expect(keyOf(text)).toBe(key);
  });

  it('is within a tenant where one is named beside it', () => {
    expect(keyOf('alice:x', 'acme')).toMatch(/^!/);
    expect(keyOf('user:alice', 'acme')).toBe('acme/user:alice');
    expect(keyOf('203.0.113.9', 'a/b')).toBe('a%2Fb/ip:203.0.113.9');
  });

  it.each([
    ['203.0.113.9/24', '! has bits set behind its prefix → 203.0.113.0/24'],
    ['2001:db8::1/48', '! has bits set behind its prefix → 2001:db8::/48'],
    ['2001:db8::/96', '! is narrower than /64, and that is how IPv6 clients are told apart → 2001:db8::/64'],
    ['0.0.0.0/0', '! is every address there is'],
    ['::/0', '! is every address there is'],
    ['10.0.0.0/7', '! is wider than /8: nobody is meant by so many'],
    ['2000::/15', '! is wider than /16: nobody is meant by so many'],
    ['203.0.113.9/33', '! has a prefix of 33 bits, and an address has 32'],
    ['203.0.113/24', '! 203.0.113 is no address'],
    ['1234', '! is no address'],
    ['alice', '! must be ip:…, user:…, key:…, an address or a network'],
    ['ip:alice', '! is no address'],
    ['user:', '! must be ip:…, user:…, key:…, an address or a network'],
    ['50%/user:alice', '! must be ip:…, user:…, key:…, an address or a network'],
    ['%ff/203.0.113.9', '! must be ip:…, user:…, key:…, an address or a network'],
  ])('%s is refused: %s', (text, problem) => {
    expect(keyOf(text)).toBe(problem);
  });

  it('is read from its own key as what it was, and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6(),
          fc.string(),
          fc.string().map((id) => `user:${id}`),
        ),
        (text) => {
          const read = readSubject(text);
          if ('subject' in read) expect(keyOf(subjectKeyOf(read.subject))).toBe(subjectKeyOf(read.subject));
        },
      ),
    );
  });
});
