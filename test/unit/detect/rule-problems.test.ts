import { describe, expect, it } from 'vitest';
import { parseRules } from '../../../src/detect/rules.ts';
import { changed, complete, consequence, fileOf, problemsOf } from '../../support/rule-files.ts';

const windows = (change: object): string => changed({ windows: { ...complete.windows, ...change } });

/** A file, where its problem is, and what is said of it. */
type Refusal = [text: string, path: string, words: RegExp];

describe('a rule', () => {
  it.each<[string, ...Refusal]>([
    [
      'a threshold of 0',
      changed({ depth: { denied: 0, deniedShare: 1 } }),
      'depth.denied',
      /it would hold for everyone/,
    ],
    ['a share of 0', changed({ depth: { denied: 9, deniedShare: 0 } }), 'depth.deniedShare', /hold for everyone/],
    ['a share over 1', changed({ depth: { denied: 9, deniedShare: 80 } }), 'depth.deniedShare', /did you mean 80%\?/],
    ['hits of 0', windows({ hit: 0 }), 'windows.hit', /it would hold for everyone/],
    ['more hits than windows', windows({ hit: 6 }), 'windows.hit', /is above of, which is 5/],
    ['no window length', windows({ length: undefined }), 'windows.length', /is missing: .*such as 60s/],
    ['windows of fractions of a second', windows({ length: '1500ms' }), 'windows.length', /whole seconds/],
    ['windows below a second', windows({ length: '100ms' }), 'windows.length', /from 1s to 1h/],
    ['a lasting as long as the window', windows({ lasting: '60s' }), 'windows.lasting', /shorter than windows.length/],
    ['no windows', changed({ windows: undefined }), 'windows', /is missing: which windows/],
    ['no block', changed({ block: undefined }), 'block', /is missing: how long it blocks/],
    ['no duration', changed({ block: { factor: 2 } }), 'block.base', /nothing is blocked for ever/],
    [
      'a base above max',
      changed({ block: { base: '2d', max: '1d' } }),
      'block.base',
      /is above block.max, which is 1d/,
    ],
    ['a block of no time', changed({ block: { base: '0s' } }), 'block.base', /from 1s to 30d/],
    ['no mode', changed({ mode: undefined }), 'mode', /off, shadow, review or enforce/],
    ['no condition', changed({ depth: undefined }), '', /needs breadth, depth or both/],
    ['both without when', changed({ breadth: { distinctRoutes: 9 } }), 'when', /all or any/],
    ['when without both', changed({ when: 'all' }), 'when', /leave it out/],
    ['blocked decisions', changed({ match: { outcomes: ['blocked'] } }), 'match.outcomes[0]', /would renew itself/],
    ['allowed decisions', changed({ match: { outcomes: ['allowed'] } }), 'match.outcomes[0]', /is no evidence against/],
    ['a tenant that is all', changed({ match: { tenants: ['*'] } }), 'match.tenants[0]', /leave the list out/],
    ['a route that is none', changed({ match: { routes: ['/x'] } }), 'match.routes[0]', /METHOD \/path/],
    ['an unknown field', changed({ windos: {} }), 'windos', /did you mean windows\?/],
    ['an unknown field within', windows({ overWhelming: {} }), 'windows.overWhelming', /did you mean overwhelming\?/],
    ['a field of nothing known', changed({ colour: 'red' }), 'colour', /^is not a known field$/],
    ['a canary of 0', changed({ canary: '0%' }), 'canary', /mode: shadow/],
    ['a canary without %', changed({ canary: 10 }), 'canary', /did you mean 10%\?/],
    ['a canary over 100', changed({ canary: '101%' }), 'canary', /over 0% to 100%/],
    ['a precision that is none', changed({ precision: 'high' }), 'precision', /none, or such as/],
    ['a floor of 0', changed({ precision: { floor: 0 } }), 'precision.floor', /say none/],
    ['a floor over all', changed({ precision: { floor: '101%' } }), 'precision.floor', /0% to 100%/],
    ['no labels at all', changed({ precision: { minLabels: 0 } }), 'precision.minLabels', />= 1/],
    ['a field of no precision', changed({ precision: { labels: 3 } }), 'precision.labels', /not a known field/],
    ['a day that is none', changed({ reviewBy: '2027-02-30' }), 'reviewBy', /such as 2027-03-31/],
    ['an action that is none', changed({ action: 'tarpit' }), 'action', /refuse, or a limit/],
    ['a limit of 0', changed({ action: { limit: 0, window: '60s' } }), 'action.limit', />= 1/],
    ['a limit without a window', changed({ action: { limit: 9 } }), 'action.window', /is missing/],
    ['a limit of half a second', changed({ action: { limit: 9, window: '1.5s' } }), 'action.window', /whole seconds/],
    ['sharing without a consequence', changed({ shared: { identities: 3 } }), 'shared.then', /is missing/],
    [
      'sharing among none',
      changed({ shared: { identities: 0, ...consequence('suppress') } }),
      'shared.identities',
      /everyone/,
    ],
    ['a share of percent', changed({ budget: { requestShare: '0,5%' } }), 'budget.requestShare', /0\.5% or 0\.005/],
    ['clients without a network', changed({ evidence: { clients: 3 } }), 'evidence.clients', /rules by network/],
    ['a network of one', changed({ by: 'network', evidence: { clients: 1 } }), 'evidence.clients', />= 2/],
    [
      'keys in a network',
      changed({ by: 'network', match: { clientKinds: ['key'] } }),
      'match.clientKinds',
      /must have ip/,
    ],
    [
      'sharing of what is no address',
      changed({ match: { clientKinds: ['key'] }, shared: { identities: 3, ...consequence('suppress') } }),
      'shared',
      /has no ip/,
    ],
    [
      'more routes than it matches',
      changed({ depth: undefined, breadth: { distinctRoutes: 3 }, match: { routes: ['GET /a', 'GET /b'] } }),
      'breadth.distinctRoutes',
      /names only 2 routes/,
    ],
    ['the name of what people make', changed({ name: 'manual' }), 'name', /choose another/],
  ])('is refused for %s', (_, ...[text, path, words]) => {
    expect(problemsOf(text)).toEqual([
      { path: path === '' ? 'rules[0]' : `rules[0].${path}`, message: expect.stringMatching(words) },
    ]);
  });

  it('may ask for as many routes as open patterns can stand for', () => {
    for (const route of ['GET /a/*', 'GET /a/**', '* /a', 'GET /a/:id']) {
      const match = { routes: [route] };
      expect(problemsOf(changed({ depth: undefined, breadth: { distinctRoutes: 3 }, match }))).toEqual([]);
    }
  });

  it('reads shares in percent and of 1 alike', () => {
    const hashOf = (deniedShare: unknown) => parseRules(changed({ depth: { denied: 9, deniedShare } })).rules[0]?.hash;
    expect(hashOf('80%')).toBe(hashOf(0.8));
    expect(hashOf('0.5%')).toBe(hashOf(0.005));
  });

  it('says all that can be said: limits, sharing, budgets, who and until when', () => {
    const [rule] = parseRules(`
version: 1
rules:
  - name: everything
    mode: review
    canary: 12.5%
    owner: security
    reviewBy: 2027-03-31
    by: network
    match: { outcomes: [denied], clientKinds: [ip] }
    when: all
    breadth: { distinctRoutes: 5 }
    depth: { denied: 10, deniedShare: 80% }
    windows: { length: 60s, hit: 3, of: 5 }
    evidence: { denied: 100, clients: 4 }
    block: { base: 15m }
    action: { limit: 10, window: 1m }
    shared: { identities: 3, then: suppress }
    budget: { blocksPerHour: 5, blocksPerMinute: 2, requestShare: 0.1%, clientShare: 0.002 }
`).rules;
    expect(rule).toMatchObject({
      mode: 'review',
      canaryPercent: 12.5,
      owner: 'security',
      reviewByMs: Date.UTC(2027, 2, 31),
      by: 'network',
      match: { clientKinds: ['ip'] },
      condition: { when: 'all', breadth: { distinctRoutes: 5 }, depth: { denied: 10, deniedShare: 0.8 } },
      minEvidence: 100,
      minClients: 4,
      action: { kind: 'limit', limit: 10, windowMs: 60_000 },
      shared: { identities: 3, ...consequence({ kind: 'suppress' }) },
      budget: { blocksPerHour: 5, blocksPerMinute: 2, requestShare: 0.001, clientShare: 0.002 },
    });
    expect(rule?.match).not.toHaveProperty('outcomes');
  });

  it('has a precision to keep up, by default, unless it says none', () => {
    const precisionOf = (change: object) => parseRules(changed(change)).rules[0]?.precision;
    expect(precisionOf({})).toEqual({ floor: 0.6, minLabels: 20 });
    expect(precisionOf({ precision: { floor: '75%' } })).toEqual({ floor: 0.75, minLabels: 20 });
    expect(precisionOf({ precision: { minLabels: 50 } })).toEqual({ floor: 0.6, minLabels: 50 });
    expect(precisionOf({ precision: 'none' })).toBeNull();
  });

  it('asks two clients of a network where it does not say how many', () => {
    expect(parseRules(changed({ by: 'network' })).rules[0]?.minClients).toBe(2);
  });
});

