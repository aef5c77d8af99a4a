import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../../../src/errors.ts';
import { explainPolicies } from '../../../src/policy/explain.ts';
import type { MatchSubject } from '../../../src/policy/match.ts';
import { policiesFrom, policySetOf } from '../../../src/policy/parse.ts';
import type { Policy } from '../../../src/policy/policy.ts';
import type { PolicyInput } from '../../../src/policy/schema.ts';
import { definePolicies } from '../../../src/policy/static-source.ts';

type Written = Partial<PolicyInput>;

const setOf = (written: readonly Written[]) =>
  policiesFrom({
    version: 1,
    policies: written.map((fields, index) => ({ name: `p${index}`, limit: 10, window: '1s', ...fields })),
  });
const warningsOf = (...written: Written[]): readonly Problem[] => setOf(written).warnings;
const routes = (...patterns: string[]) => ({ match: { routes: patterns } });
const g = (fields: Written = {}): Written => ({ group: 'g', ...fields });

describe('a warning', () => {
  it.each<[string, Written[], string, RegExp]>([
    [
      'of two of a group that tie',
      [g(routes('GET /a/*')), g(routes('GET /*/b'))],
      'policies[1]',
      /ties with p0 of group g/,
    ],
    [
      'of two of a group that tie for some tenants',
      [g({ match: { tenants: ['a', 'b'] } }), g({ match: { tenants: ['b', 'c'] } })],
      'policies[1]',
      /ties with p0/,
    ],
    [
      'of one that another has a higher priority than, for all it matches',
      [g({ priority: 1, match: { plans: ['pro', 'free'] } }), g({ match: { plans: ['pro'], tenants: ['a'] } })],
      'policies[1]',
      /can never apply: p0 of group g/,
    ],
    [
      'of one whose every route another takes',
      [g(routes('GET /a/x', 'POST /b/*/c')), g({ ...routes('* /a/**', 'POST /b/**'), priority: 2 })],
      'policies[0]',
      /can never apply: p1/,
    ],
    ['of the second of two alike in a group', [g(), g()], 'policies[1]', /can never apply: p0/],
    [
      'of a trial in shadow that could never apply',
      [g({ priority: 1 }), g({ mode: 'shadow' }), g({ priority: 2, match: { plans: ['a'] } })],
      'policies[1]',
      /can never apply: p0/,
    ],
    ['of a group of one', [g(), {}], 'policies[0].group', /no other policy: g/],
    ['of a limit beside a tighter one', [{ limit: 5 }, { limit: 6 }], 'policies[1]', /can never decide: p0/],
    [
      'of a limit beside the same one',
      [{ algorithm: 'fixed-window' }, { algorithm: 'fixed-window' }],
      'policies[1]',
      /p0/,
    ],
    [
      'of a limit beside one that is tighter in every way, however it lists its routes',
      [
        { limit: 6, ...routes('GET /a', 'GET /b') },
        { limit: 5, burst: 5, ...routes('GET /b', 'GET /a') },
      ],
      'policies[0]',
      /can never decide: p1/,
    ],
    [
      'of a candidate for other requests',
      [routes('GET /a'), { ...routes('GET /b'), candidateFor: 'p0' }],
      'policies[1].match',
      /not that of p0/,
    ],
  ])('is given %s', (...[_what, written, path, message]) => {
    const warnings = warningsOf(...written);
    expect(warnings).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  it.each<[string, Written[]]>([
    ['one of a group that is more specific', [g(), g({ match: { plans: ['pro'] } })]],
    ['two of a group that differ in priority', [g(routes('GET /a/*')), g({ ...routes('GET /*/b'), priority: 1 })]],
    ['two of a group that no request has in common', [g(routes('GET /a/*')), g(routes('POST /a/*'))]],
    ['two of a group for other paths', [g(routes('GET /a/*/c')), g(routes('GET /a/*/d'))]],
    ['two of a group for other tenants', [g({ match: { tenants: ['a'] } }), g({ match: { tenants: ['b'] } })]],
    [
      'one that another covers in part',
      [g({ priority: 1, match: { plans: ['pro'] } }), g({ match: { plans: ['pro', 'free'] } })],
    ],
    ['one that others cover together only', [g({ priority: 1, ...routes('GET /a') }), g(routes('GET /a', 'GET /b'))]],
    ['an open route above a closed one', [g({ priority: 1, ...routes('GET /a') }), g(routes('GET /a/**'))]],
    ['limits over other windows', [{ limit: 5 }, { limit: 100, window: '1m' }]],
    [
      'limits of which one has the burst, one the rate',
      [
        { limit: 5, burst: 10 },
        { limit: 6, burst: 5 },
      ],
    ],
    ['limits keyed by other things', [{ scope: ['client'] }, { scope: ['tenant'], limit: 20 }]],
    ['limits of which one is in shadow', [{}, { mode: 'shadow', limit: 20 }]],
    ['limits that act differently without a store', [{}, { onStoreFailure: 'deny', limit: 20 }]],
    [
      'a candidate for the same requests',
      [routes('GET /a', 'GET /b'), { ...routes('GET /b', 'GET /a'), candidateFor: 'p0' }],
    ],
    ['a candidate that its live policy outranks', [g(), g({ match: { plans: ['x'] } }), { candidateFor: 'p0' }]],
  ])('is not given to %s', (_what, written) => {
    expect(warningsOf(...written)).toEqual([]);
  });

  it('reaches those who write policies in code', () => {
    const written = ['a', 'b'].map((name) => ({ name, limit: 1, window: '1s' }));
    expect(definePolicies(written).current().warnings).toHaveLength(1);
  });
});

const list = (...names: string[]): fc.Arbitrary<string[] | undefined> =>
  fc.option(fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }), { nil: undefined });
