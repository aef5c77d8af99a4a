import { describe, expect, it } from 'vitest';
import { admittedWithin, arrivalsMs, boundOf, lengthOf, runOf } from '../../../docs/algorithm-run.ts';
import { pictures } from '../../../docs/generate.ts';
import { outdated } from '../../../docs/generated-files.ts';
import { type Algorithm, algorithms } from '../../../src/policy/policy.ts';

const peakOf = (algorithm: Algorithm): number =>
  Math.max(...admittedWithin(runOf(algorithm), lengthOf(algorithm)).map(({ units }) => units));

describe('the pictures of the algorithms', () => {
  it('are as the reference arithmetic would draw them now', () => {
    expect(outdated(pictures()), 'run npm run docs').toEqual([]);
  });

  it.each(algorithms)('show the bound of %s kept', (algorithm) => {
    expect(peakOf(algorithm)).toBeLessThanOrEqual(boundOf[algorithm]);
    expect(runOf(algorithm)).toHaveLength(arrivalsMs.length);
  });

  it('show that a fixed window lets twice its limit through at an edge, and what the others make of the same', () => {
    const edge = runOf('fixed-window').filter(({ atMs, admitted }) => admitted && atMs >= 19_000 && atMs < 21_000);
    expect(edge).toHaveLength(20);
    expect(peakOf('sliding-window')).toBeLessThan(peakOf('fixed-window'));
    expect(peakOf('token-bucket')).toBeLessThan(peakOf('sliding-window'));
  });

  it('show that a queue lets one request out per second, however they came', () => {
    const leaving = runOf('leaky-bucket')
      .filter(({ admitted }) => admitted)
      .map(({ leavesAtMs }) => leavesAtMs);
    const gaps = leaving.slice(1).map((atMs, index) => atMs - (leaving[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(999.9);
  });
});
