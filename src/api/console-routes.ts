import type { Api } from './routing.ts';

/** A file of the status page. */
export interface ConsoleFile {
  readonly type: string;
  readonly body: string;
}

/** The status page: files by name, `index.html` among them. */
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

/** `GET /` and one route for each file beside it. */
export const consoleRoutes = (api: Api, page: ConsolePage): void => {
  for (const [name, { type, body }] of page) {
    api.get(name === 'index.html' ? '/' : `/${name}`, { schema: { hide: true } }, (_request, reply) =>
      reply
        .header('content-security-policy', contentSecurityPolicy)
        .header('referrer-policy', 'no-referrer')
        .type(type)
        .send(body),
    );
  }
};
