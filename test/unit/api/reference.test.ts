import { describe, expect, it } from 'vitest';
import { apiUnderTest } from './api-under-test.ts';

describe('the reference page', () => {
  it('runs its own files alone: every one is there, nothing is inline, and nothing is loaded from elsewhere', async () => {
    const { api } = await apiUnderTest();
    const page = await api.inject('/docs/');
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(page.payload).not.toMatch(/<script(?![^>]*\bsrc=)|<style| on\w+=|(?:src|href)="(?:https?:)?\/\//);
    const files = Array.from(page.payload.matchAll(/(?:src|href)="\.\/([^"]+)"/g), ([, path]) => path);
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      const answer = await api.inject(`/docs/${file}`);
      expect([answer.statusCode, answer.headers['content-security-policy']], file).toEqual([200, policy]);
    }
  });

  it.each([
    '/docs/static/../../package.json',
    '/docs/static/..%2f..%2fpackage.json',
    '/docs/static/%2e%2e/package.json',
  ])('has nothing at %s, and nothing fails there', async (url) => {
    const { api } = await apiUnderTest();
    const answer = await api.inject(url);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([404, 'application/problem+json']);
  });

  it('shows the document of this process', async () => {
    const { api } = await apiUnderTest();
    const [shown, served] = [await api.inject('/docs/json'), await api.inject('/openapi.json')];
    expect(shown.json()).toEqual(served.json());
    expect(served.json().openapi).toBe('3.1.0');
  });
});
