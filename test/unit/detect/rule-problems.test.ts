import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRules } from '../../../src/detect/rules.ts';
import { type Problem, TidegateError } from '../../../src/errors.ts';

const problemsOf = (text: string): readonly Problem[] => {
  try {
    parseRules(text);
  } catch (error) {
    if (error instanceof TidegateError && error.code === 'RULES_INVALID') return error.problems;
    throw error;
  }
  return [];
};

const complete = {
  name: 'r',
  mode: 'enforce',
  depth: { denied: 10, deniedShare: '80%' },
  windows: { length: '60s', hit: 3, of: 5 },
  block: { base: '15m' },
};
const consequence = (then: unknown): object => ({ then });
/** JSON is YAML. */
const fileOf = (...rules: readonly object[]): string => JSON.stringify({ version: 1, rules });
const changed = (change: object): string => fileOf({ ...complete, ...change });
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

describe('extends', () => {
  const base = { ...complete, name: 'base', owner: 'security', reviewBy: '2031-01-01', canary: '5%' };

  it('takes what a rule does not say, part by part, but name and mode', () => {
    const child = { name: 'child', mode: 'shadow', extends: 'base', windows: { hit: 4 }, block: { max: '20m' } };
    const [first, second] = parseRules(fileOf(base, child)).rules;
    expect(second).toMatchObject({
      name: 'child',
      mode: 'shadow',
      owner: 'security',
      canaryPercent: 5,
      condition: first?.condition,
      windows: { lengthMs: 60_000, hit: 4, of: 5 },
      block: { baseMs: 900_000, maxMs: 1_200_000 },
    });
  });

  it('takes through several rules, in whatever order they stand', () => {
    const middle = { name: 'middle', mode: 'off', extends: 'base', block: { factor: 3 } };
    const last = { name: 'last', mode: 'shadow', extends: 'middle' };
    expect(parseRules(fileOf(last, middle, base)).rules[0]).toMatchObject({ block: { factor: 3, baseMs: 900_000 } });
  });

  it('takes what abuse looks like as one, and an action or a consequence too', () => {
    const limited = {
      ...base,
      action: { limit: 5, window: '1s' },
      shared: { identities: 3, ...consequence('suppress') },
    };
    const child = {
      name: 'child',
      mode: 'shadow',
      extends: 'base',
      breadth: { distinctRoutes: 9 },
      action: 'refuse',
      shared: consequence({ limit: 9, window: '2s' }),
    };
    expect(parseRules(fileOf(limited, child)).rules[1]).toMatchObject({
      condition: { breadth: { distinctRoutes: 9 }, depth: null },
      action: { kind: 'refuse' },
      shared: { identities: 3, ...consequence({ kind: 'limit', limit: 9, windowMs: 2000 }) },
    });
  });

  it('needs a mode of its own', () => {
    expect(problemsOf(fileOf(base, { name: 'child', extends: 'base' }))).toMatchObject([{ path: 'rules[1].mode' }]);
  });

  it('refuses circles by name, each rule of it', () => {
    const a = { ...complete, name: 'a', extends: 'b' };
    const b = { ...complete, name: 'b', extends: 'a' };
    expect(problemsOf(fileOf(a, b, { ...complete, extends: 'a' }))).toEqual([
      { path: 'rules[0].extends', message: 'goes in a circle: a -> b -> a' },
      { path: 'rules[1].extends', message: 'goes in a circle: b -> a -> b' },
    ]);
    expect(problemsOf(changed({ extends: 'r' }))).toMatchObject([{ message: 'goes in a circle: r -> r' }]);
  });

  it('says which rule was probably meant', () => {
    expect(problemsOf(fileOf(base, { ...complete, extends: 'bse' }))).toEqual([
      { path: 'rules[1].extends', message: 'names no rule of this file: did you mean base?' },
    ]);
  });

  it('tells a problem once, where it is written', () => {
    const bad = { ...base, windows: { length: '60s', hit: 9, of: 5 } };
    const unfinished = { ...base, name: 'unfinished', block: {} };
    const children = [
      { name: 'a', mode: 'off', extends: 'base' },
      { name: 'b', mode: 'off', extends: 'unfinished' },
    ];
    expect(problemsOf(fileOf(bad, unfinished, ...children)).map(({ path }) => path)).toEqual([
      'rules[1].block.base',
      'rules[0].windows.hit',
    ]);
  });

  it('judges what comes of it', () => {
    const child = { name: 'child', mode: 'off', extends: 'base', windows: { hit: 6 } };
    expect(problemsOf(fileOf(base, child))).toMatchObject([{ path: 'rules[1].windows.hit' }]);
  });
});

