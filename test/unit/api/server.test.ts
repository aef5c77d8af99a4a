import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type ApiOptions, createProbes } from '../../../src/api/server.ts';
import { silentLogger } from '../../../src/logger.ts';
import { apiUnderTest, asAnna } from './api-under-test.ts';

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly responses?: Record<string, { readonly description?: string }>;
  readonly security?: readonly object[];
}

describe('errors of the API', () => {
  it.each([
    ['an unknown path', { method: 'GET' as const, url: '/nothing?x=1' }, 404],
    ['a method that a path does not have', { method: 'DELETE' as const, url: '/v1/limiter/check' }, 405],
    [
      'broken JSON',
      {
        method: 'POST' as const,
        url: '/v1/limiter/check',
        payload: '{',
        headers: { 'content-type': 'application/json' },
      },
      400,
    ],
    ['no body', { method: 'POST' as const, url: '/v1/limiter/check' }, 400],
    ['a path that cannot be decoded', { method: 'GET' as const, url: '/v1/blocks/%zz' }, 400],
    ['an id that no block can have', { method: 'GET' as const, url: `/v1/blocks/${'x'.repeat(200)}` }, 400],
    [
      'another type',
      { method: 'POST' as const, url: '/v1/limiter/check', payload: 'x', headers: { 'content-type': 'text/plain' } },
      415,
    ],
    [
      'a body that is too large',
      { method: 'POST' as const, url: '/v1/limiter/check', payload: { key: 'x'.repeat(70_000) } },
      413,
    ],
    [
      'a prototype in the body',
      {
        method: 'POST' as const,
        url: '/v1/limiter/check',
        payload: '{"__proto__":{"a":1},"key":"k","limit":1,"window":1}',
        headers: { 'content-type': 'application/json' },
      },
      400,
    ],
  ])('answer %s with problem+json', async (_, request, status) => {
    const { api } = await apiUnderTest();
    const answer = await api.inject(request);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    expect(answer.json()).toMatchObject({
      status,
      title: expect.any(String),
      type: expect.stringMatching(/^urn:tidegate:/),
    });
  });

  it.each([
    ['what is no HTTP', '\u0016\u0003\u0001 hello\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('answer %s with problem+json, and hang up', async (_, bytes, status) => {
    const { api } = await apiUnderTest();
    const { port } = new URL(await api.listen({ host: '127.0.0.1', port: 0 }));
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(bytes);
    const answer = (await socket.setEncoding('utf8').toArray()).join('');
    await api.close();
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toContain(`HTTP/1.1 ${status} `);
    expect(head).toContain('content-type: application/problem+json');
    expect(JSON.parse(body)).toMatchObject({ status, type: 'urn:tidegate:problem:invalid-request' });
  });

  it('say which methods a path has', async () => {
    const { api } = await apiUnderTest();
    const answer = await api.inject({ method: 'PUT', url: '/v1/blocks/some-id' });
    expect(answer.headers.allow).toBe('GET, HEAD');
  });

  it('tell nothing of what broke inside', async () => {
    const logged: object[] = [];
    const ignore = () => undefined;
    const logger = { debug: ignore, info: ignore, warn: ignore, error: (fields: object) => void logged.push(fields) };
    const { api } = await apiUnderTest({
      logger,
      status: () => Promise.reject(new Error('secret-host:9000 exploded')),
    });
    const answer = await api.inject({ url: '/v1/status' });
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain('secret-host');
    expect(logged).toHaveLength(1);
  });
});

describe('/openapi.json', () => {
  it('is an OpenAPI 3.1 document in which every operation is named, described and answers', async () => {
    const { api } = await apiUnderTest();
    const document = (await api.inject({ url: '/openapi.json' })).json();
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'tidegate', version: '0.0.0' });
    const operations = Object.values<Record<string, Operation>>(document.paths).flatMap((path) => Object.values(path));
    expect(operations.length).toBeGreaterThanOrEqual(8);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const { operationId, summary, responses } of operations) {
      expect(operationId).toMatch(/^[a-zA-Z]+$/);
      expect(summary).toBeTruthy();
      expect(Object.keys(responses ?? {}).length).toBeGreaterThan(0);
      for (const response of Object.values(responses ?? {})) expect(response.description).toBeTruthy();
    }
  });

  it('marks as secured exactly what answers 401 without a token', async () => {
    const { api } = await apiUnderTest();
    const document = (await api.inject({ url: '/openapi.json' })).json();
    const found = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { security }]) => ({ path, method, secured: security !== undefined })),
    );
    for (const { path, method, secured } of found) {
      const url = path.replaceAll(/\{\w+\}/g, 'x');
      const answer = await api.inject({
        method: method.toUpperCase() as 'GET',
        url,
        ...(method === 'post' ? { payload: {} } : {}),
      });
      expect(answer.statusCode === 401, `${method} ${path}`).toBe(secured);
    }
  });

  it('describes the body and the answer of the limiter check', async () => {
    const { api } = await apiUnderTest();
    const { post } = (await api.inject({ url: '/openapi.json' })).json().paths['/v1/limiter/check'];
    const body = post.requestBody.content['application/json'].schema;
    expect(body.required).toEqual(['key', 'limit', 'window']);
    expect(Object.keys(post.responses['200'].content['application/json'].schema.properties)).toEqual([
      'allowed',
      'remaining',
      'reset_time',
    ]);
    expect(post.responses['400'].content).toHaveProperty(['application/problem+json']);
  });
});

