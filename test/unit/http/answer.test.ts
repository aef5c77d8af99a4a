import { describe, expect, it } from 'vitest';
import type { GateOptions } from '../../../src/gate/gate.ts';
import { limitFetch } from '../../../src/http/fetch.ts';
import type { LimitStore } from '../../../src/limiter/limit-store.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { recordingGate } from '../../support/recording-gate.ts';

const types = 'https://iana.org/assignments/http-problem-types#';
const gone: LimitStore = {
  immediate: false,
  spend: () => Promise.reject(new Error('gone')),
  giveBack: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** The refusal of the last of so many requests. */
const refusalOf = async (
  policies: string,
  requests: number,
  options: Partial<GateOptions> & { cost?: number } = {},
) => {
  const { cost, ...gateOptions } = options;
  const { gate } = recordingGate(policies, gateOptions);
  const limit = limitFetch({
    gate,
    random: () => 0,
    address: () => '203.0.113.9',
    identify: () => ({ user: 'ann' }),
    cost: () => cost,
  });
  for (let n = 1; n < requests; n += 1) await limit(new Request('http://api.example/'));
  const { refusal, decision } = await limit(new Request('http://api.example/'));
  return {
    status: refusal?.status,
    retryAfter: refusal?.headers.get('retry-after'),
    source: decision?.source,
    problem: await refusal?.json(),
  };
};

describe('the problem that a refusal tells', () => {
  it('is a quota, with the policies that deny', async () => {
    const loose = '{name: loose, limit: 100, window: 1h}';
    expect(await refusalOf(`${loose}, {name: tight, limit: 1, window: 1h}`, 2)).toEqual({
      status: 429,
      retryAfter: '3600',
      source: 'store',
      problem: {
        type: `${types}quota-exceeded`,
        title: 'Too many requests',
        status: 429,
        'violated-policies': ['tight'],
      },
    });
  });

  it('says so where waiting will not help, and names no time', async () => {
    const { status, retryAfter, problem } = await refusalOf('{name: small, limit: 5, window: 1h}', 1, { cost: 6 });
    expect([status, retryAfter]).toEqual([429, null]);
    expect(problem).toMatchObject({
      type: `${types}quota-exceeded`,
      detail: expect.stringContaining('waiting will not help'),
    });
  });

  it('stays a quota where this process counts its share alone, and says that', async () => {
    const told = await refusalOf('{name: shared, limit: 4, window: 1h}', 3, { store: gone, liveGates: () => 2 });
    expect(told).toMatchObject({
      status: 429,
      source: 'fallback',
      problem: {
        type: `${types}quota-exceeded`,
        detail: expect.stringContaining('per server'),
        'violated-policies': ['shared'],
      },
    });
  });

  it('is a reduced capacity where a policy closes without its store', async () => {
    const told = await refusalOf('{name: pay, limit: 4, window: 1h, onStoreFailure: deny}', 1, { store: gone });
    expect(told).toMatchObject({
      status: 503,
      retryAfter: '1',
      problem: { type: `${types}temporary-reduced-capacity`, status: 503 },
    });
  });
});

describe('where new clients share a counter for lack of room', () => {
  it('says that, too', async () => {
    const { gate, clock } = recordingGate('{name: one, limit: 1, window: 1h}', {
      store: new MemoryLimitStore({ maxKeys: 1 }),
    });
    const limit = limitFetch<[n: number]>({ gate, clock, address: (_request, n) => `203.0.113.${n}` });
    const told: unknown[] = [];
    for (let n = 1; n <= 100; n += 1) {
      const { refusal, decision } = await limit(new Request('http://api.example/'), n);
      if (refusal && decision?.source === 'overflow') told.push(await refusal.json());
    }
    expect(told.length).toBeGreaterThan(0);
    expect(told[0]).toMatchObject({
      type: `${types}quota-exceeded`,
      detail: expect.stringContaining('share one limit'),
    });
  });
});
