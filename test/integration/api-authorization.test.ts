import { afterAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock.ts';
import { operationsOf } from '../support/contract-requests.ts';
import { adminToken, type FullApi, fullApi } from '../support/full-api.ts';

/**
 * Who may what, cell by cell: `.` is let in, 1 is 401, 3 is 403. The columns: no token; viewer, reviewer, lead, admin;
 * enforcer, gate; then viewer, reviewer, lead, admin and gate of one tenant.
 */
const matrix: Readonly<Record<string, string>> = {
  //                                   - VRLA EG vrlag
  'POST /v1/limiter/check': '.|....|..|.....',
  'POST /v1/decisions': '1|333.|3.|333..',
  'GET /v1/blocks': '1|....|33|....3',
  'GET /v1/blocks/count': '1|....|33|....3',
  'GET /v1/blocks/{id}': '1|....|33|....3',
  'GET /v1/blocks/{id}/history': '1|....|33|....3',
  'GET /v1/blocks/{id}/verify': '1|....|33|....3',
  'POST /v1/blocks': '1|3...|33|3...3',
  'POST /v1/blocks/{id}/confirm': '1|3...|33|3...3',
  'POST /v1/blocks/{id}/activate': '1|3...|33|3...3',
  'POST /v1/blocks/{id}/lift': '1|3...|33|3...3',
  'POST /v1/blocks/{id}/extend': '1|3...|33|3...3',
  'POST /v1/blocks/{id}/downgrade': '1|3...|33|3...3',
  'POST /v1/blocks/{id}/assign': '1|3...|33|3...3',
  'POST /v1/blocks/{id}/undo': '1|3...|33|3...3',
  'POST /v1/blocks/{id}/comment': '1|3...|33|3...3',
  'POST /v1/blocks/bulk': '1|3...|33|3...3',
  'GET /v1/batches': '1|....|33|....3',
  'GET /v1/batches/{id}': '1|....|33|....3',
  'POST /v1/batches/{id}/undo': '1|3...|33|3...3',
  'GET /v1/approvals': '1|....|33|....3',
  'POST /v1/approvals/{id}/approve': '1|33..|33|33..3',
  'POST /v1/approvals/{id}/reject': '1|33..|33|33..3',
  'GET /v1/list/snapshot': '1|333.|.3|33333',
  'GET /v1/list/changes': '1|333.|.3|33333',
  'GET /v1/events': '1|....|33|....3',
  'GET /v1/allow': '1|....|33|....3',
  'POST /v1/allow': '1|3...|33|3...3',
  'DELETE /v1/allow': '1|3...|33|3...3',
  'GET /v1/rules': '1|....|33|33333',
  'GET /v1/rules/{rule}/quality': '1|....|33|33333',
  'PUT /v1/rules/{rule}/mode': '1|33..|33|33333',
  'DELETE /v1/rules/{rule}/mode': '1|33..|33|33333',
  'GET /v1/breakers': '1|....|33|33333',
  'POST /v1/breakers/{rule}/reset': '1|33..|33|33333',
  'GET /v1/switches': '1|....|33|33333',
  'PUT /v1/switches/{what}': '1|333.|33|33333',
  'GET /v1/throttle-rates': '1|....|33|....3',
  'GET /v1/analytics/outcomes': '1|....|33|....3',
  'GET /v1/analytics/near-limit': '1|....|33|....3',
  'GET /v1/analytics/spikes': '1|....|33|....3',
  'GET /v1/analytics/offenders': '1|....|33|....3',
  'GET /v1/analytics/client': '1|....|33|....3',
  'GET /v1/explain': '1|....|33|....3',
  'GET /v1/reconciliation': '.|....|..|.....',
  'GET /v1/gates': '1|....|33|33333',
  'GET /v1/alerts': '1|....|33|....3',
  'GET /v1/alerts/rules': '1|....|33|....3',
  'GET /v1/policies': '1|....|33|....3',
  'GET /v1/session': '1|....|33|....3',
  'GET /v1/tokens': '1|333.|33|33333',
  'POST /v1/tokens': '1|333.|33|33333',
  'DELETE /v1/tokens/{id}': '1|333.|33|33333',
  'GET /v1/status': '.|....|..|.....',
  'GET /livez': '.|....|..|.....',
  'GET /readyz': '.|....|..|.....',
  'GET /metrics': '.|....|..|.....',
};

const clock = new ManualClock();
const soon = new Date(clock.nowMs() + 86_400_000).toISOString();

/** Bodies and queries that every role which may call the route at all may send. */
const bodies: Readonly<Record<string, object>> = {
  'POST /v1/limiter/check': { key: 'k', limit: 5, window: 60 },
  'POST /v1/decisions': { clients: [{ kind: 'user', id: 'x' }], method: 'GET', path: '/', tenant: 'acme' },
  'POST /v1/blocks': { subject: 'acme/user:x', until: soon, reason: 'abuse', note: 'n' },
  'POST /v1/blocks/{id}/confirm': {},
  'POST /v1/blocks/{id}/lift': { reason: 'goodwill', note: 'n' },
  'POST /v1/blocks/{id}/extend': { until: soon, note: 'n' },
  'POST /v1/blocks/{id}/downgrade': { action: { kind: 'limit', limit: 1, windowMs: 1000 }, note: 'n' },
  'POST /v1/blocks/{id}/assign': { assignee: null },
  'POST /v1/blocks/{id}/undo': {},
  'POST /v1/blocks/bulk': { ids: ['b-1'], act: 'confirm', note: 'n' },
  'POST /v1/allow': { subject: 'acme/user:x', until: soon, note: 'n' },
  'PUT /v1/rules/{rule}/mode': { mode: 'review', until: soon, note: 'n' },
  'PUT /v1/switches/{what}': { until: null, note: 'n' },
  'POST /v1/tokens': { name: 'x', role: 'viewer' },
};
const queries: Readonly<Record<string, string>> = {
  'DELETE /v1/allow': '?subject=acme/user:y',
  'GET /v1/list/changes': '?after=a.1',
  'GET /v1/analytics/client': '?client=user:x',
  'GET /v1/explain': '?subject=acme/user:x',
};
const params: Readonly<Record<string, string>> = { id: 'b-unknown', rule: 'some-rule', what: 'blocks' };

const full: FullApi = await fullApi({ clock });
afterAll(() => full.close());

const acme = ['acme'] as const;
const columns: readonly (string | null)[] = [
  null,
  await full.issue('viewer'),
  await full.issue('reviewer'),
  await full.issue('lead'),
  adminToken,
  await full.issue('enforcer'),
  await full.issue('gate'),
  await full.issue('viewer', acme),
  await full.issue('reviewer', acme),
  await full.issue('lead', acme),
  await full.issue('admin', acme),
  await full.issue('gate', acme),
];

let callers = 0;

const statusOf = async (route: string, token: string | null): Promise<number> => {
  const [method = '', path = ''] = route.split(' ');
  const url = path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '') + (queries[route] ?? '');
  const payload = bodies[route] ?? (method === 'GET' ? undefined : { note: 'n' });
  callers += 1;
  const { statusCode } = await full.api.inject({
    method: method as 'GET',
    url,
    // Whoever guesses tokens is held back by address: each question comes from another one.
    remoteAddress: `198.51.${callers >> 8}.${callers & 255}`,
    ...(token === null ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(payload === undefined ? {} : { payload }),
  });
  return statusCode;
};

const cellOf = (status: number): string => (status === 401 ? '1' : status === 403 ? '3' : status < 600 ? '.' : '?');

const rowOf = async (route: string): Promise<string> => {
  const cells: string[] = [];
  for (const token of columns) cells.push(cellOf(await statusOf(route, token)));
  const row = cells.join('');
  return [row.slice(0, 1), row.slice(1, 5), row.slice(5, 7), row.slice(7)].join('|');
};

const documented = operationsOf(full.api.swagger()).map(({ method, path }) => `${method} ${path}`);

describe('who may what', () => {
  it('is written down here for every route of the document, and for no other', () => {
    expect(documented.sort()).toEqual(Object.keys(matrix).sort());
  });

  it.each(Object.entries(matrix))('%s: %s', async (route, row) => {
    expect(await rowOf(route)).toBe(row);
  });

  const guarded = Object.entries(matrix).filter(([, row]) => row.startsWith('1'));

  it('a token that has ended opens nothing', async () => {
    const token = await full.issue('admin', null, 60_000);
    expect(await statusOf('GET /v1/tokens', token)).toBe(200);
    clock.advance(61_000);
    for (const [route] of guarded) expect(await statusOf(route, token), route).toBe(401);
  });

  it('a token that was revoked opens nothing two seconds later, wherever it was used before', async () => {
    const token = await full.issue('admin', ['globex']);
    expect(await statusOf('GET /v1/blocks', token)).toBe(200);
    const [made] = (await full.tokenStore.list()).filter(({ tenants }) => tenants?.includes('globex'));
    await full.tokenStore.revoke(made?.id ?? '');
    clock.advance(2000);
    for (const [route] of guarded) expect(await statusOf(route, token), route).toBe(401);
  });

  it.each(['garbage', `${adminToken}x`, adminToken.slice(1), `${columns[1]}x`, '', 'x'.repeat(9000), '\u{1F980}'])(
    'nobody knows the token %j',
    async (token) => {
      for (const [route] of guarded) expect(await statusOf(route, token), route).toBe(401);
    },
  );
});

describe('reading without a token, where the page on this machine may', () => {
  it('opens what a viewer may read, to loopback names alone; never the list, and no change', async () => {
    const open = await fullApi({ clock, openReads: true });
    const readers = Object.entries(matrix).filter(([, row]) => row.startsWith('1'));
    for (const [route, row] of readers) {
      const [method = '', path = ''] = route.split(' ');
      const url = path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '') + (queries[route] ?? '');
      const ask = async (host: string): Promise<number> =>
        (await open.api.inject({ method: method as 'GET', url, headers: { host } })).statusCode;
      const isOpen = method === 'GET' && row.slice(2, 3) === '.';
      expect((await ask('localhost:8080')) === 401, route).toBe(!isOpen);
      expect(await ask('evil.test'), route).toBe(401);
      expect(await ask('localhost.evil.test'), route).toBe(401);
    }
    await open.close();
  });
});
