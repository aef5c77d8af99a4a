import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeIntent, encodeIntent, exceptionBytes, maxExceptionBytes } from '../../../src/ingest/intent.ts';

const offset = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1000 });
const pairs = fc.array(fc.tuple(offset, fc.nat()), { maxLength: 20 });
const intents = fc.record({
  topic: fc.stringMatching(/^[a-z.-]{1,40}$/),
  topicId: fc.constantFrom('', 'XW2ltbTxSNe4kxRvVTlPiQ', 'XW2ltbTxSNe4kxRvVTlPiQ~1431925500000'),
  startOffset: offset,
  rows: fc.nat(),
  crc32: fc.stringMatching(/^[0-9a-f]{8}$/),
  doubled: pairs,
  missing: pairs,
  rejected: fc.array(offset, { maxLength: 20 }),
  badRows: pairs,
});

it('reads back what was written', () => {
  fc.assert(
    fc.property(intents, (facts) => {
      const intent = { ...facts, endOffset: facts.startOffset + 5 };
      expect(decodeIntent(encodeIntent(intent))).toEqual(intent);
    }),
  );
});

it('takes at most 2 KiB, whatever stays out of the block', () => {
  fc.assert(
    fc.property(intents, (facts) => {
      const intent = { ...facts, topic: 't'.repeat(249), endOffset: facts.startOffset + 5 };
      const { doubled, missing, rejected, badRows } = intent;
      const exceptions = [...doubled, ...missing, ...badRows, ...rejected.map((at) => [at])];
      const bytes = exceptions.reduce((sum, numbers) => sum + exceptionBytes(...numbers), 0);
      fc.pre(bytes <= maxExceptionBytes);
      expect(Buffer.byteLength(encodeIntent(intent))).toBeLessThanOrEqual(2048);
    }),
  );
});

it('is understood by a release that does not know a field which changes nothing of what is stored', () => {
  const intent = { v: 1, topic: 't', start: 3, end: 9, rows: 4, crc: '00000000', colour: 'of a later release' };
  expect(decodeIntent(JSON.stringify(intent))).toMatchObject({ startOffset: 3, endOffset: 9, rows: 4 });
});

it('reads what a release before wrote, which knew neither ids of topics nor missing rows', () => {
  const intent = '{"v":1,"topic":"t","start":3,"end":9,"rows":4,"crc":"00000000","doubled":[[3,1]]}';
  expect(decodeIntent(intent)).toMatchObject({ topicId: '', missing: [], doubled: [[3, 1]] });
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
