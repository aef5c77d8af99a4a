import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecisionEvent } from '../../../src/event/decision-event.ts';
import { decodeEvent, encodeEvent } from '../../../src/event/event-codec.ts';
import { EventScanner, type SeenEvent, seenEventsOf } from '../../../src/event/event-scan.ts';
import { crc32Hex, formatFrameHeaders } from '../../../src/event/frame.ts';
import { decisionFrame } from '../../support/decision-frames.ts';
import { decisionOf } from '../../support/decisions.ts';

const fields = [
  'timeMs emitter seq tenant clientKind client address route',
  'policy scope outcome source degraded early count',
]
  .join(' ')
  .split(' ') as (keyof SeenEvent)[];

const seenOf = (event: SeenEvent): SeenEvent =>
  Object.fromEntries(fields.map((field) => [field, event[field]])) as unknown as SeenEvent;

const frameOf = (body: Buffer, rows: number) => {
  const { headers } = decisionFrame([decisionOf()]);
  return { headers: formatFrameHeaders({ ...headers, rows, crc32: crc32Hex([body]) }), body };
};

/** Every line by the long way; null: it cannot be read. */
const byHand = (body: Buffer): (SeenEvent | null)[] =>
  body
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      try {
        return seenOf(decodeEvent(line));
      } catch {
        return null;
      }
    });

const scanned = (body: Buffer, scanner = new EventScanner()) => {
  let bad = 0;
  const rows = body.toString('latin1').split('\n').length - 1;
  const events = seenEventsOf(frameOf(body, rows), scanner, () => {
    bad += 1;
  });
  return { seen: Array.from(events, seenOf), bad: () => bad };
};

const textOf = fc.oneof(
  fc.constantFrom(
    '',
    'acme',
    'GET /orders/:id',
    '203.0.113.9',
    '~other',
    'a'.repeat(300),
    '"',
    '\\',
    'ü',
    '\n',
    '\u007f',
  ),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 10 }),
);
const number = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 1, 999_999_999_999_999, 1_000_000_000_000_000));
const event: fc.Arbitrary<DecisionEvent> = fc
  .record({
    timeMs: number,
    emitter: textOf,
    partition: number,
    seq: fc.integer({ min: 1 }),
    region: textOf,
    tenant: textOf,
    clientKind: fc.constantFrom('key', 'user', 'ip'),
    client: textOf,
    address: textOf,
    route: textOf,
    policy: textOf,
    scope: fc.constantFrom('', 'client', 'client+route', 'tenant'),
    remaining: number,
    outcome: fc.constantFrom('allowed', 'denied', 'blocked'),
    source: fc.constantFrom('store', 'lease', 'deny-cache', 'fallback', 'block-list'),
    degraded: fc.constantFrom('', 'timeout'),
    shadowDenied: fc.array(textOf, { maxLength: 3 }),
    candidateOutcome: fc.constantFrom('', 'denied'),
    early: fc.option(fc.nat()),
    count: fc.integer({ min: 1 }),
  })
  .map((change) => decisionOf(change as Partial<DecisionEvent>));

/** The same fields in another order, with white space, with others between them, or without those of later releases. */
const foreign = (line: string, how: number): string => {
  const row = JSON.parse(line) as Record<string, unknown>;
  if (how === 1) return JSON.stringify(Object.fromEntries(Object.entries(row).reverse()));
  if (how === 2) return JSON.stringify(row, null, 1).replaceAll('\n', ' ');
  if (how === 3) return JSON.stringify({ ...row, later: { count: 7 } });
  const { candidate_outcome: _, compensated: __, ...older } = row;
  return how === 4 ? JSON.stringify(older) : line;
};

describe('events of a frame', () => {
  it('are those that JSON holds, whoever wrote it in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.nat(6)), { maxLength: 8 }), (rows) => {
        const body = Buffer.from(rows.map(([row, how]) => `${foreign(encodeEvent(row), how)}\n`).join(''));
        expect(scanned(body).seen).toEqual(byHand(body));
      }),
      { numRuns: 300 },
    );
  });

  it('are the same as by the long way when bytes are changed, and rows that nobody can read are told', () => {
    const change = fc.tuple(fc.nat(10_000), fc.integer({ min: 0, max: 255 }), fc.constantFrom('set', 'cut', 'put'));
    fc.assert(
      fc.property(
        // Often the same again: most of most rows is as it was in the one before.
        fc.oneof(
          fc.array(event, { minLength: 1, maxLength: 3 }),
          event.map((row) => [row, row, row]),
        ),
        fc.array(change, { maxLength: 4 }),
        (rows, changes) => {
          let body = Buffer.from(rows.map((row) => `${encodeEvent(row)}\n`).join(''));
          for (const [where, byte, how] of changes) {
            const at = where % (body.length - 1);
            const before = body.subarray(0, at);
            body = Buffer.concat(
              [before, how === 'cut' ? '' : Buffer.from([byte]), body.subarray(how === 'put' ? at : at + 1)].map(
                (part) => Buffer.from(part),
              ),
            );
          }
          const expected = byHand(body);
          const { seen, bad } = scanned(body);
          expect(seen).toEqual(expected.filter((row) => row !== null));
          expect(bad()).toBe(expected.filter((row) => row === null).length);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('are read the short way when an emitter wrote them', () => {
    const plain = decisionOf({ shadowDenied: ['a', 'b'], early: 3 });
    const body = Buffer.from(`${encodeEvent(plain)}\n${encodeEvent({ ...plain, shadowDenied: [], early: null })}\n`);
    const scanner = new EventScanner();
    expect(scanner.scan(body, 0)).toBe(true);
    expect(seenOf(scanner.event)).toEqual(seenOf(plain));
    expect(scanner.scan(body, scanner.at)).toBe(true);
    expect(scanner.at).toBe(body.length);
  });

  it('keep their texts apart however many fall on one place', () => {
    const scanner = new EventScanner();
    const rows = Array.from({ length: 20_000 }, (_, index) =>
      decisionOf({ client: `client-${index % 9001}`, seq: index + 1 }),
    );
    const body = Buffer.from(rows.map((row) => `${encodeEvent(row)}\n`).join(''));
    expect(scanned(body, scanner).seen.map(({ client }) => client)).toEqual(rows.map(({ client }) => client));
  });

  it('are none when the frame is not what its headers say', () => {
    const { headers, body } = frameOf(Buffer.from(`${encodeEvent(decisionOf())}\n`), 1);
    const read = (frame: typeof headers, bytes: Buffer) => () =>
      seenEventsOf({ headers: frame, body: bytes }, new EventScanner(), () => undefined);
    expect(read({ ...headers, rows: '2' }, body)).toThrow('frame holds 1 rows, its header says 2');
    expect(read({ ...headers, crc32: '00000000' }, body)).toThrow('crc32');
    const cut = body.subarray(0, -1);
    expect(read({ ...headers, crc32: crc32Hex([cut]) }, cut)).toThrow('does not end with a line break');
    expect([...read(headers, body)()]).toHaveLength(1);
  });
});
