import { describe, expect, it } from 'vitest';
import { type Problem, TidegateError } from '../../../src/errors.ts';
import { parsePolicies, policiesFrom } from '../../../src/policy/parse.ts';

const problemsIn = (read: () => unknown): readonly Problem[] => {
  try {
    read();
  } catch (error) {
    if (error instanceof TidegateError && error.code === 'POLICY_INVALID') return error.problems;
    throw error;
  }
  return [];
};
const pathsIn = (read: () => unknown): string[] => problemsIn(read).map(({ path }) => path);

const good = { name: 'a', limit: 10, window: '1s' };
const withFields = (...entries: object[]): (() => unknown) => {
  const policies = entries.map((fields, index) => ({ ...good, name: `p${index}`, ...fields }));
  return () => policiesFrom({ version: 1, policies });
};

const holdsItself: Record<string, unknown> = {};
holdsItself['again'] = holdsItself;

describe('bad input to policies is refused with its path', () => {
  it.each([
    ['limit', 0],
    ['limit', -5],
    ['limit', 1.5],
    ['limit', Number.NaN],
    ['limit', Number.POSITIVE_INFINITY],
    ['limit', 2 ** 53],
    ['limit', 10n],
    ['limit', '10'],
    ['limit', null],
    ['limit', holdsItself],
    ['limit', 700_000_000],
    ['burst', 0],
    ['burst', -1],
    ['burst', 2.5],
    ['burst', 1_000_000_001],
    ['cost', 0],
    ['cost', -1],
    ['cost', 0.1],
    ['cost', 11],
    ['window', '0ms'],
    ['window', '1us'],
    ['window', '0.5ms'],
    ['window', '31d'],
    ['window', '-1s'],
    ['window', '1e400s'],
    ['window', '99999999999999999999d'],
    ['window', 60],
    ['window', ''],
    ['window', '1'.repeat(1 << 20)],
    ['name', ''],
    ['name', 'Login'],
    ['name', 'a b'],
    ['name', 'a\r\nset-cookie: x'],
    ['name', 'a\n'],
    ['name', 'a"b'],
    ['name', 'a\u0000'],
    ['name', '{a}'],
    ['name', 'x'.repeat(65)],
    ['name', 'x'.repeat(1 << 20)],
    ['group', 'a,b'],
    ['group', 'x'.repeat(1 << 20)],
    ['candidateFor', 'a\r\n'],
    ['scope', ['planet']],
    ['scope', ['client', 'client']],
    ['algorithm', 'magic'],
    ['consistency', 'eventual'],
    ['onStoreFailure', 'panic'],
    ['mode', 'off'],
    ['match', null],
    ['match', []],
  ])('%s: %o', (field, value) => {
    const paths = pathsIn(withFields({ [field]: value }));
    expect(new Set(paths.map((path) => path.split('.')[1]?.replace(/\[.*/, '')))).toEqual(new Set([field]));
    expect(paths[0]).toMatch(/^policies\[0\]\./);
  });

  it.each([
    ['routes', []],
    ['routes', ['/login']],
    ['routes', ['get /login']],
    ['routes', ['GET login']],
    ['routes', ['GET /a b']],
    ['routes', ['GET /a\r\nb']],
    ['routes', ['GET /search?q=1']],
    ['routes', ['GET /top#part']],
    ['routes', ['GET /**/x']],
    ['routes', ['GET /files/*rest']],
    ['routes', ['GET /files{/*rest}']],
    ['routes', [`GET ${'/a'.repeat(33)}`]],
    ['routes', [`GET /${'a'.repeat(1 << 20)}`]],
    ['tenants', ['']],
    ['tenants', ['*']],
    ['tenants', ['a\u0000b']],
    ['tenants', ['~other']],
    ['tenants', ['x'.repeat(129)]],
    ['plans', ['free\r\n']],
    ['services', ['*']],
    ['clientKinds', ['robot']],
    ['clientKinds', []],
    ['planets', ['earth']],
  ])('match.%s: %o', (field, value) => {
    const [path] = pathsIn(withFields({ match: { [field]: value } }));
    expect(path).toMatch(new RegExp(`^policies\\[0\\]\\.match\\.${field}(\\[0\\])?$`));
  });

  it.each([
    ['a burst of a window', { algorithm: 'sliding-window', burst: 10 }, 'burst'],
    ['a burst of a window', { algorithm: 'fixed-window', burst: 10 }, 'burst'],
    ['a burst of places', { algorithm: 'concurrency', burst: 10 }, 'burst'],
    ['too many places', { algorithm: 'concurrency', limit: 100_001 }, 'limit'],
    ['places held under a second', { algorithm: 'concurrency', window: '999ms' }, 'window'],
    ['places counted about right', { algorithm: 'concurrency', consistency: 'approximate' }, 'consistency'],
    ['a queue counted about right', { algorithm: 'leaky-bucket', consistency: 'approximate' }, 'consistency'],
    ['a queue of over a minute', { algorithm: 'leaky-bucket', limit: 1, burst: 61 }, 'burst'],
    ['a queue of over a minute, by default', { algorithm: 'leaky-bucket', window: '1h' }, 'burst'],
    ['a cost above the limit', { algorithm: 'fixed-window', cost: 11 }, 'cost'],
    ['a cost above the burst', { burst: 5, cost: 6 }, 'cost'],
    ['a rate that rounding changes by over 1 %', { limit: 700_000 }, 'limit'],
    ['a bucket that refills after the end of numbers', { limit: 1, window: '30d', burst: 1_000_000_000 }, 'burst'],
    ['a priority among none', { priority: 5 }, 'priority'],
    ['a fractional priority', { group: 'g', priority: 0.5 }, 'priority'],
    ['a priority out of range', { group: 'g', priority: 1001 }, 'priority'],
    [
      'more combinations than the index should hold',
      {
        match: {
          tenants: Array.from({ length: 400 }, (_, index) => `t${index}`),
          plans: Array.from({ length: 400 }, (_, index) => `p${index}`),
        },
      },
      'match',
    ],
  ])('%s', (_what, fields, field) => {
    expect(pathsIn(withFields(fields))).toEqual([`policies[0].${field}`]);
  });

  it.each([
    ['any rate', { algorithm: 'fixed-window', limit: 700_000 }],
    ['any rate', { algorithm: 'sliding-window', limit: 1_000_000_000, window: '30d' }],
    ['a queue of a minute', { algorithm: 'leaky-bucket', limit: 1, burst: 60 }],
    ['the most places', { algorithm: 'concurrency', limit: 100_000 }],
    ['windows counted about right', { algorithm: 'fixed-window', consistency: 'approximate' }],
    ['every part of a scope', { scope: ['client', 'tenant', 'plan', 'service', 'route', 'address', 'network'] }],
    ['one counter for all', { scope: [] }],
    ['the template of a router', { match: { routes: ['GET /orders/:id?', 'GET /:file(^\\d+).png'] } }],
  ])('but %s is fine: %o', (_what, fields) => {
    expect(problemsIn(withFields(fields))).toEqual([]);
  });

  it.each([
    ['none', [{ candidateFor: 'p9' }], ['policies[0].candidateFor']],
    ['itself', [{ candidateFor: 'p0' }], ['policies[0].candidateFor']],
    ['a candidate', [{}, { candidateFor: 'p0' }, { candidateFor: 'p1' }], ['policies[2].candidateFor']],
    ['a policy in shadow', [{ mode: 'shadow' }, { candidateFor: 'p0' }], ['policies[1].candidateFor']],
    ['one that has a candidate', [{}, { candidateFor: 'p0' }, { candidateFor: 'p0' }], ['policies[2].candidateFor']],
    ['a policy, though it is enforced', [{}, { candidateFor: 'p0', mode: 'enforce' }], ['policies[1].mode']],
    ['a policy of another group', [{ group: 'g' }, { candidateFor: 'p0', group: 'h' }], ['policies[1].group']],
    ['a policy that has faults of its own', [{ limit: 0 }, { candidateFor: 'p0' }], ['policies[0].limit']],
  ])('a candidate for %s', (_what, entries, paths) => {
    expect(pathsIn(withFields(...entries))).toEqual(paths);
  });

  it('takes YAML that is too large, infinite or no number at its word', () => {
    for (const limit of ['1e400', '.inf', '.nan', '-1', '0x10000000000']) {
      expect(pathsIn(() => parsePolicies(`version: 1\npolicies: [{name: a, limit: ${limit}, window: 1s}]`))).toEqual([
        'policies[0].limit',
      ]);
    }
  });

  it.each([
    ['brackets', '['.repeat(100_000)],
    ['braces', '{"a":'.repeat(50_000)],
    ['dashes', '- '.repeat(50_000)],
    ['questions', '? '.repeat(50_000)],
    ['indents', Array.from({ length: 300 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['levels just beyond what is taken', `${'['.repeat(101)}${']'.repeat(101)}`],
  ])('refuses %s within each other before they end the process', (_, text) => {
    expect(problemsIn(() => parsePolicies(text))).toEqual([{ path: '', message: 'nests deeper than 100 levels' }]);
  });

  it('tells the first of very many mistakes of a YAML text, in time that grows with its length alone', () => {
    const problems = problemsIn(() => parsePolicies(`version: 1\n${'&a '.repeat(160_000)}`));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.path).toBe('line 2');
    // Were it the square of the length, it would take minutes.
  }, 30_000);

  it('refuses a value that is nested deeply where there should be none, however large the file', () => {
    const text = `{"version":1,"policies":[],"x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(pathsIn(() => parsePolicies(text))).toContain('x');
  });

  it('says it in one short line per problem, whatever was written', () => {
    const hostile = 'y\r\n'.repeat(1 << 18);
    const problems = problemsIn(withFields({ name: hostile, window: hostile, [hostile]: 1, mode: hostile }));
    expect(problems.length).toBeGreaterThan(3);
    for (const { path, message } of problems) expect(`${path} ${message}`).toMatch(/^.{1,300}$/);
  });

  it('ends at a thousand entries that no schema accepts, and judges none that it has not checked', () => {
    const policies = Array.from({ length: 5000 }, () => ({ ...good, name: 'A', match: null }));
    const problems = problemsIn(() => policiesFrom({ version: 1, policies }));
    expect(problems.length).toBeGreaterThanOrEqual(1000);
    expect(problems.length).toBeLessThan(3000);
  });

  it('refuses more policies, or more combinations of what they list, than it can hold', () => {
    const many = Array.from({ length: 100_001 }, (_, index) => ({ ...good, name: `p${index}` }));
    expect(pathsIn(() => policiesFrom({ version: 1, policies: many }))).toEqual(['policies']);
    const tenants = Array.from({ length: 1000 }, (_, index) => `t${index}`);
    const plans = tenants.slice(0, 100);
    const wide = Array.from({ length: 11 }, () => ({ match: { tenants, plans } }));
    expect(pathsIn(withFields(...wide))).toEqual(['policies']);
  });
});
