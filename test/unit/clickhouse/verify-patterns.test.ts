import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathExpression, routeCondition } from '../../../src/clickhouse/verify-patterns.ts';
import { parseRouteTest } from '../../../src/detect/route-test.ts';
import { parseRoutePattern } from '../../../src/route-pattern.ts';

const segment = fc.constantFrom('a', 'B', 'a.b', 'a+b', '(x)', '*', ':id', 'ä', 'x*y', '[1]', 'a-b', '{c}', '$');
const ending = fc.constantFrom('', '/', '/**');
const pattern = fc.tuple(fc.array(segment, { maxLength: 3 }), ending).map(([segments, end]) => {
  const path = `/${segments.join('/')}`;
  return `GET ${end === '' ? path : `${path === '/' ? '' : path}${end}`}`;
});
const path = fc
  .array(
    fc.constantFrom('a', 'b', 'A', 'aXb', 'a.b', 'a+b', '(x)', 'ä', 'x*y', 'xy', '[1]', '1', 'a-b', '{c}', '$', ''),
    {
      maxLength: 4,
    },
  )
  .map((segments) => `/${segments.join('/')}`);

describe('a route pattern in a statement', () => {
  it('means the same paths as in a rule', () => {
    let both = 0;
    fc.assert(
      fc.property(pattern, fc.array(path, { minLength: 1, maxLength: 8 }), (text, paths) => {
        const test = parseRouteTest(text);
        const parsed = parseRoutePattern(text);
        fc.pre(test !== null && typeof parsed !== 'string');
        if (test === null || typeof parsed === 'string') return;
        const expression = new RegExp(`^(?:${pathExpression(parsed)})$`);
        for (const one of paths) {
          expect(expression.test(one.toLowerCase()), `${text} on ${one}`).toBe(test(`GET ${one}`));
          both += test(`GET ${one}`) ? 1 : 0;
        }
      }),
      { numRuns: 500 },
    );
    expect(both).toBeGreaterThan(20);
  });

  it('is a value of the statement, not a part of it; very many are left to be told apart afterwards', () => {
    const condition = routeCondition(["GET /o'neil/**", '* /b', 'POST /c']);
    expect(condition?.sql).not.toContain('neil');
    expect(condition?.params).toMatchObject({ method0: 'GET', method2: 'POST' });
    expect(routeCondition(Array.from({ length: 1_000 }, (_, index) => `GET /a-very-long-name/${index}`))).toBeNull();
  });
});
