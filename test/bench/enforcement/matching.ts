import type { MatchSubject } from '../../../src/policy/match.ts';
import { compilePolicies } from '../../../src/policy/match.ts';
import { policiesFrom } from '../../../src/policy/parse.ts';
import type { Contest } from '../contest.ts';
import { callsPerSecond, shuffledIndices } from '../load.ts';
import type { WrittenPolicy } from './ours.ts';

const many = 100_000;
const few = 100;
const routes = 1000;

/** Tenants with policies of their own for routes of their own, and one policy for all. */
const inputs = (count: number): WrittenPolicy[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `policy-${index}`,
    limit: 1000,
    window: '1m',
    match: { routes: [`GET /service-${index % routes}/orders/*`], tenants: [`tenant-${Math.floor(index / routes)}`] },
  }));

const microsecondsPerMatch = (count: number, roundMs: number): (() => Promise<number>) => {
  const everyone: WrittenPolicy = { name: 'everyone', limit: 10_000, window: '1m' };
  const match = compilePolicies(policiesFrom({ version: 1, policies: [everyone, ...inputs(count - 1)] }));
  const subjects = Array.from(shuffledIndices(count - 1, 1 << 14), (index): MatchSubject => {
    const path = `/service-${index % routes}/orders/${index}`;
    const tenant = `tenant-${Math.floor(index / routes)}`;
    return { method: 'GET', path, tenant, client: { kind: 'key', id: 'client' } };
  });
  const one = (call: number): void => {
    const subject = subjects[call % subjects.length];
    if (!subject || match(subject).length !== 2) throw new Error('two policies are for every request');
  };
  return async () => 1_000_000 / (await callsPerSecond(one, { roundMs }));
};

export const match100kPolicies: Contest = {
  name: 'match-100k-policies',
  unit: 'us',
  better: 'lower',
  reference: 'the same with 100 policies',
  aim: null,
  about:
    'Finding the two policies of a request among 100,000: tenants with their own limits on a thousand routes. The aim is at most 2 µs.',
  open: ({ roundMs }) =>
    Promise.resolve({
      ours: microsecondsPerMatch(many, roundMs),
      theirs: microsecondsPerMatch(few, roundMs),
      close: () => Promise.resolve(),
    }),
};
