import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecisionEvent } from '../../../src/event/decision-event.ts';
import { encodeEvent } from '../../../src/event/event-codec.ts';
import { maxBadRows, scanRows } from '../../../src/ingest/row-scan.ts';
import { baseTimeMs, decisionEvent, decisionFrame } from '../../support/decision-frames.ts';

const line = (seq: number, facts: Partial<DecisionEvent> = {}): string => encodeEvent(decisionEvent({ seq, ...facts }));

const { headers } = decisionFrame([decisionEvent(), decisionEvent({ seq: 2 }), decisionEvent({ seq: 3 })]);

const scan = (...lines: readonly string[]) =>
  scanRows(Buffer.from(lines.map((text) => `${text}\n`).join('')), {
    headers: { ...headers, rows: lines.length },
    partition: 0,
  });

const badIndexes = (...lines: readonly string[]): number[] => scan(...lines).bad.map(({ index }) => index);

describe('a line that is not one object is no row, and those around it are', () => {
  it.each([
    ['nothing', ''],
    ['an object without fields', '{}'],
    ['the sign that ends the data', ';'],
    ['a bracket', ']'],
    ['two objects', line(2) + line(2)],
    ['two objects with a comma between', `${line(2)},${line(2)}`],
    ['an object and the sign that ends the data', `${line(2)};`],
    ['an object with something before it', `;${line(2)}`],
    ['an object that does not end', line(2).slice(0, -1)],
    ['an escape that there is not', line(2).replace('acme', '\\u00"acme')],
    ['a list', `[${line(2)}]`],
  ])('%s', (_, middle) => {
    expect(badIndexes(line(1), middle, line(3))).toEqual([1]);
  });

  it('also at the end of a frame, where no other line tells', () => {
    expect(badIndexes(line(1), line(2), line(3).replace('"acme"', '"acme'))).toEqual([2]);
    expect(badIndexes(line(1), line(2), line(3).replace('"count":1', '"count":"}'))).toEqual([2]);
  });

  it('also before a line that would be read on from within a text', () => {
    const open = line(1).replace('"count":1', '"count":"');
    const turned = `{",":":1,","x":"y",${line(2).slice(1)}`;
    expect(badIndexes(open, turned, line(3))).toEqual([0]);
  });
});

describe('a row in the middle', () => {
  it.each([
    ['emitter', { emitter: 'another' }],
    ['partition', { partition: 7 }],
    ['position', { seq: 900 }],
    ['time', { timeMs: baseTimeMs + 1 }],
  ])('of another %s condemns its frame', (_, facts) => {
    expect(() => scan(line(1), line(2, facts), line(3))).toThrow(/row 1 is of another/);
  });

  it('may have its fields in another order, in other words, and more of them', () => {
    const { time, ...rest } = JSON.parse(line(2)) as Record<string, unknown>;
    const later = JSON.stringify({ ...rest, later: { deep: ['}', '{'] }, time });
    const escaped = line(2).replace('"seq"', '"s\\u0065q"');
    for (const middle of [later, escaped, line(2).replace(',', ' , ')]) expect(badIndexes(line(1), middle)).toEqual([]);
  });
});

describe('a frame', () => {
  it('of any texts that an emitter can write is clean', () => {
    const texts = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.array(fc.record({ client: texts, route: texts, tenant: texts }), { minLength: 1 }), (facts) => {
        const emitter = facts[0]?.client || 'e';
        const frame = decisionFrame(facts.map((fact, index) => decisionEvent({ ...fact, emitter, seq: index + 1 })));
        expect(scanRows(frame.body, frame)).toEqual({ bad: [], isBorneOut: true });
      }),
    );
  });

  it('of nothing but bad rows costs no more than a few of them, and nobody vouches for it', () => {
    const lines = Array.from({ length: 100_000 }, () => ';');
    expect(scan(...lines).bad).toHaveLength(maxBadRows + 1);
    expect(scan(...lines).isBorneOut).toBe(false);
  });
});
