import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { undocumentedIn } from '../support/contract-answers.ts';
import { type Operation, operationsOf, requestsFor } from '../support/contract-requests.ts';
import { asAdmin, fullApi, hurried } from '../support/full-api.ts';

const subjects = ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4', '203.0.113.5'];

const full = await fullApi({ clock: hurried(systemClock) });
const ids = await Promise.all(subjects.map((address) => full.block(address)));
const { epoch, sequence } = await full.blockList.snapshot();
const known = { ids, cursors: [`${epoch}.0`, `${epoch}.${sequence}`, `${epoch}.999999`] };
const operations = operationsOf(full.api.swagger());

afterAll(() => full.close());

const fuzz = async (operation: Operation, numRuns: number): Promise<Set<number>> => {
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(requestsFor(operation, known), async (request) => {
      const response = await full.api.inject({ ...request, headers: { ...asAdmin, ...request.headers } });
      seen.add(response.statusCode);
      const undocumented = undocumentedIn(operation, response);
      if (undocumented !== null) throw new Error(`the answer to ${JSON.stringify(request)} ${undocumented}`);
    }),
    { numRuns },
  );
  return seen;
};

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
});

describe('whatever is sent, the answer is one that the document names', () => {
  it.each(operations.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))(
    '%s',
    async (_, operation) => {
      const seen = await fuzz(operation, 40);
      // A route that only ever refuses was not tested.
      expect([...seen].some((status) => status < 400 || status === 503 || status === 404 || status === 409)).toBe(true);
    },
  );

  it('a note of 10 MB is too large everywhere, and read nowhere', async () => {
    const payload = JSON.stringify({ note: 'x'.repeat(10_000_000) });
    for (const operation of operations.filter(({ body }) => body !== null)) {
      const url = operation.path.replace(/\{\w+\}/g, ids[0] ?? '');
      const headers = { ...asAdmin, 'content-type': 'application/json' };
      const response = await full.api.inject({ method: operation.method, url, headers, payload });
      expect(response.statusCode, url).toBe(413);
      expect(undocumentedIn(operation, response), url).toBeNull();
    }
  });
});
