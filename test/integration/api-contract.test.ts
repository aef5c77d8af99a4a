import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { undocumentedIn } from '../support/contract-answers.ts';
import { contractSuite, documentedOperations } from '../support/contract-suite.ts';
import { asAdmin, fullApi, hurried } from '../support/full-api.ts';

const clock = hurried(systemClock);
const operations = await documentedOperations(clock);

describe('the document of the API', () => {
  it('says for every route what it does, in whose name, and how it is called', () => {
    for (const { operationId, summary, path, parameters, responses } of operations) {
      expect(operationId, path).toMatch(/^[a-z][A-Za-z]+$/);
      expect(summary, path).toBeTruthy();
      expect(
        Object.keys(responses).some((status) => /^2/.test(status)),
        path,
      ).toBe(true);
      for (const [status, { description }] of Object.entries(responses)) {
        expect(description, `${path} ${status}`).not.toBe('Default Response');
      }
      for (const { name, schema } of parameters) expect(schema, `${path} ${name}`).toBeTruthy();
    }
    const names = operations.map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
  });

  it('has the errors of every guarded route, and what a change may meet', () => {
    for (const { method, path, security, responses, parameters } of operations) {
      if (security === undefined) continue;
      expect(Object.keys(responses), `${method} ${path}`).toEqual(expect.arrayContaining(['401', '403', '429', '503']));
      if (method === 'GET' || path === '/v1/decisions') continue;
      expect(Object.keys(responses), `${method} ${path}`).toEqual(expect.arrayContaining(['400', '409', '422']));
      expect(parameters.map(({ name }) => name)).toContain('idempotency-key');
    }
  });
});

contractSuite('whatever is sent, the answer is one that the document names', {
  operations,
  open: () => fullApi({ clock }),
  numRuns: 40,
});

describe('a note of 10 MB', async () => {
  const full = await fullApi({ clock });
  afterAll(() => full.close());

  it('is too large everywhere, and read nowhere', async () => {
    const payload = JSON.stringify({ note: 'x'.repeat(10_000_000) });
    for (const operation of operations.filter(({ body }) => body !== null)) {
      const url = operation.path.replace(/\{\w+\}/g, 'b-1');
      const headers = { ...asAdmin, 'content-type': 'application/json' };
      const response = await full.api.inject({ method: operation.method, url, headers, payload });
      expect(response.statusCode, url).toBe(413);
      expect(undocumentedIn(operation, response), url).toBeNull();
    }
  });
});