const pattern = fc
  .tuple(fc.constantFrom('GET', 'HEAD', '*'), fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 2 }), fc.boolean())
  .map(([method, segments, open]) => `${method} /${[...segments, ...(open ? ['**'] : [])].join('/')}`);
const member = fc
  .record({
    match: fc.record({
      routes: fc.option(fc.array(pattern, { minLength: 1, maxLength: 2 }), { nil: undefined }),
      tenants: list('t', 'u'),
      plans: list('p'),
    }),
    priority: fc.constantFrom(0, 1),
  })
  .map(({ match, priority }): Written => {
    const given = Object.fromEntries(Object.entries(match).filter(([, names]) => names !== undefined));
    return g({ match: given, priority });
  });
const requests: readonly MatchSubject[] = ['GET', 'HEAD', 'POST'].flatMap((method) =>
  ['/', '/a', '/b', '/c', '/a/a', '/a/b', '/b/a', '/c/c', '/a/a/a', '/c/b/a'].flatMap((path) =>
    ['t', 'u', ''].flatMap((tenant) =>
      ['p', ''].map((plan) => ({ method, path, tenant, plan, client: { kind: 'ip', id: '192.0.2.1' } as const })),
    ),
  ),
);

describe('the warnings about a group', () => {
  it('call no policy useless that applies to some request, and miss no tie that decides one', () => {
    fc.assert(
      fc.property(fc.array(member, { minLength: 2, maxLength: 4 }), (members) => {
        const { policies, warnings } = setOf(members);
        const said = new Map(warnings.map(({ path, message }) => [path, message]));
        for (const request of requests) {
          const judged = explainPolicies(policies, request);
          for (const [order, { verdict, reason }] of judged.entries()) {
            const warning = said.get(`policies[${order}]`) ?? '';
            if (verdict === 'applies') expect(warning).not.toContain('can never apply');
            if (reason.includes('as specific, and it comes first')) expect(warning).not.toBe('');
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it.each<[string, (index: number) => Written]>([
    ['for a tenant each', (index) => g({ match: { tenants: [`t${index}`] } })],
    ['with routes of their own', (index) => g(routes(`GET /s-${index}/orders/*`))],
    ['with routes that cross', (index) => g(routes(index % 2 === 0 ? `GET /*/x-${index}` : `GET /s-${index}/*`))],
    ['of many priorities', (index) => g({ priority: index % 100, match: { tenants: ['all', `t${index}`] } })],
    ['in no group', () => ({})],
  ])(
    'are found in time among many policies %s, and are bounded',
    (_what, fieldsOf) => {
      const [one] = setOf([{}]).policies;
      const written = Array.from({ length: 20_000 }, (_, index) => ({
        name: `p${index}`,
        match: {},
        ...fieldsOf(index),
      }));
      const policies = written.map((fields) => ({ ...one, ...fields }) as Policy);
      expect(policySetOf(policies).warnings.length).toBeLessThanOrEqual(101);
    },
    30_000,
  );
});
