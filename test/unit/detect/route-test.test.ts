import { describe, expect, it } from 'vitest';
import { parseRouteTest } from '../../../src/detect/route-test.ts';

describe('parseRouteTest', () => {
  it.each([
    ['POST /login', 'POST /login', true],
    ['POST /login', 'GET /login', false],
    ['POST /login', 'POST /login/again', false],
    ['* /login', 'PUT /login', true],
    ['GET /orders/*', 'GET /orders/:id', true],
    ['GET /orders/*', 'GET /orders', false],
    ['* /admin/**', 'GET /admin', true],
    ['* /admin/**', 'GET /admin/users/:id', true],
    ['* **', 'GET /', true],
    ['POST /login', 'POST /Login', true],
  ])('%s against %s: %s', (pattern, route, expected) => {
    expect(parseRouteTest(pattern)?.(route)).toBe(expected);
  });

  it.each(['/login', 'post /login', 'GET login', 'GET /**/x', 'GET'])('refuses %s', (pattern) => {
    expect(parseRouteTest(pattern)).toBeNull();
  });
});