describe('probes', () => {
  it('are ready only while running with every required dependency ready', async () => {
    let phase: 'starting' | 'running' | 'draining' = 'starting';
    let ready = true;
    let required = true;
    const dependencies = () => Promise.resolve([{ name: 'log', ready, required, detail: 'lag 0' }]);
    const probes = await createProbes({ phase: () => phase, dependencies });
    const status = async () => (await probes.inject({ url: '/readyz' })).statusCode;
    expect(await status()).toBe(503);
    phase = 'running';
    expect(await status()).toBe(200);
    ready = false;
    expect((await probes.inject({ url: '/readyz' })).json()).toEqual({
      ready: false,
      phase: 'running',
      dependencies: [{ name: 'log', ready: false, required: true, detail: 'lag 0' }],
    });
    required = false;
    expect(await status()).toBe(200);
    ready = true;
    phase = 'draining';
    expect(await status()).toBe(503);
    expect((await probes.inject({ url: '/livez' })).statusCode).toBe(200);
  });
});

describe('/metrics', () => {
  const text = '# HELP a x\n# TYPE a gauge\na 1\n';
  const scrape = () => Promise.resolve(text);
  const answers = {
    api: async (own?: ApiOptions['scrape']) => (await apiUnderTest(own === undefined ? {} : { scrape: own })).api,
    probes: (own?: ApiOptions['scrape']) =>
      createProbes({ phase: () => 'running', dependencies: () => Promise.resolve([]) }, silentLogger, own),
  };

  it.each(['api', 'probes'] as const)('is answered by the %s, to anybody, in the text format', async (side) => {
    const answer = await (await answers[side](scrape)).inject({ url: '/metrics' });
    expect([answer.statusCode, answer.body]).toEqual([200, text]);
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it.each(['api', 'probes'] as const)(
    'is OpenMetrics for a scraper that would rather have it of the %s',
    async (side) => {
      const headers = { accept: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3' };
      const answer = await (await answers[side](scrape)).inject({ url: '/metrics', headers });
      expect(answer.headers).toMatchObject({
        'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
        vary: 'Accept',
      });
      expect(answer.body).toBe(`${text}# EOF\n`);
    },
  );

  it.each(['api', 'probes'] as const)('of the %s says what to install where it cannot be answered', async (side) => {
    const answer = await (await answers[side](null)).inject({ url: '/metrics' });
    expect(answer.statusCode).toBe(503);
    expect(answer.json().detail).toContain('@opentelemetry/exporter-prometheus');
    expect((await (await answers[side]()).inject({ url: '/metrics' })).statusCode).toBe(404);
  });
});

describe('the console', () => {
  it('comes with a policy that lets no foreign or inline script run', async () => {
    const console = new Map([
      ['index.html', { type: 'text/html; charset=utf-8', body: '<p>tidegate' }],
      ['page.js', { type: 'text/javascript; charset=utf-8', body: '1' }],
    ]);
    const { api } = await apiUnderTest({ console });
    const answer = await api.inject({ url: '/' });
    expect(answer.body).toBe('<p>tidegate');
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(answer.headers['content-security-policy']).not.toContain('unsafe');
    expect((await api.inject({ url: '/page.js' })).headers['content-type']).toContain('text/javascript');
    expect((await api.inject({ url: '/../package.json', headers: asAnna })).statusCode).toBe(404);
  });
});
