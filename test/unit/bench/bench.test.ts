import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Contest } from '../../bench/contest.ts';
import { guideWith, keptReports, pageOf, readmeWith } from '../../bench/page.ts';
import { median, play, ratioOf } from '../../bench/rounds.ts';
import { contestOf } from '../../bench/table.ts';
import { repositoryRoot } from '../../support/source-text.ts';

const tsx = join(repositoryRoot, 'node_modules', 'tsx', 'dist', 'cli.mjs');

/** What the bench prints on standard output. */
const bench = (...args: string[]): string =>
  execFileSync(process.execPath, [tsx, join(repositoryRoot, 'test', 'bench', 'main.ts'), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

describe('a bench', () => {
  it('ends its output with one JSON object that says what ran beside what', () => {
    const printed = bench('enforcement', '--json', '--rounds', '1', '--round-ms', '10', '--only', 'memory-100k-keys');
    const report: unknown = JSON.parse(printed.trim().split('\n').at(-1) ?? '');
    const result = {
      name: 'memory-100k-keys',
      unit: 'decisions/s',
      value: expect.any(Number),
      reference: expect.stringContaining('RateLimiterMemory'),
      referenceValue: expect.any(Number),
      ratio: expect.any(Number),
    };
    expect(report).toEqual({ bench: 'enforcement', rounds: 1, cores: expect.any(Number), results: [result] });
    expect(Object.values((report as { results: object[] }).results[0] ?? {}).includes(0)).toBe(false);
  }, 120_000);

  it('refuses a result that it does not have, and names those that it has', () => {
    expect(() => bench('enforcement', '--only', 'nothing-such')).toThrow(/memory-100k-keys/);
  }, 60_000);
});

describe('what is told of the results', () => {
  it('is made from the kept report, in the page, in the README and in the guide', () => {
    const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8');
    expect(pageOf(keptReports())).toBe(read('docs/benchmarks.md'));
    expect(readmeWith(read('README.md'), keptReports())).toBe(read('README.md'));
    expect(read('README.md')).toContain('| `redis-512-in-flight` |');
    const guide = read('docs/guides/algorithms.md');
    expect(guideWith(guide, keptReports())).toBe(guide);
    expect(guide).toMatch(/`fixed-window`, 10 × the limit \| .* % \|\n/);
  });
});

describe('a contest of several facets', () => {
  const contest: Contest = {
    name: 'kill',
    unit: '',
    better: 'lower',
    reference: 'another',
    aim: null,
    about: '',
    facets: [
      { name: 'p99', unit: 'us', better: 'lower' },
      { name: 'rate', unit: 'decisions/s', better: 'higher' },
    ],
    open: async () => ({
      ours: async () => ({ p99: 10, rate: 300 }),
      theirs: async () => ({ p99: 30, rate: 100 }),
      close: () => Promise.resolve(),
    }),
  };

  it('gives one result for each, named after both', async () => {
    const results = await play(contest, 1, { roundMs: 1, redisUrl: '', kafkaUrl: '', keepFolder: '' });
    const reference = 'another';
    expect(results).toEqual([
      { name: 'kill-p99', unit: 'us', value: 10, reference, referenceValue: 30, ratio: 3 },
      { name: 'kill-rate', unit: 'decisions/s', value: 300, reference, referenceValue: 100, ratio: 3 },
    ]);
    expect(results.map((result) => contestOf(result, [contest]))).toEqual([contest, contest]);
  });
});

describe('the measure', () => {
  it('is above 1 when ours is better, whichever way the unit counts', () => {
    expect(ratioOf('higher', 300, 100)).toBe(3);
    expect(ratioOf('lower', 100, 300)).toBe(3);
  });

  it('takes the middle of the rounds, so that one disturbed round changes nothing', () => {
    expect(median([10, 900, 11])).toBe(11);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});
