import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientOf } from '../../../src/client.ts';
import { neighbourhoodOf, subjectKeyBy, subjectOf } from '../../../src/detect/subject.ts';

describe('the subject of an event', () => {
  const client = fc
    .record({ kind: fc.constantFrom('key' as const, 'user' as const, 'ip' as const), id: fc.string() })
    .map(({ kind, id }) => clientOf(kind, id));

  it('is told from its key again, whatever ids and tenants hold', () => {
    fc.assert(
      fc.property(client, fc.oneof(fc.string(), fc.constantFrom('a/b', 'a:b', '%2F', '')), (one, tenant) => {
        const { kind, id } = one;
        expect(subjectOf('client', subjectKeyBy('client', one, tenant) ?? '')).toEqual({ kind, id });
        const key = subjectKeyBy('client-in-tenant', one, tenant) ?? '';
        expect(subjectOf('client-in-tenant', key)).toEqual({ kind, id, tenant });
      }),
    );
  });

  it.each([
    ['203.0.113.9', '203.0.113.0/24'],
    ['2001:db8:1:2:3::4', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::/64', '2001:db8:1:2::/64'],
    ['host-1', null],
    ['203.0.113.999', null],
  ])('by network is that of %s', (id, network) => {
    expect(neighbourhoodOf({ kind: 'ip', id })).toBe(network);
    expect(neighbourhoodOf({ kind: 'user', id })).toBeNull();
  });
});