describe('hostile files', () => {
  const bomb = [
    'a: &a [l,l,l,l,l,l,l,l,l,l]',
    ...[...'bcdefg'].map((n, i) => `${n}: &${n} [${`*${'abcdef'[i]},`.repeat(10)}]`),
  ];

  it.each<[string, string]>([
    ['aliases that multiply', bomb.join('\n')],
    ['an alias within what it names', 'version: 1\nrules: &r [*r]'],
    ['a rule that holds itself', 'version: 1\nrules:\n  - &r { name: a, match: *r }'],
    ['lists within lists', `version: 1\nrules: ${'['.repeat(50_000)}`],
    ['names of prototypes', 'version: 1\nrules: [{ __proto__: { mode: enforce }, constructor: 1 }]'],
    ['sets and maps of YAML', 'version: 1\nrules: !!set { a }'],
    ['numbers that are none', 'version: 1\nrules: [{ name: a, mode: off, windows: { hit: .nan, of: .inf } }]'],
    ['a long name', `version: 1\nrules: [{ name: ${'a'.repeat(100_000)} }]`],
    [
      'many unknown fields',
      JSON.stringify({ version: 1, rules: [Object.fromEntries([...Array(2000).keys()].map((n) => [`x${n}`, 1]))] }),
    ],
    ['too many rules', fileOf(...Array.from({ length: 1000 }, (_, n) => ({ ...complete, name: `r${n}` })))],
  ])('are refused: %s', (_, text) => {
    const problems = problemsOf(text);
    expect(problems.length).toBeGreaterThan(0);
    for (const { path, message } of problems) expect(`${path} ${message}`.length).toBeLessThan(500);
  });

  it('names where a file holds itself', () => {
    expect(problemsOf('version: 1\nrules:\n  - &r { name: a, match: *r }')).toMatchObject([
      { path: 'rules[0].match', message: expect.stringContaining('holds itself') },
    ]);
  });

  it('allow aliases that say a thing twice', () => {
    const text = `
version: 1
rules:
  - { name: a, mode: off, depth: &d { denied: 3, deniedShare: 1 }, windows: &w { length: 1s, hit: 1, of: 1 }, block: &b { base: 1s } }
  - { name: b, mode: off, depth: *d, windows: *w, block: *b }
`;
    expect(parseRules(text).rules).toHaveLength(2);
  });

  it('never end in anything but rules or problems with a path', () => {
    const leaf = fc.oneof(
      fc.constantFrom<unknown>('base', 'r', '1s', '60s', '80%', 'enforce', 'off', 'refuse', 'all', null, true),
      fc.integer({ min: -1, max: 100 }),
      fc.double(),
      fc.constant([]),
      fc.constant({}),
    );
    const fields = [
      'name',
      'mode',
      'extends',
      'canary',
      'reviewBy',
      'by',
      'match',
      'when',
      'breadth',
      'depth',
      'windows',
    ];
    const more = [
      'compliance',
      'evidence',
      'block',
      'action',
      'shared',
      'budget',
      'precision',
      'floor',
      'owner',
      'length',
      'hit',
      'then',
      'base',
    ];
    const keys = fc.constantFrom(...fields, ...more);
    const part = fc.dictionary(keys, leaf, { maxKeys: 4 });
    const rule = fc
      .tuple(fc.boolean(), fc.dictionary(keys, fc.oneof(leaf, part), { maxKeys: 6 }))
      .map(([whole, change]) => (whole ? { ...complete, ...change } : change));
    fc.assert(
      fc.property(fc.array(fc.oneof(rule, leaf), { maxLength: 4 }), (rules) => {
        const text = JSON.stringify({ version: 1, rules });
        const problems = problemsOf(text);
        for (const { path } of problems) expect(path).toMatch(/^rules|^version|^budget/);
        if (problems.length === 0) expect(parseRules(text).rules).toHaveLength(rules.length);
      }),
      { numRuns: 500 },
    );
  });
});
