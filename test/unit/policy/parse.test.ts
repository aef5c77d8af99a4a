import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TidegateError } from '../../../src/errors.ts';
import { parsePolicies } from '../../../src/policy/parse.ts';
import { definePolicies } from '../../../src/policy/static-source.ts';

const refusal = (text: string): TidegateError => {
  try {
    parsePolicies(text);
  } catch (error) {
    if (error instanceof TidegateError) return error;
    throw error;
  }
  throw new Error('the policies were accepted');
};

const one = (fields: string): string => `version: 1\npolicies:\n  - ${fields.split('\n').join('\n    ')}`;

describe('a policy file', () => {
  it('fills in defaults, and reads JSON as well', () => {
    const { policies } = parsePolicies('{"version":1,"policies":[{"name":"a","limit":60,"window":"1m"}]}');
    expect(policies).toEqual([
      {
        name: 'a',
        match: {},
        scope: ['client'],
        algorithm: 'token-bucket',
        limit: 60,
        windowMs: 60_000,
        burst: 60,
        cost: 1,
        onStoreFailure: 'local',
        mode: 'enforce',
        consistency: 'exact',
        group: null,
        priority: 0,
        candidateFor: null,
      },
    ]);
  });

  it('reads a large file of JSON as it reads the same in YAML, and curly YAML of that size too', () => {
    const policies = Array.from({ length: 3000 }, (_, index) => ({
      name: `p${index}`,
      limit: 60,
      window: '1m',
      match: { routes: [`GET /service-${index}/orders/*`] },
    }));
    const json = JSON.stringify({ version: 1, policies });
    expect(json.length).toBeGreaterThan(256 * 1024);
    const { version } = parsePolicies(json);
    expect(parsePolicies(json.replace('"version":', 'version: ')).version).toBe(version);
    expect(refusal(`${json.slice(0, -1)},}}`).problems[0]?.path).toBe('line 1');
    expect(refusal(json.replace('"limit":60', '"limit":0')).problems.map(({ path }) => path)).toEqual([
      'policies[0].limit',
    ]);
  }, 30_000);

  it('can be written in code, with every field checked by the compiler', () => {
    const source = definePolicies([
      { name: 'a', limit: 1, window: '1s', mode: 'shadow', scope: ['client', 'route'], onStoreFailure: 'deny' },
    ]);
    expect(source.current().policies[0]).toMatchObject({ mode: 'shadow', scope: ['client', 'route'] });
    // @ts-expect-error a mode that does not exist
    expect(() => definePolicies([{ name: 'a', limit: 1, window: '1s', mode: 'off' }])).toThrow(TidegateError);
    expect(() => definePolicies([{ name: 'a', limit: 0, window: '1s' }])).toThrow(
      '1 problem: policies[0].limit must be',
    );
  });

  it('has one version for one meaning, however it is spelled', () => {
    const plain = parsePolicies(one('name: a\nlimit: 60\nwindow: 1m')).version;
    expect(parsePolicies(one('window: 60s\nburst: 60\nlimit: 60\nname: a')).version).toBe(plain);
    expect(parsePolicies(one('name: a\nlimit: 61\nwindow: 1m')).version).not.toBe(plain);
    expect(plain).toMatch(/^[0-9a-f]{12}$/);
  });

  it('names every mistake with its path', () => {
    const { code, problems } = refusal(`
version: 1
policies:
  - name: Login Page
    limit: 10
    window: 1m
  - name: search
    limit: -5
    window: soon
    brust: 3
  - limit: 1
    window: 60
`);
    expect(code).toBe('POLICY_INVALID');
    expect(problems.map(({ path }) => path).sort()).toEqual([
      'policies[0].name',
      'policies[1].brust',
      'policies[1].limit',
      'policies[1].window',
      'policies[2].name',
      'policies[2].window',
    ]);
    for (const { message } of problems) expect(message.length).toBeGreaterThan(5);
  });

  it.each([
    ['a limit of 0', 'name: a\nlimit: 0\nwindow: 1m', 'policies[0].limit'],
    ['a fractional limit', 'name: a\nlimit: 1.5\nwindow: 1m', 'policies[0].limit'],
    ['a window over 30 days', 'name: a\nlimit: 1\nwindow: 31d', 'policies[0].window'],
    ['a window under 1 ms', 'name: a\nlimit: 1\nwindow: 0ms', 'policies[0].window'],
    ['a rate that rounding would change by over 1 %', 'name: a\nlimit: 700000\nwindow: 1s', 'policies[0].limit'],
    ['a cost that never fits', 'name: a\nlimit: 5\nburst: 2\ncost: 3\nwindow: 1s', 'policies[0].cost'],
    ['a name that would break a header', 'name: "a\\r\\nset-cookie: x"\nlimit: 1\nwindow: 1s', 'policies[0].name'],
    [
      'a route without a method',
      'name: a\nlimit: 1\nwindow: 1s\nmatch: {routes: [/login]}',
      'policies[0].match.routes[0]',
    ],
    [
      'a rest in the middle',
      'name: a\nlimit: 1\nwindow: 1s\nmatch: {routes: ["GET /**/x"]}',
      'policies[0].match.routes[0]',
    ],
  ])('refuses %s', (_what, fields, path) => {
    expect(refusal(one(fields)).problems.map((problem) => problem.path)).toEqual([path]);
  });

  it('refuses two policies of one name', () => {
    const text = 'version: 1\npolicies: [{name: a, limit: 1, window: 1s}, {name: a, limit: 2, window: 1s}]';
    expect(refusal(text).problems).toEqual([{ path: 'policies[1].name', message: 'repeats the name of policies[0]' }]);
  });

  it.each(['', 'version: 1', 'policies: []', '[]', '42', 'version: [1', '\u0000\u0001'])(
    'refuses %j without a crash',
    (text) => {
      expect(refusal(text).problems.length).toBeGreaterThan(0);
    },
  );

  it('that ships with tidegate is valid', () => {
    const { policies } = parsePolicies(
      readFileSync(new URL('../../../policies/policies.yaml', import.meta.url), 'utf8'),
    );
    expect(policies.map(({ name }) => name)).toEqual(['per-client', 'login']);
  });
});
