import { spawnSync } from 'node:child_process';
import { randomBytes, scryptSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { repositoryRoot } from '../../support/source-text.ts';

const entries: Readonly<Record<string, string>> = {
  tidegate: 'src/index.ts',
  'tidegate/express': 'src/http/express.ts',
  'tidegate/fastify': 'src/http/fastify.ts',
};

// Their own types lead to the built package, which need not be there.
interface JwtExample {
  readonly appWith: (secret: string) => Promise<FastifyInstance & { readonly jwt: { sign(claims: object): string } }>;
}
interface LoginExample {
  readonly serverFor: (accounts: ReadonlyMap<string, object>, identify?: () => Promise<object>) => Server;
}

describe('the examples', () => {
  let folder: string;

  beforeAll(() => {
    mkdirSync(join(repositoryRoot, '.services'), { recursive: true });
    folder = mkdtempSync(join(repositoryRoot, '.services', 'examples-'));
    for (const name of readdirSync(join(repositoryRoot, 'examples'))) {
      const code = readFileSync(join(repositoryRoot, 'examples', name), 'utf8');
      const resolved = code.replace(/from '(tidegate[^']*)'/g, (_, entry: string) => `from '../../${entries[entry]}'`);
      writeFileSync(join(folder, name), resolved);
    }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.test.json',
        compilerOptions: { rootDir: repositoryRoot },
        include: ['*.ts'],
      }),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('compile in strict mode', () => {
    const tsc = join(repositoryRoot, 'node_modules', '.bin', 'tsc');
    const { stdout } = spawnSync(tsc, ['-p', folder], { encoding: 'utf8' });
    expect(stdout).toBe('');
  }, 60_000);

  it('limit by verified claims, and take a token that nobody signed for no identity', async () => {
    const { appWith } = (await import(join(folder, 'fastify-jwt.ts'))) as JwtExample;
    const app = await appWith('secret of the test');
    const signed = app.jwt.sign({ sub: 'ann', tenant: 'acme', plan: 'free' });
    const [header, claims] = signed.split('.');
    const ask = async (token?: string, remoteAddress = '203.0.113.9') =>
      app.inject({
        url: '/orders',
        remoteAddress,
        ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      });
    const known = await ask(signed);
    expect(known.json()).toEqual({ limitedAs: { kind: 'user', id: 'acme/ann' } });
    expect(known.headers['ratelimit']).toBe('"free";r=9;t=6, "per-tenant";r=999;t=1');
    const forgeries = [`${header}.${claims}.AAAA`, `${header}.${claims}.`, 'garbage', undefined];
    for (const forged of forgeries) {
      expect((await ask(forged)).json()).toEqual({ limitedAs: { kind: 'ip', id: '203.0.113.9' } });
    }
    // A new forgery each time is no new client.
    const codes = [];
    for (let n = 0; n < 3; n += 1) codes.push((await ask(`${header}.${claims}.${n}`)).statusCode);
    expect(codes).toEqual([200, 429, 429]);
    expect((await ask(signed)).statusCode).toBe(200);
    await app.close();
  });

  it('look at the credentials of one address a few times, whatever it sends', async () => {
    const { serverFor } = (await import(join(folder, 'cap-before-login.ts'))) as LoginExample;
    const salt = randomBytes(16);
    const accounts = new Map([['ann', { salt, hash: scryptSync('right', salt, 32) }]]);
    const identify = vi.fn(() => Promise.resolve({}));
    const server = serverFor(accounts, identify).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const ask = async (credentials: string, at = server) => {
      const { port } = at.address() as AddressInfo;
      const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
      return (await fetch(`http://127.0.0.1:${port}/`, { headers: { authorization } })).status;
    };
    const codes = await Promise.all(Array.from({ length: 1000 }, (_, n) => ask(`user-${n}:guess-${n}`)));
    const looked = identify.mock.calls.length;
    // The burst, and what the minute gives back while the test runs.
    expect(looked).toBeGreaterThanOrEqual(10);
    expect(looked).toBeLessThanOrEqual(20);
    expect(codes.filter((code) => code === 401)).toHaveLength(looked);
    expect(codes.filter((code) => code === 429)).toHaveLength(1000 - looked);
    server.closeAllConnections();
    server.close();

    const honest = serverFor(accounts).listen(0, '127.0.0.1');
    await once(honest, 'listening');
    expect([await ask('ann:right', honest), await ask('ann:wrong', honest), await ask('eve:right', honest)]).toEqual([
      200, 401, 401,
    ]);
    honest.closeAllConnections();
    honest.close();
  }, 30_000);
});
