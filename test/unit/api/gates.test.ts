import { describe, expect, it } from 'vitest';
import type { Fleet } from '../../../src/limiter/fleet.ts';
import { type GateBeat, isDegraded } from '../../../src/limiter/gate-report.ts';
import { parsePolicies } from '../../../src/policy/parse.ts';
import { staticPolicies } from '../../../src/policy/static-source.ts';
import { morningMs } from '../../support/decisions.ts';
import { gateReport } from '../../support/gate-reports.ts';
import { apiUnderTest, asAnna } from './api-under-test.ts';

const beat: GateBeat = { ...gateReport, gateId: 'eu-1', lastBeatAtMs: morningMs + 5_000, beatAgeMs: 400 };

const policies = staticPolicies(
  parsePolicies(`
version: 1
policies:
  - { name: zebra, scope: [client], limit: 2, window: 1m }
  - { name: acme, scope: [tenant], limit: 9, window: 1m, mode: shadow, match: { tenants: [acme, umbrella] } }
  - { name: initech, scope: [tenant], limit: 5, window: 1h, match: { tenants: [initech] } }
`),
);

const apiWith = (gates: () => Promise<readonly GateBeat[]>) => {
  const { version } = policies.current();
  const fleet: Fleet = {
    liveGates: () => 3,
    policyVersions: () =>
      new Map([
        [version, 2],
        ['older', 1],
      ]),
    ageMs: () => 0,
    gates,
  };
  return apiUnderTest({ fleet: { gates: fleet, policies } });
};

const get = async (url: string, gates = async (): Promise<readonly GateBeat[]> => [beat]) => {
  const { api } = await apiWith(gates);
  const answer = await api.inject({ url, headers: asAnna });
  return { status: answer.statusCode, body: answer.json() };
};

describe('a gate', () => {
  it.each<[string, Partial<GateBeat>, boolean]>([
    ['that is well', {}, false],
    ['that decides without its store', { degradedShare: 0.01 }, true],
    ['that was degraded once', { degraded: 900 }, false],
    ['whose block list is old', { blockListAgeMs: 5_001 }, true],
    ['without a block list', { blockListAgeMs: null }, false],
    ['that has lost events', { eventsLost: 1 }, true],
    ['whose beat is overdue', { beatAgeMs: 2_501 }, true],
  ])('%s is told from one that is not', (_, change, degraded) => {
    expect(isDegraded({ ...beat, ...change })).toBe(degraded);
  });

  it('is listed as it says itself, instants as texts', async () => {
    const { body } = await get('/v1/gates');
    const { startedAtMs, ...told } = gateReport;
    expect(body).toEqual({
      gates: [
        {
          ...told,
          id: 'eu-1',
          startedAt: new Date(startedAtMs).toISOString(),
          lastBeatAt: new Date(morningMs + 5_000).toISOString(),
          isDegraded: false,
        },
      ],
      liveGates: 3,
    });
  });
});

describe('the policies of this process', () => {
  it('are listed by name, with what each limits and how many gates run which version', async () => {
    const { body } = await get('/v1/policies');
    const { version } = policies.current();
    expect(body).toMatchObject({ version, nextCursor: null, versions: { [version]: 2, older: 1 } });
    expect(body.policies.map(({ name }: { name: string }) => name)).toEqual(['acme', 'initech', 'zebra']);
    expect(body.policies[0]).toMatchObject({
      limit: 9,
      windowMs: 60_000,
      scope: ['tenant'],
      mode: 'shadow',
      match: { tenants: ['acme', 'umbrella'] },
    });
  });

  it('come in pages, which end when the policies change', async () => {
    const first = (await get('/v1/policies?limit=2')).body;
    expect(first.policies).toHaveLength(2);
    const next = (await get(`/v1/policies?limit=2&cursor=${first.nextCursor}`)).body;
    expect(next.policies.map(({ name }: { name: string }) => name)).toEqual(['zebra']);
    expect(next.nextCursor).toBeNull();
    const stale = await get('/v1/policies?cursor=000000000000.acme');
    expect(stale).toMatchObject({ status: 400, body: { problems: [{ path: 'query.cursor' }] } });
  });
});
