import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readRuleFile } from '../../../src/detect/rule-file.ts';
import { parseRules } from '../../../src/detect/rules.ts';
import { TidegateError } from '../../../src/errors.ts';

const valid = `
version: 1
rules:
  - name: many-routes
    mode: enforce
    breadth: { distinctRoutes: 25 }
    windows: { length: 60s, hit: 3, of: 10 }
    block: { base: 15m }
`;

const refusalOf = (text: string): TidegateError => {
  try {
    parseRules(text);
  } catch (error) {
    if (error instanceof TidegateError) return error;
    throw error;
  }
  throw new Error('the rules were accepted');
};

describe('parseRules', () => {
  it('refuses lists within lists before they end the process', () => {
    expect(refusalOf('{"a":'.repeat(50_000)).problems).toEqual([{ path: '', message: 'nests deeper than 100 levels' }]);
  });

  it('fills in what a rule leaves out', () => {
    expect(parseRules(valid).rules).toMatchObject([
      {
        name: 'many-routes',
        hash: expect.stringMatching(/^[0-9a-f]{12}$/),
        mode: 'enforce',
        match: {},
        condition: { when: 'any', breadth: { distinctRoutes: 25 }, depth: null },
        windows: { lengthMs: 60_000, lastingMs: 0, hit: 3, of: 10, overwhelming: null },
        minEarlyShare: 0,
        block: { baseMs: 900_000, factor: 2, maxMs: 86_400_000, jitter: 0.1, strikeTtlMs: 604_800_000 },
      },
    ]);
  });

  it('reports every problem at once, each with its path', () => {
    const refused = refusalOf(`
version: 1
rules:
  - name: Many Routes
    mode: sometimes
    breadth: { distinctRoutes: 25 }
    windows: { length: soon, hit: 3, of: 10 }
    block: { base: 15m, forever: true }
  - name: both
    mode: enforce
    match: { routes: [login] }
    breadth: { distinctRoutes: 25 }
    depth: { denied: 10, deniedShare: 0.5 }
    windows: { length: 60s, lasting: 60s, hit: 11, of: 10 }
    block: { base: 2d, max: 1d }
  - name: both
    mode: 'off'
    depth: { denied: 10 }
    windows: { length: 60s, hit: 1, of: 1 }
    block: { base: 15m }
`);
    expect(refused.code).toBe('RULES_INVALID');
    expect(refused.problems.map(({ path }) => path).sort()).toEqual([
      'rules[0].block.forever',
      'rules[0].mode',
      'rules[0].name',
      'rules[0].windows.length',
      'rules[1].block.base',
      'rules[1].match.routes[0]',
      'rules[1].when',
      'rules[1].windows.hit',
      'rules[1].windows.lasting',
      'rules[2].depth.deniedShare',
      'rules[2].name',
    ]);
  });

  it('refuses what is no rule file, and says where', () => {
    expect(refusalOf('rules: [').problems[0]?.path).toBe('line 1');
    expect(refusalOf('').problems.length).toBeGreaterThan(0);
    expect(refusalOf('version: 2\nrules: []').problems).toMatchObject([{ path: 'version' }]);
    expect(refusalOf('version: 1\nrules: [3]').problems[0]?.path).toBe('rules[0]');
  });

  it('refuses stretches that look back over more than a day', () => {
    const refused = refusalOf(valid.replace('length: 60s, hit: 3, of: 10', 'length: 1h, hit: 3, of: 25'));
    expect(refused.problems).toMatchObject([{ path: 'rules[0].windows.of' }]);
  });

  it('gives the same rule the same hash however it is spelled, and another rule another', () => {
    const [rule] = parseRules(valid).rules;
    const [respelled] = parseRules(valid.replace('length: 60s', 'length: 1m')).rules;
    const [changed] = parseRules(valid.replace('hit: 3', 'hit: 4')).rules;
    expect(respelled?.hash).toBe(rule?.hash);
    expect(changed?.hash).not.toBe(rule?.hash);
  });
});

describe('readRuleFile', () => {
  it.each(['rules.yaml', 'demo-rules.yaml'])('accepts the shipped %s', async (name) => {
    const url = new URL(`../../../policies/${name}`, import.meta.url);
    const rules = await readRuleFile(url.pathname);
    expect(rules.rules.map((rule) => rule.name)).toEqual(
      expect.arrayContaining(['many-routes', 'login-stuffing', 'deaf-retries']),
    );
    expect(readFileSync(url, 'utf8')).toContain('version: 1');
  });

  it('names the file that cannot be read', async () => {
    await expect(readRuleFile('no-such-rules.yaml')).rejects.toMatchObject({
      code: 'RULES_INVALID',
      message: 'The rule file no-such-rules.yaml cannot be read: there is no such file',
    });
  });
});
