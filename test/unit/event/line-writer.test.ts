import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientKinds } from '../../../src/client.ts';
import { decisionSources, outcomes } from '../../../src/decision/decision.ts';
import type { DecisionEvent, DecisionRecord } from '../../../src/event/decision-event.ts';
import { decodeEvent, encodeEvent } from '../../../src/event/event-codec.ts';
import { maxFrameBytes } from '../../../src/event/event-log.ts';
import { decodeFrame, formatFrameHeaders } from '../../../src/event/frame.ts';
import { FrameBuilder } from '../../../src/event/frame-builder.ts';
import { MergeBuffer } from '../../../src/event/merge-buffer.ts';
import { decisionOf } from '../../support/decisions.ts';

/** Texts that end strings, lines and encodings, if they are not written with care. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        '"',
        '\\',
        '\n',
        '\r',
        '\0',
        '\u001f',
        '\u007f',
        '\u0080',
        '\u2028',
        '\u2029',
        '\ud800',
        '\udfff',
        '😀',
        'ключ',
        'a',
        '/',
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
);
const whole = fc.oneof(
  fc.nat(12),
  fc.maxSafeNat(),
  fc.constantFrom(
    9,
    10,
    99,
    100,
    999_999_999,
    1_000_000_000,
    1_000_000_001,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
  ),
);
const record = fc.record({
  timeMs: whole,
  tenant: hostile,
  clientKind: fc.constantFrom(...clientKinds),
  client: hostile,
  address: hostile,
  route: hostile,
  method: hostile,
  policy: hostile,
  policyVersion: hostile,
  scope: hostile,
  limit: whole,
  remaining: whole,
  outcome: fc.constantFrom(...outcomes),
  source: fc.constantFrom(...decisionSources),
  degraded: fc.constantFrom('' as const, 'timeout' as const, 'read-only' as const),
  shadowDenied: fc.array(hostile, { maxLength: 3 }),
  candidateOutcome: fc.constantFrom('' as const, 'allowed' as const, 'denied' as const),
  compensated: fc.constantFrom(0 as const, 1 as const),
  cost: whole,
  latencyUs: fc.integer({ min: 4, max: 31 }).map((power) => 2 ** power),
  early: fc.constantFrom(null, true, false),
}) satisfies fc.Arbitrary<DecisionRecord>;

const settings = { emitterId: 'emitter "1"\u2028', region: 'eu\ud800' };
const eventOf = ({ early, ...facts }: DecisionRecord, seq: number): DecisionEvent => ({
  ...facts,
  emitter: settings.emitterId,
  region: settings.region,
  partition: 0,
  seq,
  early: early === null ? null : Number(early),
  count: 1,
});
const framesOf = (records: readonly DecisionRecord[], builder: FrameBuilder) => {
  const buffer = new MergeBuffer({ intervalMs: 250, maxRows: 10_000, every: true });
  for (const one of records) buffer.add(one);
  return [...builder.build(buffer.take())].filter((frame) => frame !== null);
};

describe('lines', () => {
  it('are byte for byte what JSON.stringify makes of each event, whatever its texts and numbers', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), fc.nat(3), (records, rounds) => {
        const builder = new FrameBuilder({ ...settings, partitions: 1 });
        for (let round = 0; round <= rounds; round += 1) {
          const expected = records.map((one, index) => eventOf(one, round * records.length + index + 1));
          const lines = framesOf(records, builder)
            .map(({ body }) => body.toString())
            .join('');
          expect(lines).toBe(expected.map((event) => `${encodeEvent(event)}\n`).join(''));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('give back every event, lone surrogates and line separators included', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
        const frames = framesOf(records, new FrameBuilder({ ...settings, partitions: 1 }));
        const events = frames.flatMap(
          ({ headers, body }) => decodeFrame({ headers: formatFrameHeaders(headers), body }).events,
        );
        expect(events).toEqual(records.map((one, index) => eventOf(one, index + 1)));
        for (const event of events) expect(decodeEvent(encodeEvent(event))).toEqual(event);
      }),
    );
  });

  it.each([
    ['NaN', Number.NaN],
    ['infinite', Number.POSITIVE_INFINITY],
    ['negative', -7],
    ['fractional', 0.5],
    ['past all whole numbers', 1e21],
  ])('say of a number that is %s what JSON says of it', (_, cost) => {
    const { emitter: _e, partition: _p, seq: _s, region: _r, count: _c, ...facts } = decisionOf({ cost });
    const [frame] = framesOf([{ ...facts, early: null }], new FrameBuilder({ ...settings, partitions: 1 }));
    expect(JSON.parse(frame?.body.toString() ?? '')).toMatchObject({ cost: JSON.parse(JSON.stringify(cost)) });
  });

  it('are cut into frames of at most 500 rows that fit the log, in order, for every partition', () => {
    const size = fc.constantFrom(10, 3_000, 20_000);
    fc.assert(
      fc.property(fc.array(fc.tuple(size, fc.nat(9)), { maxLength: 700, size: 'max' }), fc.boolean(), (sizes, wide) => {
        const unit = wide ? 'ж' : 'x';
        const records = sizes.map(([length, client]) => {
          const {
            emitter: _e,
            partition: _p,
            seq: _s,
            region: _r,
            count: _c,
            ...facts
          } = decisionOf({
            client: `10.0.${client}.1`,
            address: unit.repeat(length),
          });
          return { ...facts, early: null };
        });
        const frames = framesOf(records, new FrameBuilder({ ...settings, partitions: 4 }));
        expect(frames.reduce((sum, { headers }) => sum + headers.rows, 0)).toBe(records.length);
        for (const partition of [0, 1, 2, 3]) {
          const own = frames.filter((frame) => frame.partition === partition);
          const events = own.flatMap(
            ({ headers, body }) => decodeFrame({ headers: formatFrameHeaders(headers), body }).events,
          );
          expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index + 1));
        }
        for (const { headers, body } of frames) {
          expect(headers.rows).toBeLessThanOrEqual(500);
          expect(body.length).toBeLessThanOrEqual(maxFrameBytes);
        }
      }),
      { numRuns: 10 },
    );
  });
});