describe('the hash of a rule', () => {
  const hashOf = (change: object): string | undefined => parseRules(changed(change)).rules[0]?.hash;

  it.each<[string, object]>([
    ['its mode', { mode: 'shadow' }],
    ['its canary share', { canary: '5%' }],
    ['its owner', { owner: 'me' }],
    ['its review date', { reviewBy: '2031-01-01' }],
    ['its precision', { precision: 'none' }],
    ['its name', { name: 'other' }],
    ['another spelling', { windows: { of: 5, hit: 3, length: '1m', lasting: '0s' }, by: 'client', match: {} }],
  ])('stays with %s', (_, change) => {
    expect(hashOf(change)).toBe(hashOf({}));
  });

  it.each<[string, object]>([
    ['whom it groups', { by: 'client-in-tenant' }],
    ['what it matches', { match: { policies: ['login'] } }],
    ['its windows', { windows: { length: '61s', hit: 3, of: 5 } }],
    ['its least evidence', { evidence: { denied: 50 } }],
    ['its compliance', { compliance: { minEarlyShare: '1%' } }],
    ['its duration', { block: { base: '16m' } }],
    ['its action', { action: { limit: 5, window: '1s' } }],
    ['its shared terms', { shared: { identities: 3, ...consequence('suppress') } }],
    ['its budget', { budget: { clientShare: '2%' } }],
  ])('changes with %s', (_, change) => {
    expect(hashOf(change)).not.toBe(hashOf({}));
  });

  it('does not depend on the order of lists', () => {
    const match = (routes: readonly string[]) => hashOf({ match: { routes } });
    expect(match(['GET /a', 'GET /b', 'GET /a'])).toBe(match(['GET /b', 'GET /a']));
  });
});

describe('the budget of a file', () => {
  it('has a default, and is judged like a rule’s', () => {
    expect(parseRules(fileOf(complete)).budget).toEqual({
      blocksPerHour: 200,
      blocksPerMinute: 100,
      requestShare: 0.005,
      clientShare: 0.01,
    });
    const bad = JSON.stringify({ version: 1, budget: { clientShare: '101%', blocksPerDay: 1 }, rules: [complete] });
    expect(
      problemsOf(bad)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['budget.blocksPerDay', 'budget.clientShare']);
  });
});
