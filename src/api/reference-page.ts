import { RequestFailure } from './problem.ts';
import type { Api } from './routing.ts';

/** The page runs its own files and asks its own API. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Null: the package is not installed. */
const loadPage = async () => {
  try {
    return (await import('@fastify/swagger-ui')).default;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
};

/** `GET /docs/`: the OpenAPI document as a page for people. Call it after {@link registerOpenApi}. */
export const registerReferencePage = async (api: Api): Promise<void> => {
  const page = await loadPage();
  if (page === null) {
    api.get('/docs/', { schema: { hide: true } }, () => {
      throw new RequestFailure('not-found', 'Install @fastify/swagger-ui beside tidegate to read the reference here.');
    });
    return;
  }
  await api.register(page, {
    routePrefix: '/docs',
    staticCSP: contentSecurityPolicy,
    uiConfig: { layout: 'BaseLayout', docExpansion: 'list', deepLinking: true, displayRequestDuration: true },
    theme: { title: 'tidegate API' },
  });
};
