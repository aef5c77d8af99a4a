import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainPolicies } from '../../../src/policy/explain.ts';
import { compilePolicies, type MatchSubject } from '../../../src/policy/match.ts';
import { parsePolicies, policiesFrom } from '../../../src/policy/parse.ts';
import type { Policy } from '../../../src/policy/policy.ts';

const someOf = <T>(...values: readonly T[]): fc.Arbitrary<T[] | undefined> =>
  fc.option(fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: values.length }), { nil: undefined });

const segment = fc.constantFrom('a', 'b', 'A', '*', ':id');
const route = fc
  .tuple(fc.constantFrom('GET', 'POST', 'HEAD', '*'), fc.array(segment, { maxLength: 3 }), fc.boolean())
  .map(([method, segments, open]) => `${method} /${[...segments, ...(open ? ['**'] : [])].join('/')}`);

const match = fc
  .record({
    routes: fc.option(fc.array(route, { minLength: 1, maxLength: 3 }), { nil: undefined }),
    tenants: someOf('t1', 't2'),
    plans: someOf('free', 'pro'),
    services: someOf('web', 'api'),
    clientKinds: someOf('key', 'user', 'ip'),
  })
  .map((lists) => Object.fromEntries(Object.entries(lists).filter(([, list]) => list !== undefined)));

const entry = fc.record({
  match,
  mode: fc.constantFrom('enforce', 'enforce', 'shadow'),
  group: fc.constantFrom(undefined, 'g', 'h'),
  priority: fc.constantFrom(0, 0, 1),
});

/** Random policies; every third one that can be is a candidate for one before it. */
const policies = fc.array(entry, { minLength: 1, maxLength: 10 }).map((entries) => {
  const taken = new Set<number>();
  const written = entries.map(({ match: matched, mode, group, priority }, index) => {
    const shared = { name: `p${index}`, limit: 1, window: '1s', match: matched };
    const live =
      index % 3 === 2
        ? entries.findIndex((other, at) => at < index && at % 3 !== 2 && other.mode === 'enforce' && !taken.has(at))
        : -1;
    if (live >= 0) {
      taken.add(live);
      return { ...shared, candidateFor: `p${live}` };
    }
    return group === undefined ? { ...shared, mode } : { ...shared, mode, group, priority };
  });
  return policiesFrom({ version: 1, policies: written }).policies;
});

const pathSegment = fc.constantFrom('a', 'b', 'c', 'A', '%61', '..', ':id', '', 'a;x');
const path = fc
  .tuple(fc.array(pathSegment, { maxLength: 4 }), fc.constantFrom('', '?q=1', '/', '#x'))
  .map(([segments, end]) => `/${segments.join('/')}${end}`);
const template = fc.oneof(
  fc.constant(undefined),
  fc.array(fc.constantFrom('a', 'b', ':id', ':other'), { maxLength: 3 }).map((segments) => `/${segments.join('/')}`),
  fc.constantFrom('/*', '/a/*', '*', '/:id?', '/a/:id.png', '/A/:id'),
);
const clientId = {
  key: { kind: 'key', id: 'k' },
  user: { kind: 'user', id: 'u' },
  ip: { kind: 'ip', id: '192.0.2.1' },
} as const;
const subject: fc.Arbitrary<MatchSubject> = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT'),
    path,
    template,
    tenant: fc.constantFrom('t1', 't2', 't3', ''),
    plan: fc.constantFrom('', 'free', 'pro', 'none'),
    service: fc.constantFrom('', 'web', 'api'),
    client: fc.constantFrom(clientId.key, clientId.user, clientId.ip),
  })
  .map(({ template: given, ...rest }) => (given === undefined ? rest : { ...rest, template: given }));

const namesOf = (found: readonly Policy[]): string[] => found.map(({ name }) => name);
const naively = (all: readonly Policy[], asked: MatchSubject): string[] =>
  namesOf(explainPolicies(all, asked).flatMap(({ verdict, policy }) => (verdict === 'applies' ? [policy] : [])));

