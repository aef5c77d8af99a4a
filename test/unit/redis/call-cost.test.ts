import { expect, it } from 'vitest';
import type { LimitRequest } from '../../../src/limiter/limit-store.ts';
import { costOfCalls } from '../../../src/redis/call-cost.ts';
import { tagOf } from '../../../src/redis/keys.ts';
import { inSlots } from '../../../src/redis/slot-groups.ts';

const call = { prefix: 'tg1:test:', nowUs: 0, leastTtlMs: 0 };
const requestOf = (key: LimitRequest['key']): LimitRequest => ({
  key,
  terms: { algorithm: 'token-bucket', periodUs: 1_000_000, capacity: 60 },
  cost: 1,
  mode: 'enforce',
});
const ofClient = requestOf({ policy: 'per-client', client: 'user:ann' });
const ofRoute = requestOf({ policy: 'per-route', client: 'user:ann', route: 'GET /' });
const ofTenant = requestOf({ policy: 'per-tenant', tenant: 'acme' });

it('one call asks limits that share a hash tag, and a cluster is asked once more for each further one', () => {
  expect(tagOf(ofClient.key)).not.toBe(tagOf(ofTenant.key));
  const spend = [ofClient, ofTenant, ofRoute];
  expect(inSlots(spend)).toEqual([[ofClient, ofRoute], [ofTenant]]);
  const [server, cluster] = [costOfCalls([spend], call), costOfCalls(inSlots(spend), call)];
  expect([server.commands, cluster.commands]).toEqual([1, 2]);
  expect(cluster.bytes).toBeGreaterThan(server.bytes);
});
