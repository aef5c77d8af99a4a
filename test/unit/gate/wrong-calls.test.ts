import { describe, expect, it } from 'vitest';
import { clientOf } from '../../../src/client.ts';
import { createGate, type GateOptions, type GateRequest } from '../../../src/index.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { definePolicies } from '../../../src/policy/static-source.ts';
import { FakeLookup } from '../../support/fake-lookup.ts';

const policies = definePolicies([{ name: 'many', limit: 1000, window: '1h' }]);
const store = new MemoryLimitStore();
/** As code without types writes it. */
const made = (options: unknown) => () => createGate(options as GateOptions);
const refusal = (path: string, message: string) =>
  expect.objectContaining({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(message),
    problems: expect.arrayContaining([{ path, message: expect.stringContaining(message) }]),
  });

describe('a gate that code without types sets up wrongly', () => {
  it.each<[title: string, options: unknown, ...told: [path: string, message: string]]>([
    ['without options', undefined, 'options', 'must be an object'],
    ['without policies', { store }, 'policies', 'must come from definePolicies()'],
    ['with policies as a list', { store, policies: [] }, 'policies', 'must come from definePolicies()'],
    ['with policies that are still read', { store, policies: Promise.resolve(policies) }, 'policies', 'is a promise'],
    ['without a store', { policies }, 'store', 'must be a store'],
    ['with the class of a store', { policies, store: MemoryLimitStore }, 'store', 'must be a store'],
    ['with a number of gates', { policies, store, liveGates: 3 }, 'liveGates', 'must be a function'],
    ['with a list of blocks', { policies, store, blockList: ['ann'] }, 'blockList', 'must have find()'],
    ['with a deadline in words', { policies, store, deadlineMs: '20ms' }, 'deadlineMs', 'must be a number'],
    ['with a function for events', { policies, store, events: () => undefined }, 'events', 'must have record()'],
  ])('is refused at the start, with what to give instead: %s', (_, options, ...told) => {
    expect(made(options)).toThrow(refusal(...told));
  });
});

describe('a call that makes no sense', () => {
  const gate = createGate({ policies, store });
  const request = { clients: [clientOf('user', 'ann')], method: 'GET', path: '/' };
  const asked = (change: object) => () => gate.check({ ...request, ...change } as GateRequest);

  it.each<[string, object, string]>([
    ['no method', { method: undefined }, '`method` must be text'],
    ['no path', { path: undefined }, '`path` must be text'],
    ['no clients', { clients: undefined }, '`clients` must be a list'],
    ['one client for a list', { clients: clientOf('user', 'ann') }, '`clients` must be a list'],
    ['names for clients', { clients: ['ann'] }, 'clientOf()'],
  ])('is refused instead of passing without its limits: %s', (_, change, message) => {
    expect(asked(change)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', message: expect.stringContaining(message) }),
    );
  });

  it.each([undefined, clientOf('user', 'ann'), ['ann'], []])(
    'is refused where a block list is asked first, and counts for no failure of it: %j',
    (clients) => {
      const asking = createGate({ policies, store, blockList: new FakeLookup() });
      const identify = () => ({ clients: [clientOf('user', 'ann')] });
      const call = () => asking.check({ ...request, clients, identify } as unknown as GateRequest);
      expect(call).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
      expect(asking.stats().blockListFailures).toBe(0);
    },
  );

  it.each<[string, () => unknown, string]>([
    ['a number as id', () => clientOf('user', 42 as never), 'must be text, is a number'],
    ['no id', () => clientOf('user', undefined as never), 'must be text, is undefined'],
    ['a kind that there is not', () => clientOf('usr' as never, 'ann'), 'must be one of key, user, ip'],
  ])('gives no client: %s', (_, call, message) => {
    expect(call).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', message: expect.stringContaining(message) }));
  });
});
