import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientKinds } from '../../../src/client.ts';
import { type BlockChange, decodeBlockChange, encodeBlockChange } from '../../../src/event/block-change.ts';
import { checkFrame, formatFrameHeaders } from '../../../src/event/frame.ts';
import { decodePolicyLoad, encodePolicyLoad, type PolicyLoad } from '../../../src/event/policy-load.ts';
import { frameOfRows } from '../../../src/event/row-frame.ts';

const whole = fc.nat();
const text = fc.string({ unit: 'binary' });
const place = { timeMs: whole, emitter: text, partition: whole, seq: fc.integer({ min: 1 }) };

const changes: fc.Arbitrary<BlockChange> = fc.record({
  ...place,
  blockId: text,
  version: whole,
  state: text,
  clientKind: fc.constantFrom(...clientKinds),
  client: text,
  tenant: text,
  rule: text,
  ruleHash: text,
  verdictId: text,
  blockedAtMs: whole,
  expiresAtMs: whole,
  strikes: whole,
  actor: text,
  reason: text,
  evidence: fc.json(),
});

const loads: fc.Arbitrary<PolicyLoad> = fc.record({
  ...place,
  gate: text,
  region: text,
  service: text,
  version: text,
  policyCount: whole,
  policies: fc.oneof(fc.constant(''), fc.json()),
});

describe.each([
  { name: 'a change of a block', rows: changes, encode: encodeBlockChange, decode: decodeBlockChange },
  { name: 'a load of policies', rows: loads, encode: encodePolicyLoad, decode: decodePolicyLoad },
])('$name', ({ rows, encode, decode }) => {
  // Either suite has rows of its own kind.
  const written = (row: BlockChange | PolicyLoad): string => (encode as (row: unknown) => string)(row);

  it('reads back what was written, on one line, whatever its texts hold', () => {
    fc.assert(
      fc.property(rows as fc.Arbitrary<BlockChange | PolicyLoad>, (row) => {
        expect(written(row)).not.toContain('\n');
        expect(decode(written(row))).toEqual(row);
      }),
    );
  });

  it('of a later release is read without what was added', () => {
    const [row] = fc.sample(rows as fc.Arbitrary<BlockChange | PolicyLoad>, 1);
    if (!row) throw new Error('no sample');
    const later = JSON.stringify({ ...JSON.parse(written(row)), colour: 'red' });
    expect(decode(later)).toEqual(row);
  });

  it('is refused when a field is missing or of another type', () => {
    const [row] = fc.sample(rows as fc.Arbitrary<BlockChange | PolicyLoad>, 1);
    if (!row) throw new Error('no sample');
    const fields = JSON.parse(written(row)) as Record<string, unknown>;
    for (const name of Object.keys(fields)) {
      expect(() => decode(JSON.stringify({ ...fields, [name]: undefined }))).toThrow(name);
      expect(() => decode(JSON.stringify({ ...fields, [name]: [] }))).toThrow(name);
    }
  });
});

it('frames say of their rows what ingest checks', () => {
  const [first, second] = fc.sample(changes, 2);
  if (!first || !second) throw new Error('no samples');
  const place = { emitter: 'changes-7', partition: 3 };
  const rows: [BlockChange, BlockChange] = [
    { ...first, ...place, timeMs: 9, seq: 41 },
    { ...second, ...place, timeMs: 5, seq: 42 },
  ];
  const { headers, body, partition } = frameOfRows(rows, encodeBlockChange);
  expect(partition).toBe(3);
  expect(checkFrame({ headers: formatFrameHeaders(headers), body })).toMatchObject({
    emitter: 'changes-7',
    firstSeq: 41,
    rows: 2,
    total: 42,
    minTimeMs: 5,
    maxTimeMs: 9,
  });
});