/** Requests that differ in one thing each: what one left behind for later must not answer another. */
const variantsOf = (one: MatchSubject): MatchSubject[] => [
  one,
  ...(['GET', 'POST', 'HEAD', 'PUT'] as const).map((method) => ({ ...one, method })),
  ...['t1', 't3'].map((tenant) => ({ ...one, tenant })),
  ...['pro', ''].map((plan) => ({ ...one, plan })),
  ...['api', ''].map((service) => ({ ...one, service })),
  ...Object.values(clientId).map((client) => ({ ...one, client })),
  one,
];

const lastSegments = [
  'b',
  'B',
  'a',
  '..',
  '.',
  '',
  '%2e%2e',
  '..%2Fb',
  '%',
  'b;x',
  'b\\..',
  '.b',
  ':id',
  'b/',
  'b?x=/../..',
  'b//',
];

const expectAgreement = (all: readonly Policy[], asked: readonly MatchSubject[]): void => {
  const matcher = compilePolicies({ policies: all });
  const differing = asked.filter((one) => namesOf(matcher(one)).join() !== naively(all, one).join());
  expect(differing).toEqual([]);
};

describe('the index of policies', () => {
  it('finds what looking at every policy in turn finds, also the second time', () => {
    fc.assert(
      fc.property(policies, fc.array(subject, { minLength: 1, maxLength: 3 }), (all, asked) =>
        expectAgreement(all, asked.flatMap(variantsOf)),
      ),
      { numRuns: 300 },
    );
  });

  it('does not take one path of a template for another that some server reads differently', () => {
    fc.assert(
      fc.property(policies, subject, fc.constantFrom('/a/:id', '/a/b', '/:id', '/A/:id'), (all, asked, text) => {
        const paths = lastSegments.map((last) => text.replace(/[^/]*$/, '') + last);
        expectAgreement(
          all,
          paths.map((one) => ({ ...asked, template: text, path: one })),
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    '/a/%2e%2e%2fsecret',
    '/a/x%2f..%2f..%2fsecret',
    '/a/..%2Fsecret',
    '/a/..\\secret',
    '/a/x;/../../secret',
    '/a/../secret',
    '//secret',
    '/secret',
  ])('finds the policy of what %s may be to a server, behind a template for something else', (hostile) => {
    const text = 'version: 1\npolicies: [{name: a, limit: 1, window: 1s, match: {routes: [GET /secret]}}]';
    const matcher = compilePolicies(parsePolicies(text));
    const request = { method: 'GET', template: '/a/:id', tenant: '', client: clientId.ip };
    expect(namesOf(matcher({ ...request, path: '/a/7' }))).toEqual([]);
    expect(namesOf(matcher({ ...request, path: hostile }))).toEqual(['a']);
  });

  it('does not take a HEAD for a method that nobody names', () => {
    const text = 'version: 1\npolicies: [{name: a, limit: 1, window: 1s, match: {routes: [GET /a]}}]';
    const matcher = compilePolicies(parsePolicies(text));
    const found = ['PUT', 'HEAD', 'PUT'].map((method) =>
      matcher({ method, path: '/a', template: '/a', tenant: '', client: clientId.ip }),
    );
    expect(found.map(namesOf)).toEqual([[], ['a'], []]);
  });

  it('hands out one frozen list for requests that it need not tell apart', () => {
    const matcher = compilePolicies(parsePolicies('version: 1\npolicies: [{name: a, limit: 1, window: 1s}]'));
    const request = { method: 'GET', path: '/a', tenant: 'x', client: clientId.ip };
    const found = matcher(request);
    expect(Object.isFrozen(found)).toBe(true);
    expect(matcher({ ...request, path: '/b', method: 'PUT', tenant: 'y', template: '/c' })).toBe(found);
  });

  it('forgets what it found for templates rather than keep any number of them', () => {
    const matcher = compilePolicies(
      parsePolicies('version: 1\npolicies: [{name: a, limit: 1, window: 1s, match: {routes: [GET /a/**]}}]'),
    );
    const request = { method: 'GET', path: '/a', tenant: 'x', client: clientId.ip };
    const first = matcher({ ...request, template: '/a/0' });
    expect(matcher({ ...request, template: '/a/0' })).toBe(first);
    for (let index = 1; index <= 4096; index += 1) matcher({ ...request, template: `/a/${index}` });
    const again = matcher({ ...request, template: '/a/0' });
    expect(again).not.toBe(first);
    expect(again).toEqual(first);
  });
});
