import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeIntent, encodeIntent, maxExceptions } from '../../../src/ingest/intent.ts';

const offset = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1000 });
const intents = fc.record({
  topic: fc.stringMatching(/^[a-z.-]{1,40}$/),
  startOffset: offset,
  rows: fc.nat(),
  crc32: fc.stringMatching(/^[0-9a-f]{8}$/),
  doubled: fc.array(fc.tuple(offset, fc.nat()), { maxLength: maxExceptions }),
  rejected: fc.array(offset, { maxLength: maxExceptions }),
  badRows: fc.array(fc.tuple(offset, fc.nat()), { maxLength: maxExceptions }),
});

it('reads back what was written', () => {
  fc.assert(
    fc.property(intents, (facts) => {
      const intent = { ...facts, endOffset: facts.startOffset + 5 };
      expect(decodeIntent(encodeIntent(intent))).toEqual(intent);
    }),
  );
});

it('takes no metadata as nothing under way', () => {
  expect(decodeIntent('')).toBeNull();
});

it.each([
  'x',
  'null',
  '[]',
  '{}',
  '{"v":2,"topic":"t","start":0,"end":1,"rows":1,"crc":"0"}',
  '{"v":1,"topic":"t","start":5,"end":5,"rows":1,"crc":"0"}',
])('refuses metadata of another origin: %s', (metadata) => {
  expect(() => decodeIntent(metadata)).toThrow(/no intent of this release/);
});
