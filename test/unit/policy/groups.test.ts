import { describe, expect, it } from 'vitest';
import type { ClientKind } from '../../../src/client.ts';
import { explainPolicies } from '../../../src/policy/explain.ts';
import { compilePolicies, type MatchSubject } from '../../../src/policy/match.ts';
import { policiesFrom } from '../../../src/policy/parse.ts';
import type { PolicyInput } from '../../../src/policy/schema.ts';

type Written = Partial<PolicyInput> & { readonly name: string };

const request: MatchSubject = {
  method: 'GET',
  path: '/orders/7',
  tenant: 'acme',
  plan: 'pro',
  service: 'shop',
  client: { kind: 'key', id: 'k' },
};

const setOf = (...written: Written[]) =>
  policiesFrom({ version: 1, policies: written.map((fields) => ({ limit: 1, window: '1s', ...fields })) });
const namesFor = (...written: Written[]): string[] =>
  compilePolicies(setOf(...written))(request).map(({ name }) => name);

const inGroup = (name: string, fields: Partial<PolicyInput> = {}): Written => ({ name, group: 'g', ...fields });
const kinds: readonly ClientKind[] = ['key', 'user'];

describe('a group of policies', () => {
  it('lets one of those that match apply: the one with the highest priority', () => {
    const all = [inGroup('low', { match: { routes: ['GET /orders/7'] } }), inGroup('high', { priority: 1 })];
    expect(namesFor(...all)).toEqual(['high']);
    expect(namesFor(...all.reverse())).toEqual(['high']);
    expect(namesFor(inGroup('worse', { priority: -1 }), inGroup('usual'))).toEqual(['usual']);
  });

  it('leaves alone whoever is in another group, or in none', () => {
    expect(namesFor({ name: 'alone' }, inGroup('a'), { name: 'b', group: 'other' }, { name: 'alone-too' })).toEqual([
      'alone',
      'a',
      'b',
      'alone-too',
    ]);
  });

  it('lets the one apply that comes first, of equals', () => {
    expect(namesFor(inGroup('a'), inGroup('b'))).toEqual(['a']);
  });

  it('does not let one apply that does not match, whatever its priority', () => {
    expect(namesFor(inGroup('a', { priority: 9, match: { plans: ['free'] } }), inGroup('b'))).toEqual(['b']);
    expect(namesFor(inGroup('a', { priority: 9, match: { clientKinds: ['ip'] } }), inGroup('b'))).toEqual(['b']);
  });

  it.each([
    ['a literal segment', { routes: ['GET /orders/7'] }, { routes: ['GET /orders/*'], tenants: ['acme'] }],
    ['a segment of any name', { routes: ['* /orders/*'] }, { routes: ['GET /orders/**'], plans: ['pro'] }],
    ['an end', { routes: ['* /orders/*'] }, { routes: ['* /orders/*/**'] }],
    ['a method', { routes: ['GET /orders/*'] }, { routes: ['* /orders/*'], tenants: ['acme'] }],
    ['tenants', { tenants: ['acme'] }, { plans: ['pro'], services: ['shop'], clientKinds: kinds }],
    ['plans', { plans: ['pro'] }, { services: ['shop'], clientKinds: kinds }],
    ['services', { services: ['shop'] }, { clientKinds: kinds }],
    ['kinds of client', { clientKinds: kinds }, {}],
    ['its narrowest pattern', { routes: ['* **', 'GET /orders/7'] }, { routes: ['GET /orders/*'] }],
  ])('takes the match for the more specific one that has %s', (_what, narrow, wide) => {
    const all = [inGroup('wide', { match: wide as never }), inGroup('narrow', { match: narrow as never })];
    expect(namesFor(...all)).toEqual(['narrow']);
    expect(namesFor(...all.reverse())).toEqual(['narrow']);
  });

  it('goes by the pattern that matches, not by one that does not', () => {
    const broad = inGroup('broad', { match: { routes: ['GET /a/b/c/d', '* **'] } });
    expect(namesFor(broad, inGroup('narrow', { match: { routes: ['GET /orders/*'] } }))).toEqual(['narrow']);
  });

  it('is not changed by what is in shadow, which is counted where it would apply', () => {
    const live = inGroup('live');
    expect(namesFor(live, inGroup('trial', { mode: 'shadow', priority: 1 }))).toEqual(['live', 'trial']);
    expect(namesFor(live, inGroup('trial', { mode: 'shadow', priority: -1 }))).toEqual(['live']);
    expect(namesFor(inGroup('trial', { mode: 'shadow' }))).toEqual(['trial']);
  });

  it('counts a candidate where it would apply in the place of its live policy', () => {
    const usual = inGroup('usual');
    const forPro = inGroup('pro', { match: { plans: ['pro'] } });
    const candidate = { name: 'next', candidateFor: 'usual' };
    const candidateForPro = { name: 'next-pro', candidateFor: 'pro', match: { plans: ['pro'] } };
    expect(namesFor(usual, candidate)).toEqual(['usual', 'next']);
    expect(namesFor(usual, forPro, candidate)).toEqual(['pro']);
    expect(namesFor(usual, forPro, candidate, candidateForPro)).toEqual(['pro', 'next-pro']);
    const lesser = { ...candidateForPro, priority: -1 };
    expect(namesFor(usual, forPro, lesser)).toEqual(['pro']);
  });

  it('gives a candidate the place of its live policy among equals', () => {
    expect(namesFor(inGroup('first'), inGroup('second'), { name: 'next', candidateFor: 'first' })).toEqual([
      'first',
      'next',
    ]);
  });

  it('gives a candidate the group and, unless it has one, the priority of its live policy', () => {
    const { policies } = setOf(inGroup('live', { priority: 7 }), { name: 'a', candidateFor: 'live' });
    expect(policies[1]).toMatchObject({ group: 'g', priority: 7, mode: 'shadow' });
  });
});

describe('an explanation', () => {
  it('says of each policy whether it applies, and else why not', () => {
    const { policies } = setOf(
      { name: 'everyone' },
      inGroup('usual'),
      inGroup('for-pro', { match: { plans: ['pro'] } }),
      inGroup('emergency', { priority: 100, match: { tenants: ['other'] } }),
      inGroup('also-usual', { priority: -5 }),
      { name: 'login', match: { routes: ['POST /login'] } },
      { name: 'people', match: { clientKinds: ['user'] } },
      { name: 'elsewhere', match: { services: ['billing'] } },
      { name: 'next', candidateFor: 'everyone' },
    );
    const said = explainPolicies(policies, request).map(
      ({ policy, verdict, reason }) => `${policy.name} ${verdict}: ${reason}`,
    );
    expect(said).toEqual([
      'everyone applies: is for every request',
      'usual loses: matches, but for-pro applies in group g: its match is more specific',
      'for-pro applies: matches, wins in group g',
      'emergency differs: is for the tenants other',
      'also-usual loses: matches, but for-pro applies in group g: its priority is 0, over -5',
      'login differs: has no route for GET /orders/7',
      'people differs: is for clients recognised by user',
      'elsewhere differs: is for the services billing',
      'next applies: is for every request, counted as the candidate for everyone',
    ]);
  });
});
