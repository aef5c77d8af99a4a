import { expect, it } from 'vitest';
import { linksOf } from '../../../src/alert/links.ts';

const hostile = `"; DROP, TABLE &to=0 100% \ud800`;

const queryOf = (labels: Readonly<Record<string, string>>, resolvedAtMs: number | null = null): URLSearchParams => {
  const { dashboard } = linksOf(
    { id: 'throttle-spike', dashboard: { uid: 'tidegate-overview', panelId: 3 } },
    { startedAtMs: 7_200_000, resolvedAtMs, labels },
    { grafanaUrl: 'https://grafana.example.com', docsUrl: null, atMs: 9_000_000 },
  );
  return new URL(dashboard ?? '').searchParams;
};

it('leads from an hour before an alert until shortly after now, and of one that is over until shortly after its end', () => {
  expect(Object.fromEntries(queryOf({}))).toEqual({ viewPanel: '3', from: '3600000', to: '9300000' });
  expect(queryOf({}, 8_000_000).get('to')).toBe('8300000');
});

it.each([
  [{ dimension: 'tenant', name: 'acme' }, { 'var-tenant': 'acme' }],
  [{ dimension: 'route', name: 'GET /a b' }, { 'var-route': 'GET /a b' }],
  [{ dimension: 'all', name: 'all' }, {}],
  [
    { tenant: 'acme', region: 'eu', process: 'gate-1' },
    { 'var-tenant': 'acme', 'var-region': 'eu' },
  ],
  [{ tenant: '' }, {}],
])('narrows the dashboard to what an alert of %o is about', (labels, chosen) => {
  const { viewPanel, from, to, ...rest } = Object.fromEntries(queryOf(labels));
  expect([viewPanel, from, to].every(Boolean)).toBe(true);
  expect(rest).toEqual(chosen);
});

it('names what somebody else named as variables of dashboards write it, whatever it is', () => {
  const query = queryOf({ dimension: 'tenant', name: hostile });
  expect(query.get('to')).toBe('9300000');
  expect(query.get('var-tenant')).toBe('"; DROP%2C TABLE &to=0 100%25 \ufffd');
});
