import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivePath, methodOf, RouteNames } from '../../../src/gate/route-names.ts';

describe('derived routes', () => {
  it.each([
    ['/orders/7', '/orders/:id'],
    ['/orders/7/items/9', '/orders/:id'],
    ['/users/550e8400-e29b-41d4-a716-446655440000', '/users/:id'],
    ['/commits/deadbeef01', '/commits/:id'],
    ['/files/aGVsbG8gd29ybGQgMTIzNDU2', '/files/:id'],
    ['/wp-login.php?x=1', '/wp-login.php'],
    ['//a//b//c', '/a/b'],
    ['http://example.test:80/orders/7?x', '/orders/:id'],
    ['/', '/'],
    ['', '/'],
    ['/\u0000\n', '/??'],
  ])('%s is %s', (path, route) => {
    expect(derivePath(path)).toBe(route);
  });

  it('are bounded in length and printable, whatever the path', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 4000 }), (path) => {
        const route = derivePath(path);
        expect(route.length).toBeLessThan(120);
        expect(route).toMatch(/^\/[\x21-\x7e]*$/);
      }),
    );
  });

  it('are one for limits, however a path is spelled, and a HEAD spends what its GET does', () => {
    const names = new RouteNames();
    const spellings = ['/login', '/Login', '/%6Cogin', '/%4Cogin', '/./login', '/x/../login', '//login/', '/login;a=b'];
    const asUrls = ['//any/login', '//other/login', '/\\any/login', 'http://h/LOGIN?x', 'http:login'];
    for (const path of [...spellings, ...asUrls]) {
      expect(names.spendingNameFor('user:ann', 'POST', path)).toBe('POST /login');
    }
    expect(names.spendingNameFor('user:ann', 'HEAD', '/orders/7')).toBe('GET /orders/:id');
    expect(names.spendingOfTemplate('HEAD', '/orders/:id')).toBe('GET /orders/:id');
    expect(names.spendingOfTemplate('POST', '/orders/:id')).toBe('POST /orders/:id');
  });

  it('are at most 64 for a client, then ~other', () => {
    const names = new RouteNames();
    const routes = Array.from({ length: 1000 }, (_, n) =>
      names.nameFor('ip:192.0.2.1', 'GET', `/p${String.fromCharCode(97 + (n % 26))}${'x'.repeat(n % 40)}`),
    );
    expect(new Set(routes).size).toBe(65);
    expect(routes.filter((route) => route === 'GET ~other')).toHaveLength(names.folded);
    expect(names.nameFor('ip:192.0.2.2', 'GET', '/new')).toBe('GET /new');
  });

  it('are kept for a bounded number of clients: a flood of ids makes the gate forget the oldest', () => {
    const names = new RouteNames();
    for (let n = 0; n < 65; n += 1) names.nameFor('ip:192.0.2.1', 'GET', `/door-${n}`);
    expect(names.nameFor('ip:192.0.2.1', 'GET', '/one-more')).toBe('GET ~other');
    for (let n = 0; n < 10_000; n += 1) names.nameFor(`ip:made-up-${n}`, 'GET', '/');
    expect(names.nameFor('ip:192.0.2.1', 'GET', '/one-more')).toBe('GET /one-more');
  });

  it('take no method from the wire that is none', () => {
    expect(methodOf('PATCH')).toBe('PATCH');
    for (const hostile of ['get', '\u0016\u0003', 'A'.repeat(40), '']) expect(methodOf(hostile)).toBe('INVALID');
  });
});
