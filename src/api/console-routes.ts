import { createHash } from 'node:crypto';
import type { Api } from './routing.ts';

/** A file of the console. */
export interface ConsoleFile {
  readonly type: string;
  readonly body: string;
}

/** The console: files by name, `index.html` among them. */
export type ConsolePage = ReadonlyMap<string, ConsoleFile>;

/** The page loads its own files and asks its own API: nothing else runs in it, and nothing frames it. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const pageHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const;

/** A name that holds a hash of the content stands for that content for ever. */
const hashedName = /-[A-Za-z0-9_-]{8}\.\w+$/;
const cachingOf = (name: string): string =>
  hashedName.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache';

/** `GET /` and one route for each file beside it. Its own places come after `#`, so no other path is the page's. */
export const consoleRoutes = (api: Api, page: ConsolePage): void => {
  for (const [name, { type, body }] of page) {
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    const headers = { ...pageHeaders, 'cache-control': cachingOf(name), etag };
    api.get(name === 'index.html' ? '/' : `/${name}`, { schema: { hide: true } }, (request, reply) => {
      void reply.headers(headers);
      if (request.headers['if-none-match'] === etag) return reply.code(304).send();
      return reply.type(type).send(body);
    });
  }
};
