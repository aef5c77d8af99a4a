import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { undocumentedIn } from './contract-answers.ts';
import { type ContractRequest, type Known, type Operation, operationsOf, requestsFor } from './contract-requests.ts';
import { asAdmin, type FullApi, fullApi } from './full-api.ts';

/** What a valid request meets, too. */
const beyondValidity = [404, 409, 410, 503];

const subjects = ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4', '203.0.113.5'];

/** What the document says does not depend on engines. */
export const documentedOperations = async (clock: FullApi['clock']): Promise<Operation[]> => {
  const { api, close } = await fullApi({ clock });
  const operations = operationsOf(api.swagger());
  await close();
  return operations;
};

export interface ContractSuite {
  readonly operations: readonly Operation[];
  readonly open: () => Promise<FullApi>;
  readonly close?: () => Promise<void>;
  readonly numRuns: number;
}

/** Every operation of the document, asked in every way: no answer is one that the document does not name. */
export const contractSuite = (title: string, { operations, open, close, numRuns }: ContractSuite): void => {
  describe(title, () => {
    let full: FullApi;
    let known: Known;

    beforeAll(async () => {
      full = await open();
      const ids: string[] = [];
      for (const address of subjects) ids.push(await full.block(address));
      const { epoch, sequence } = await full.blockList.snapshot();
      known = { ids, cursors: [`${epoch}.0`, `${epoch}.${sequence}`, `${epoch}.999999`] };
    });
    afterAll(async () => {
      await full.close();
      await close?.();
    });

    it.each(operations.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))(
      '%s',
      async (_, operation) => {
        const seen = new Set<number>();
        const send = async (request: ContractRequest): Promise<void> => {
          const response = await full.api.inject({ ...request, headers: { ...asAdmin, ...request.headers } });
          seen.add(response.statusCode);
          const undocumented = undocumentedIn(operation, response);
          if (undocumented !== null) throw new Error(`the answer to ${JSON.stringify(request)} ${undocumented}`);
        };
        const isReached = (): boolean => [...seen].some((status) => status < 400 || beyondValidity.includes(status));
        await fc.assert(fc.asyncProperty(requestsFor(operation, known), send), { numRuns });
        // A route that only ever calls the request invalid was not reached: luck gets some more tries.
        for (const request of fc.sample(requestsFor(operation, known), 300)) {
          if (isReached()) break;
          await send(request);
        }
        expect(isReached()).toBe(true);
      },
    );
  });
};
