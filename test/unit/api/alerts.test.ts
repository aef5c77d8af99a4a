import { describe, expect, it } from 'vitest';
import { ruleFrom } from '../../../src/alert/alerts-terms.ts';
import { IssuedTokens } from '../../../src/api/issued-tokens.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryTokenStore } from '../../../src/embedded/memory-token-store.ts';
import { issueToken } from '../../../src/review/token-issue.ts';
import { definitionOf, instanceOf } from '../../support/alerts.ts';
import { apiUnderTest, asAnna } from './api-under-test.ts';

const stage = async () => {
  const clock = new ManualClock();
  const tokenStore = new MemoryTokenStore({ clock });
  const nowMs = clock.nowMs();
  const rules = [ruleFrom(definitionOf()), ruleFrom(definitionOf({ id: 'drift', severity: 'ticket' }))];
  const mute = { alerts: ['drift'], labels: {}, fromMs: 0, untilMs: nowMs + 1000, reason: 'repair' };
  const planned = { ...mute, alerts: null, labels: { tenant: 'acme' }, reason: 'umbrella moves in' };
  const instances = [
    instanceOf({ alert: 'drift', labels: {}, state: 'pending', firedAtMs: null }),
    instanceOf({ labels: { dimension: 'tenant', name: 'umbrella' } }),
    instanceOf({
      ...{ labels: { tenant: 'acme' }, startedAtMs: nowMs - 60_000 },
      seen: { value: 420, numbers: { denied: 420, explains: 0.25 }, cause: 'one-client' },
    }),
  ];
  const known = { revision: 3, evaluatedAtMs: nowMs, unanswered: ['deadline-budget'], instances };
  const { api } = await apiUnderTest({
    clock,
    tokenStore,
    authenticators: [new IssuedTokens({ store: tokenStore, clock })],
    alerts: {
      evaluator: { known },
      inForce: { rules, off: [definitionOf({ id: 'dead-letters' })], mutes: [mute, planned] },
      links: { grafanaUrl: 'https://grafana.example.com', docsUrl: null },
    },
  });
  const request = { name: 'acme', role: 'viewer', tenants: ['acme'], createdBy: 'test' } as const;
  const issued = await issueToken(tokenStore, { ...request, expiresAtMs: nowMs + 3_600_000 }, nowMs);
  const asAcme = { authorization: `Bearer ${issued?.text}` };
  const get = (url: string, headers: Record<string, string> = asAnna) => api.inject({ method: 'GET', url, headers });
  return { get, asAcme };
};

describe('GET /v1/alerts', () => {
  it('says what fires, since when, why and where to read on: what fires first', async () => {
    const { get } = await stage();
    const answer = (await get('/v1/alerts')).json();
    expect(answer).toMatchObject({ isEvaluated: true, unanswered: ['deadline-budget'] });
    expect(answer.alerts.map(({ alert, state }: { alert: string; state: string }) => `${alert} ${state}`)).toEqual([
      'throttle-spike firing',
      'throttle-spike firing',
      'drift pending',
    ]);
    expect(answer.alerts.at(-1)).toMatchObject({ severity: 'ticket', muted: { reason: 'repair' } });
    expect(answer.alerts[0]).toMatchObject({
      cause: 'one-client',
      numbersText: 'denied 420',
      runbook: 'docs/runbooks/throttle-spike.md',
      dashboard: expect.stringMatching(
        /^https:\/\/grafana\.example\.com\/d\/tidegate-overview\?viewPanel=3&from=\d+&to=\d+&var-tenant=umbrella$/,
      ),
    });
  });

  it('shows to a token of some tenants the alerts that name one of them, and nothing else', async () => {
    const { get, asAcme } = await stage();
    const answer = (await get('/v1/alerts', asAcme)).json();
    expect(answer.alerts.map(({ labels }: { labels: object }) => labels)).toEqual([{ tenant: 'acme' }]);
    expect(answer.unanswered).toEqual([]);
    expect(answer.alerts[0]).toMatchObject({ numbersText: 'denied 420', muted: { reason: '' } });
    expect(JSON.stringify(answer)).not.toMatch(/umbrella|explains/);
    expect((await get('/v1/alerts', {})).statusCode).toBe(401);
    expect((await get('/v1/alerts/rules', asAcme)).json().mutes).toEqual([]);
  });

  it('says so where alerts are evaluated elsewhere', async () => {
    const { api } = await apiUnderTest();
    const answer = (await api.inject({ method: 'GET', url: '/v1/alerts', headers: asAnna })).json();
    expect(answer).toEqual({ isEvaluated: false, evaluatedAt: null, unanswered: [], alerts: [] });
  });

  it('and /rules lists every alert as it is in force, and those that are off', async () => {
    const { get } = await stage();
    const { rules, mutes } = (await get('/v1/alerts/rules')).json();
    expect(rules.map(({ alert, isOff }: { alert: string; isOff: boolean }) => [alert, isOff])).toEqual([
      ['throttle-spike', false],
      ['drift', false],
      ['dead-letters', true],
    ]);
    expect(mutes).toMatchObject([{ alerts: ['drift'], reason: 'repair', from: null }, { alerts: null }]);
  });
});
