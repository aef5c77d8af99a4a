import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../../src/replay/access-log-line.ts';
import { busiest, logClients } from '../../support/log-clients.ts';

const asked = (address: string, timeMs: number, path = '/'): LoggedRequest => ({
  ...{ address, timeMs, path },
  method: 'GET',
});

const [first, second, third] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'] as const;

describe('the clients of a log', () => {
  it('are numbered in the order of their first requests', () => {
    const clients = logClients([asked(second, 1), asked(first, 1), asked(second, 2), asked(third, 3)]);
    expect(clients.map(({ rank, address }) => [rank, address])).toEqual([
      [1, second],
      [2, first],
      [3, third],
    ]);
  });

  it('are summed up: requests, span, the busiest minute of the clock, distinct paths', () => {
    const times = [59_000, 60_000, 61_000, 119_999, 120_000];
    const [client] = logClients(times.map((timeMs, index) => asked(first, timeMs, index < 3 ? '/' : `/${index}`)));
    expect(client).toEqual({
      ...{ rank: 1, address: first, requests: 5, firstMs: 59_000, lastMs: 120_000 },
      ...{ peakPerMinute: 3, distinctPaths: 3 },
    });
  });

  it('account for every request once, whatever the log', () => {
    const log = fc.array(fc.tuple(fc.constantFrom(first, second, third), fc.nat(1_000)));
    fc.assert(
      fc.property(log, (lines) => {
        const clients = logClients(lines.map(([address, timeMs]) => asked(address, timeMs)));
        expect(clients.reduce((sum, { requests }) => sum + requests, 0)).toBe(lines.length);
        expect(clients.map(({ rank }) => rank)).toEqual(clients.map((_, index) => index + 1));
      }),
    );
  });
});

describe('the busiest clients', () => {
  it('come with the most requests first, the earlier of two equals first, and leave the order of the others alone', () => {
    const clients = logClients([asked(first, 1), asked(second, 2), asked(third, 3), asked(third, 4)]);
    expect(busiest(clients, 2).map(({ rank }) => rank)).toEqual([3, 1]);
    expect(clients.map(({ rank }) => rank)).toEqual([1, 2, 3]);
  });
});
