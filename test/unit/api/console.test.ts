import { afterEach, describe, expect, it } from 'vitest';
import type { Api } from '../../../src/api/routing.ts';
import { readConsolePage } from '../../../src/cli/console-page.ts';
import { silentLogger } from '../../../src/logger.ts';
import { apiUnderTest } from './api-under-test.ts';

const open: Api[] = [];
afterEach(async () => {
  for (const api of open.splice(0)) await api.close();
});

const built = await readConsolePage(silentLogger);

const served = async () => {
  const { api } = await apiUnderTest(built ? { console: built } : {});
  open.push(api);
  return api;
};

const linkedIn = (html: string): string[] =>
  [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, name = '']) => name);

describe('the console as the API serves it', () => {
  it('is a page, a script and a style, built from the source that is there', async () => {
    expect([...(built?.keys() ?? [])].sort()).toEqual([
      expect.stringMatching(/^index-[\w-]{8}\.js$/),
      'index.html',
      expect.stringMatching(/^style-[\w-]{8}\.css$/),
    ]);
  });

  it('lets nothing run, load or frame it but what comes from here', async () => {
    const api = await served();
    const page = await api.inject('/');
    expect(page.statusCode).toBe(200);
    const policy = String(page.headers['content-security-policy']);
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]) {
      expect(policy).toContain(part);
    }
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(page.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    expect(page.body).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|https?:\/\//);
  });

  it('is asked for anew each time, and its parts, whose names hold their content, never again', async () => {
    const api = await served();
    const page = await api.inject('/');
    expect(page.headers['cache-control']).toBe('no-cache');
    const again = await api.inject({ url: '/', headers: { 'if-none-match': String(page.headers.etag) } });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    const names = linkedIn(page.body);
    expect(names).toHaveLength(2);
    for (const name of names) {
      const part = await api.inject(`/${name}`);
      expect(part.statusCode).toBe(200);
      expect(part.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(part.headers['content-security-policy']).toBeDefined();
    }
  });

  it('is no answer to other paths, and what the API answers is kept by nobody', async () => {
    const api = await served();
    expect((await api.inject('/queue')).statusCode).toBe(404);
    expect((await api.inject('/index-aaaaaaaa.js')).headers['cache-control']).toBe('no-store');
    expect((await api.inject('/livez')).headers['cache-control']).toBe('no-store');
  });

  it('can be missing, and the API is there all the same', async () => {
    const { api } = await apiUnderTest();
    open.push(api);
    expect((await api.inject('/')).statusCode).toBe(404);
    expect((await api.inject('/livez')).statusCode).toBe(200);
  });
});
