import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Exception } from '../../../../src/embedded/clickhouse-http/exception.ts';
import { checkRevision, nativeBlocksFor } from '../../../../src/embedded/clickhouse-http/native-blocks.ts';

interface Recorded {
  readonly sql: string;
  /** By chDB 3.4, base64. */
  readonly written: string;
  /** What clickhouse-go 2.50 has read the right values from, base64. */
  readonly read: string;
}

const recorded = JSON.parse(readFileSync(new URL('native-blocks.json', import.meta.url), 'utf8')) as Record<
  string,
  Recorded
>;

const info = [1, 0, 2, 255, 255, 255, 255, 0];
const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
const block = (columns: number, rows: number, ...rest: number[][]): Buffer =>
  Buffer.from([columns, rows, ...rest.flat()]);

describe('blocks of the Native format', () => {
  it.each(Object.entries(recorded))('of %s types become what a current client reads', (_, { written, read }) => {
    expect(nativeBlocksFor(54_460, Buffer.from(written, 'base64')).toString('base64')).toBe(read);
  });

  it('keep their bytes for a client that names no revision', () => {
    const written = Buffer.from(recorded['scalars']?.written ?? '', 'base64');
    expect(nativeBlocksFor(0, written).equals(written)).toBe(true);
  });

  it('get what blocks and columns say of themselves, one by one', () => {
    const first = block(2, 2, text('a'), text('UInt8'), [7, 8], text('b'), text('String'), text('x'), text('yz'));
    const second = block(1, 1, text('a'), text('Array(UInt16)'), [2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0]);
    expect([...nativeBlocksFor(54_454, Buffer.concat([first, second]))]).toEqual([
      ...[
        ...info,
        2,
        2,
        ...text('a'),
        ...text('UInt8'),
        0,
        7,
        8,
        ...text('b'),
        ...text('String'),
        0,
        ...text('x'),
        ...text('yz'),
      ],
      ...[...info, 1, 1, ...text('a'), ...text('Array(UInt16)'), 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0],
    ]);
  });

  it.each([
    ['Tuple(`a, b` UInt8, "c d" UInt16, e String)', [1, 2, 0, 1, 120]],
    ["Enum8('a,\\')(' = 1)", [1]],
    ['Tuple(UInt8, Tuple(x UInt8))', [1, 2]],
    ["DateTime64(3, 'Europe/Berlin')", [1, 2, 3, 4, 5, 6, 7, 8]],
    ['Decimal(76, 3)', Array.from({ length: 32 }, () => 1)],
    ['SimpleAggregateFunction(anyLast, Nullable(UInt8))', [0, 1]],
  ])('end a value of type %s where it ends', (type, value) => {
    const bytes = block(1, 1, text('a'), text(type), value);
    expect([...nativeBlocksFor(54_460, bytes)]).toEqual([...info, 1, 1, ...text('a'), ...text(type), 0, ...value]);
  });

  it('without rows have no values, not even the version of a dictionary', () => {
    const empty = block(1, 0, text('a'), text('LowCardinality(String)'));
    expect([...nativeBlocksFor(54_460, empty)]).toEqual([
      ...info,
      1,
      0,
      ...text('a'),
      ...text('LowCardinality(String)'),
      0,
    ]);
  });

  it.each([
    'AggregateFunction(uniq, UInt64)',
    'JSON',
    'Dynamic',
    'Variant(String, UInt8)',
    'Array(JSON)',
    'Tuple()',
    'constructor',
  ])('are refused with a column of type %s, by name, instead of guessed at', (type) => {
    const bytes = block(1, 1, text('a'), text(type), [0]);
    expect(() => nativeBlocksFor(54_460, bytes)).toThrow(/^Code: 48\..*not written in the Native format/);
  });

  it('are refused when they end in the middle', () => {
    const whole = Buffer.from(recorded['composed']?.written ?? '', 'base64');
    for (let length = 1; length < whole.length; length++) {
      expect(() => nativeBlocksFor(54_460, whole.subarray(0, length)), String(length)).toThrow(Exception);
    }
  });

  it('are not written for revisions that lie between', () => {
    expect(() => checkRevision(54_400)).toThrow(/NOT_IMPLEMENTED/);
    for (const revision of [0, 54_454, 54_513]) expect(() => checkRevision(revision)).not.toThrow();
  });
});
