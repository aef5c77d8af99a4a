import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Client } from '../../../src/client.ts';
import { compilePolicies } from '../../../src/policy/match.ts';
import { parsePolicies, policySetOf } from '../../../src/policy/parse.ts';
import { readingsOf } from '../../../src/policy/path-readings.ts';
import type { Policy, PolicyMatch } from '../../../src/policy/policy.ts';
import { parseRoutePattern, segmentsOf } from '../../../src/route-pattern.ts';

const client: Client = { kind: 'ip', id: '192.0.2.1' };
const [template] = parsePolicies('{"version":1,"policies":[{"name":"a","limit":1,"window":"1s"}]}').policies;
const policyFor = (name: string, match: PolicyMatch): Policy => ({ ...(template as Policy), name, match });

const namesFor = (matches: readonly PolicyMatch[], method: string, path: string): string[] => {
  const set = policySetOf(matches.map((match, index) => policyFor(`p${index}`, match)));
  return compilePolicies(set)({ method, path, tenant: 'acme', client }).map(({ name }) => name);
};

describe('matching policies', () => {
  it.each([
    ['POST /login', 'POST', '/login', true],
    ['POST /login', 'GET', '/login', false],
    ['POST /login', 'POST', '/login/', true],
    ['POST /login', 'POST', '/login/x', false],
    ['* /login', 'PUT', '/login', true],
    ['GET /orders/*', 'GET', '/orders/7', true],
    ['GET /orders/*', 'GET', '/orders', false],
    ['GET /orders/:id', 'GET', '/orders/:id', true],
    ['GET /orders/:id', 'GET', '/orders/7', true],
    ['GET /orders/:id', 'GET', '/orders', false],
    ['GET /orders/:id/lines', 'GET', '/orders/7/lines', true],
    ['GET /:tenant/**', 'GET', '/acme/orders/7', true],
    ['GET /admin/**', 'GET', '/admin', true],
    ['GET /admin/**', 'GET', '/admin/a/b/c', true],
    ['GET /admin/**', 'GET', '/administrator', false],
    ['* **', 'GET', '/', true],
  ] as const)('%s for %s %s is %s', (...[pattern, method, path, expected]) => {
    expect(namesFor([{ routes: [pattern] }], method, path)).toEqual(expected ? ['p0'] : []);
  });

  it.each([
    '/LOGIN',
    '//login',
    '/login?next=/',
    '/login#top',
    '/%6cogin',
    '/%4Cogin',
    '/login;a=b',
    '/./login',
    '/x/../login',
    '/x/%2e%2e/login',
    '/login%2F',
    '/\\login',
    '/login;/..;/login',
    'http://example.test/login',
    'HTTP://example.test:80/login?x',
    '//any/login',
    '//any:80//login',
    '///any/login',
    '/\\any/login',
    'http:login',
    'http:\\\\example.test\\login',
    'http://example.test\\login',
  ])('takes %s for /login, as some server behind would', (path) => {
    expect(namesFor([{ routes: ['POST /login'] }], 'POST', path)).toEqual(['p0']);
  });

  it('takes an ambiguous path literally as well', () => {
    expect(namesFor([{ routes: ['GET /objects/*'] }], 'GET', '/objects/a%2Fb')).toEqual(['p0']);
    expect(namesFor([{ routes: ['GET /50%'] }], 'GET', '/50%')).toEqual(['p0']);
  });

  it('decodes what can be decoded, and takes the rest literally', () => {
    const byException = (segment: string): string => {
      try {
        return decodeURIComponent(segment);
      } catch {
        return segment;
      }
    };
    const byte = fc.integer({ min: 0, max: 255 }).map((value) => `%${value.toString(16).padStart(2, '0')}`);
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 1 });
    const encoded = fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }).map(encodeURIComponent);
    const segments = fc.array(fc.oneof(byte, encoded, text, fc.constant('%'), fc.constant('a')), { maxLength: 6 });
    fc.assert(
      fc.property(segments, (parts) => {
        const segment = parts.join('').replace(/[/\\;?#]/g, '');
        const expected = byException(segment).split(/[/\\]/);
        if (expected.some((part) => part === '..' || part === '.')) return;
        expect(readingsOf(`/x;/${segment}`).at(-1)).toEqual(['x', ...expected.filter((part) => part !== '')]);
      }),
      { numRuns: 2000 },
    );
  });

  it('has a HEAD of what a GET is limited for, and nothing else', () => {
    expect(namesFor([{ routes: ['GET /report'] }, { routes: ['POST /report'] }], 'HEAD', '/report')).toEqual(['p0']);
    expect(namesFor([{ routes: ['HEAD /report'] }], 'GET', '/report')).toEqual([]);
  });

  it.each([
    ['/*', true],
    ['*', true],
    ['/:action', true],
    ['/login', true],
    ['/about', false],
  ] as const)('finds the policy of a path behind the template %s: %s', (path, expected) => {
    const set = policySetOf([policyFor('login', { routes: ['POST /login'] })]);
    const found = compilePolicies(set)({ method: 'POST', path: '/login', template: path, tenant: 'acme', client });
    expect(found).toHaveLength(expected ? 1 : 0);
  });

  it('answers in the order of the file, each policy once', () => {
    const matches = [{ routes: ['GET /a/*', 'GET /a/b', 'GET /a/**'] }, {}, { routes: ['GET /a/b'] }];
    expect(namesFor(matches, 'GET', '/a/b')).toEqual(['p0', 'p1', 'p2']);
  });

  it('keeps to tenants and kinds of client', () => {
    expect(namesFor([{ tenants: ['acme'] }, { tenants: ['other'] }, { clientKinds: ['key'] }], 'GET', '/')).toEqual([
      'p0',
    ]);
  });

  it('agrees with trying every policy in turn', () => {
    const segment = fc.constantFrom('a', 'b', '*');
    const pattern = fc
      .tuple(fc.constantFrom('GET', 'POST', '*'), fc.array(segment, { maxLength: 3 }), fc.boolean())
      .map(([method, segments, open]) => `${method} /${[...segments, ...(open ? ['**'] : [])].join('/')}`);
    const path = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
    const matches = (text: string, method: string, subject: string): boolean => {
      const parsed = parseRoutePattern(text);
      if (typeof parsed === 'string') return false;
      const segments = segmentsOf(subject);
      const fits = parsed.open ? segments.length >= parsed.segments.length : segments.length === parsed.segments.length;
      const same = parsed.segments.every((part, index) => part === '*' || part === segments[index]);
      return fits && same && (parsed.method === '*' || parsed.method === method);
    };
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 12 }),
        path,
        fc.constantFrom('GET', 'POST'),
        (patterns, subject, method) => {
          const expected = patterns.flatMap((text, index) => (matches(text, method, subject) ? [`p${index}`] : []));
          expect(
            namesFor(
              patterns.map((text) => ({ routes: [text] })),
              method,
              subject,
            ),
          ).toEqual(expected);
        },
      ),
    );
  });
});
