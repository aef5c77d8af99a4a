import { describe, expect, it } from 'vitest';
import { parseRules } from '../../../src/detect/rules.ts';
import { changed, complete, consequence, fileOf, problemsOf } from '../../support/rule-files.ts';

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
