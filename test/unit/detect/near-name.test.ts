import { describe, expect, it } from 'vitest';
import { nearName } from '../../../src/detect/near-name.ts';

const names = ['windows', 'breadth', 'depth', 'deniedShare', 'of', 'hit'];

describe('nearName', () => {
  it.each([
    ['windos', 'windows'],
    ['Windows', 'windows'],
    ['denied_share', 'deniedShare'],
    ['denied-share', 'deniedShare'],
    ['bredth', 'breadth'],
    ['hits', 'hit'],
  ])('finds what %s was meant to be', (given, expected) => {
    expect(nearName(given, names)).toBe(expected);
  });

  it.each(['colour', '', 'x', 'a'.repeat(10_000), 'denial'])('does not guess at %s', (given) => {
    expect(nearName(given, ['windows', 'deniedShare', 'breadth'])).toBeNull();
  });
});
