import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BurnRow, dimensionOrder, type ToldDimension, toldBurns } from '../../../src/alert/told-once.ts';
import { type BurnCell, burnPlay, burnRowsOf } from '../../support/burn-plays.ts';

const objective = 0.05;
const found = (cells: readonly BurnCell[]): BurnRow[] => burnRowsOf(cells, 'throttle-burn-fast', objective);
const toldOf = (cells: readonly BurnCell[]): string[] =>
  toldBurns(found(cells), objective).map(({ dimension, value }) => `${dimension} ${value}`.trim());
const burning = (rows: readonly BurnRow[]): BurnRow[] => rows.filter(({ burns }) => burns.includes(true));
const rank = (dimension: ToldDimension): number => dimensionOrder.indexOf(dimension);

/** The same at all four times. */
const cellOf = (names: string, decided: number, denied: number): BurnCell => {
  const [tenant = '', route = '', policy = '', region = ''] = names.split(' ');
  return { tenant, route, policy, region, times: Array.from({ length: 4 }, () => ({ decided, denied })) };
};

/** A few percent more or less of everything. */
const wavering = (cells: readonly BurnCell[], by: readonly number[]): BurnCell[] =>
  cells.map((cell, index) => ({
    ...cell,
    times: cell.times.map(({ decided, denied }) => {
      const times = 1 + ((by[index % by.length] ?? 0) - 50) / 1000;
      return { decided: Math.round(decided * times), denied: Math.min(decided, Math.round(denied * times)) };
    }),
  }));

describe('a burn of denials', () => {
  it('is told exactly when something burns, whatever order it is found in', () => {
    fc.assert(
      fc.property(burnPlay, (cells) => {
        const rows = found(cells);
        const told = toldBurns(rows, objective);
        expect(told.length > 0).toBe(burning(rows).length > 0);
        expect(told.filter((row) => !burning(rows).includes(row))).toEqual([]);
        expect(new Set(toldBurns([...rows].reverse(), objective))).toEqual(new Set(told));
      }),
      { numRuns: 500 },
    );
  });

  it('of all decisions is told in one dimension, and with all of its values that burn', () => {
    fc.assert(
      fc.property(burnPlay, (cells) => {
        const rows = found(cells);
        if (!burning(rows).some(({ dimension }) => dimension === 'all')) return;
        const told = toldBurns(rows, objective);
        const dimensions = new Set(told.map(({ dimension }) => dimension));
        expect(dimensions.size).toBe(1);
        expect(told).toEqual(burning(rows).filter(({ dimension }) => dimensions.has(dimension)));
      }),
      { numRuns: 500 },
    );
  });

  it('of some values hides none that has more or fewer denials than each of an earlier dimension', () => {
    fc.assert(
      fc.property(burnPlay, (cells) => {
        const rows = burning(found(cells));
        if (rows.some(({ dimension }) => dimension === 'all')) return;
        const told = toldBurns(rows, objective);
        const window = rows.some(({ burns }) => burns[0]) ? 0 : 1;
        const excess = ({ counts }: BurnRow): number => counts[window].denied - objective * counts[window].decided;
        for (const row of rows.filter((one) => !told.includes(one))) {
          const earlier = rows.filter(({ dimension }) => rank(dimension) < rank(row.dimension)).map(excess);
          expect(earlier.some((other) => Math.abs(other / excess(row) - 1) < 0.25)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  const rest = [cellOf('t1 /b p1 r1', 400, 8), cellOf('t2 /c p2 r2', 300, 6), cellOf('t3 /a p0 r0', 200, 4)];

  it.each([
    ['one tenant', [cellOf('acme /a p0 r0', 3000, 2900), ...rest], 'tenant acme'],
    ['one tenant that is small', [cellOf('acme /a p0 r0', 300, 290), cellOf('t1 /b p1 r1', 30_000, 0)], 'tenant acme'],
    [
      'one tenant for the most part',
      [
        cellOf('acme /a p0 r0', 300, 290),
        ...['1', '2', '3', '4'].map((n) => cellOf(`t${n} /${n} p${n} r${n}`, 175, 40)),
      ],
      'tenant acme',
    ],
    [
      'one tenant on a route on which others have some',
      [
        ...[cellOf('acme /a p0 r0', 3000, 2900), cellOf('t2 /b p2 r2', 600, 70)],
        ...['4', '5', '6'].map((n) => cellOf(`t${n} /a p${n} r${n}`, 110, 26)),
      ],
      'tenant acme',
    ],
    [
      'two tenants among others',
      [
        ...['acme /a p0 r0', 'umbrella /b p1 r1'].map((names) => cellOf(names, 300, 290)),
        ...['1', '2', '3', '4'].map((n) => cellOf(`t${n} /${n} q${n} s${n}`, 150, 3)),
      ],
      'all',
    ],
    [
      'one route',
      ['t1', 't2', 't3'].flatMap((tenant) => [
        cellOf(`${tenant} /a p0 r0`, 1000, 990),
        cellOf(`${tenant} /b p0 r0`, 500, 5),
      ]),
      'route /a',
    ],
    [
      'one policy of many routes',
      ['1', '2', '3', '4'].flatMap((name) => [
        cellOf(`t${name} /${name} p0 r0`, 1000, 950),
        cellOf(`t${name} /${name} p1 r0`, 200, 2),
      ]),
      'policy p0',
    ],
    [
      'one region',
      ['1', '2', '3', '4'].flatMap((name) => [
        cellOf(`t${name} /${name} p${name} eu`, 1000, 950),
        cellOf(`t${name} /${name} p${name} us`, 200, 2),
      ]),
      'region eu',
    ],
    ['everything', ['1', '2', '3', '4'].map((name) => cellOf(`t${name} /${name} p${name} r${name}`, 500, 450)), 'all'],
  ])('that is of %s is told of it, once, and of the same while counts waver', (_, cells, teller) => {
    expect(toldOf(cells)).toEqual([teller]);
    fc.assert(
      fc.property(fc.array(fc.nat(100), { minLength: 8, maxLength: 8 }), (by) => {
        expect(toldOf(wavering(cells, by))).toEqual([teller]);
      }),
    );
  });

  it('of two that have nothing to do with each other is told twice', () => {
    const quiet = cellOf('quiet /quiet quiet quiet', 100_000, 0);
    const cells = [cellOf('acme /a p0 r0', 400, 390), cellOf('umbrella /b p1 r1', 2000, 1900), quiet];
    expect(toldOf(cells).sort()).toEqual(['tenant acme', 'tenant umbrella']);
  });

  it('keeps its teller from its beginning in a value until all decisions burn, and after', () => {
    const told = [0, 100, 200, 400, 800, 1600, 3000].map((denied) =>
      toldOf([cellOf('acme /a p0 r0', 3000, denied), ...rest]).join(),
    );
    expect([...new Set(told)]).toEqual(['', 'tenant acme']);
  });
});
