import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRules } from '../../../src/detect/rules.ts';
import { complete, fileOf, problemsOf } from '../../support/rule-files.ts';

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
