import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxRoutesPerOffender, Tally } from '../../../src/replay/tally.ts';

const decisionArb = fc.record({
  client: fc.record({ kind: fc.constant('ip' as const), id: fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3') }),
  route: fc.integer({ min: 0, max: 400 }).map((number) => `GET /${number}`),
  outcome: fc.constantFrom('allowed' as const, 'denied' as const, 'blocked' as const),
});

describe('Tally', () => {
  it('counts every decision once, in total and by client', () => {
    fc.assert(
      fc.property(fc.array(decisionArb, { maxLength: 600 }), (decisions) => {
        const tally = new Tally();
        for (const decision of decisions) tally.add(decision);
        const totals = tally.totals();
        expect(totals.decisions).toBe(decisions.length);
        expect(totals.allowed + totals.denied + totals.blocked).toBe(decisions.length);
        const offenders = tally.offenders(10);
        const refused = offenders.reduce((sum, { denied, blocked }) => sum + denied + blocked, 0);
        expect(refused).toBe(totals.denied + totals.blocked);
      }),
    );
  });

  it('names the most refused clients first, with the routes they were refused on most', () => {
    const tally = new Tally();
    const refuse = (id: string, route: string, times: number): void => {
      for (let time = 0; time < times; time += 1) tally.add({ client: { kind: 'ip', id }, route, outcome: 'denied' });
    };
    refuse('192.0.2.1', 'GET /a', 2);
    refuse('192.0.2.2', 'GET /b', 3);
    refuse('192.0.2.2', 'GET /c', 5);
    expect(tally.offenders(1)).toEqual([
      {
        client: { kind: 'ip', id: '192.0.2.2' },
        allowed: 0,
        denied: 8,
        blocked: 0,
        routes: [
          { route: 'GET /c', denied: 5, blocked: 0 },
          { route: 'GET /b', denied: 3, blocked: 0 },
        ],
      },
    ]);
  });

  it('leaves out who was never refused, and bounds the routes of who was', () => {
    const tally = new Tally();
    tally.add({ client: { kind: 'ip', id: '192.0.2.1' }, route: 'GET /', outcome: 'allowed' });
    for (let path = 0; path < 2000; path += 1) {
      tally.add({ client: { kind: 'ip', id: '192.0.2.2' }, route: `GET /${path}`, outcome: 'denied' });
    }
    const offenders = tally.offenders(10);
    expect(offenders).toHaveLength(1);
    expect(offenders[0]?.routes).toHaveLength(maxRoutesPerOffender);
    expect(offenders[0]?.routes[0]).toEqual({ route: '~other', denied: 2000 - 256, blocked: 0 });
  });
});
