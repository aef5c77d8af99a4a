import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { neighbourPrefixLengths, networkOf } from '../../../src/address.ts';
import { clientKinds } from '../../../src/client.ts';
import type { DecisionEvent } from '../../../src/event/decision-event.ts';
import { decodeEvent, encodeEvent } from '../../../src/event/event-codec.ts';
import { checkFrame, crc32Hex, decodeFrame, formatFrameHeaders, parseFrameHeaders } from '../../../src/event/frame.ts';
import { partitionOf } from '../../../src/event/partition.ts';
import { stableHash } from '../../../src/stable-hash.ts';

const event: DecisionEvent = {
  timeMs: 1_750_000_000_000,
  emitter: 'e1',
  partition: 3,
  seq: 1,
  region: 'local',
  tenant: 'acme',
  clientKind: 'user',
  client: 'ann "\\ ünï',
  address: '192.0.2.1',
  route: 'GET /orders/:id',
  method: 'GET',
  policy: 'per-client',
  policyVersion: '0123456789ab',
  scope: 'client+route',
  limit: 60,
  remaining: 3,
  outcome: 'denied',
  source: 'store',
  degraded: '',
  shadowDenied: ['next'],
  candidateOutcome: 'allowed',
  compensated: 1,
  cost: 2,
  latencyUs: 128,
  early: null,
  count: 9,
};
const bodyOf = (...events: DecisionEvent[]): Buffer =>
  Buffer.from(events.map((one) => `${encodeEvent(one)}\n`).join(''));
const headersFor = (body: Buffer, rows: number) =>
  formatFrameHeaders({
    v: 1,
    emitter: 'e1',
    firstSeq: 1,
    rows,
    deniedRows: rows,
    total: 9,
    minTimeMs: 1,
    maxTimeMs: 2,
    crc32: crc32Hex([body]),
    last: false,
  });

describe('frames', () => {
  it('give back the events they were made of', () => {
    const body = bodyOf(event, { ...event, seq: 2, early: 4 });
    expect(decodeFrame({ headers: headersFor(body, 2), body }).events).toEqual([event, { ...event, seq: 2, early: 4 }]);
  });

  it('are read when a newer emitter has added fields', () => {
    const line = JSON.stringify({ ...JSON.parse(encodeEvent(event)), later: true });
    expect(decodeEvent(line)).toEqual(event);
  });

  it('of an older emitter are read: it knew no candidates and took nothing back', () => {
    const { candidate_outcome: _, compensated: __, ...older } = JSON.parse(encodeEvent(event));
    expect(decodeEvent(JSON.stringify(older))).toEqual({ ...event, candidateOutcome: '', compensated: 0 });
  });

  it.each([
    ['candidate_outcome', 'blocked'],
    ['candidate_outcome', null],
    ['compensated', 2],
    ['compensated', '1'],
    ['source', 'hearsay'],
  ])('with an event whose %s is %j are corrupt', (name, value) => {
    const line = JSON.stringify({ ...JSON.parse(encodeEvent(event)), [name]: value });
    expect(() => decodeEvent(line)).toThrowError(expect.objectContaining({ code: 'FRAME_CORRUPT' }));
  });

  it.each([
    ['another body', (headers: Record<string, string>) => ({ headers, body: bodyOf({ ...event, count: 10 }) })],
    [
      'another row count',
      (headers: Record<string, string>) => ({ headers: { ...headers, rows: '2' }, body: bodyOf(event) }),
    ],
    [
      'another version',
      (headers: Record<string, string>) => ({ headers: { ...headers, v: '2' }, body: bodyOf(event) }),
    ],
    ['a missing header', ({ total: _total, ...headers }: Record<string, string>) => ({ headers, body: bodyOf(event) })],
    [
      'a negative count',
      (headers: Record<string, string>) => ({ headers: { ...headers, rows: '-1' }, body: bodyOf(event) }),
    ],
  ])('with %s are corrupt', (_what, spoil) => {
    const spoiled = spoil(headersFor(bodyOf(event), 1)) as { headers: Record<string, string>; body: Buffer };
    expect(() => decodeFrame(spoiled)).toThrowError(expect.objectContaining({ code: 'FRAME_CORRUPT' }));
  });

  it('never throw anything else, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.dictionary(fc.string(), fc.string()), (bytes, extra) => {
        const body = Buffer.from(bytes);
        try {
          decodeFrame({ headers: { ...headersFor(body, 1), ...extra }, body });
        } catch (error) {
          expect(error).toMatchObject({ code: 'FRAME_CORRUPT' });
        }
      }),
    );
  });

  it('can be empty: they say where an emitter stands', () => {
    const body = Buffer.alloc(0);
    expect(checkFrame({ headers: headersFor(body, 0), body }).rows).toBe(0);
    expect(decodeFrame({ headers: headersFor(body, 0), body }).events).toEqual([]);
    expect(parseFrameHeaders(headersFor(body, 0)).last).toBe(false);
  });
});

describe('partitions', () => {
  it('hold neighbours together: addresses by /24 and /64', () => {
    const at = (id: string) => partitionOf({ kind: 'ip', id }, 64);
    expect(at('192.0.2.1')).toBe(at('192.0.2.250'));
    expect(at('2001:db8::/64')).toBe(at('2001:db8::1'));
    expect(new Set(Array.from({ length: 200 }, (_, net) => at(`10.0.${net}.1`))).size).toBeGreaterThan(40);
  });

  it('stay where they are from release to release: what is detected and repaired is found by them', () => {
    const octet = fc.nat(300).map(String);
    const dotted = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
    const odd = fc.constantFrom(
      '1.2.3',
      '1.2.3.4.',
      '01.2.3.4',
      '1.2.3.4/24',
      ' 1.2.3.4',
      '::ffff:1.2.3.4',
      '::1',
      'fe80::/64',
      '',
    );
    const id = fc.oneof(dotted, fc.ipV4(), fc.ipV6(), odd, fc.string());
    fc.assert(
      fc.property(fc.constantFrom(...clientKinds), id, (kind, client) => {
        const subject = kind === 'ip' ? (networkOf(client, neighbourPrefixLengths) ?? client) : client;
        expect(partitionOf({ kind, id: client }, 4096)).toBe(stableHash(`${kind}:${subject}`) % 4096);
      }),
      { numRuns: 2000 },
    );
    expect(partitionOf({ kind: 'ip', id: '192.0.2.7' }, 64)).toBe(37);
    expect(partitionOf({ kind: 'key', id: 'client-1' }, 64)).toBe(31);
  });
});
