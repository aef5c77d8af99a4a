import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baselineOf, type Minute, type MinuteSeries, windowOf } from '../../../../src/alert/spike/baseline.ts';
import { causeOf } from '../../../../src/alert/spike/cause.ts';
import {
  aboveThird,
  alarmRate,
  distance,
  type Judgement,
  judgeSpike,
  leastDenied,
} from '../../../../src/alert/spike/spike.ts';
import { type FoundRow, toldSpikes } from '../../../../src/alert/told-once.ts';

const now = 100_000;

/** The same in every minute, but for the newest ones. */
const steady =
  (usual: Minute, newest: Readonly<Record<number, Minute>> = {}, from = now - 130): MinuteSeries =>
  (minute) =>
    newest[minute - now] ?? (minute >= from && minute <= now ? usual : undefined);

const evenly = (denied: number, clients: number): number[] =>
  Array.from({ length: clients }, (_, client) => Math.floor((denied + client) / clients));

const judge = (series: MinuteSeries, clients: number | readonly number[] = 40): Judgement => {
  const three = windowOf(series, now, 3);
  const deniedByClient = typeof clients === 'number' ? evenly(three.denied, clients) : clients;
  return judgeSpike({ two: windowOf(series, now, 2), three, deniedByClient }, baselineOf(series, now));
};

const usual = { decided: 1000, denied: 50 };
const threefold = { decided: 1000, denied: 150 };

const minutes = fc
  .record({ decided: fc.integer({ min: 1, max: 100_000 }), share: fc.double({ min: 0, max: 1, noNaN: true }) })
  .map(({ decided, share }) => ({ decided, denied: Math.floor(decided * share) }));

describe('a spike of denials', () => {
  it('is three times the usual share, from the second minute on', () => {
    expect(judge(steady(usual, { 0: threefold, [-1]: threefold })).isSpike).toBe(true);
    expect(judge(steady(usual)).isSpike).toBe(false);
  });

  it('is less far above the usual than plain deviations say, the more so the rarer its denials are', () => {
    // Nine plain deviations, and 5.7.
    expect(distance(0.1, 0.01, 0.01)).toBeCloseTo(5.46, 2);
    expect(distance(0.03, 0.01, 0.0035)).toBeCloseTo(4.63, 2);
    // Close to the usual it is a number of spreads.
    expect(distance(0.0101, 0.01, 0.0001)).toBeCloseTo(1, 2);
    expect(distance(0.01, 0.01, 0.001)).toBe(0);
  });

  it('is never an even share, whatever it is and however much there is to decide', () => {
    fc.assert(
      fc.property(minutes, fc.integer({ min: 1, max: 1000 }), (minute, clients) => {
        const { isSpike, z } = judge(steady(minute), clients);
        expect(isSpike).toBe(false);
        expect(z).toBeLessThan(1);
      }),
      { numRuns: 200 },
    );
  });

  it('is no change of traffic: twice or a tenth of the requests at the same share are none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.constantFrom(0.1, 2, 20), (percent, times) => {
        const [before, after] = [10_000, 10_000 * times].map((decided) => ({
          decided,
          denied: (decided * percent) / 100,
        }));
        if (!before || !after) return;
        expect(judge(steady(before, { 0: after, [-1]: after, [-2]: after })).isSpike).toBe(false);
      }),
    );
  });

  it('is further from the usual the more is denied', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 1, max: 90 }), (denied, more) => {
        const at = (count: number) => ({ decided: 1000, denied: count });
        const of = (count: number): Judgement =>
          judge(steady(usual, { 0: at(count), [-1]: at(count), [-2]: at(count) }), Array(1000).fill(1));
        const [less, greater] = [of(denied), of(denied + more)];
        expect(greater.z).toBeGreaterThan(less.z);
        expect(greater.isSpike || !less.isSpike).toBe(true);
      }),
    );
  });

  it('does not depend on the day, or on the order of clients', () => {
    const series = steady(usual, { 0: threefold, [-1]: threefold });
    fc.assert(
      fc.property(fc.integer({ min: -5000, max: 5000 }), fc.array(fc.nat(100), { maxLength: 20 }), (days, clients) => {
        const later: MinuteSeries = (minute) => series(minute - days * 1440);
        const at = now + days * 1440;
        const three = windowOf(later, at, 3);
        const newest = { two: windowOf(later, at, 2), three, deniedByClient: [...clients].reverse() };
        expect(judgeSpike(newest, baselineOf(later, at))).toEqual(judge(series, clients));
      }),
    );
  });

  it('takes at least 30 denials', () => {
    const small = (denied: number): MinuteSeries =>
      steady({ decided: 100, denied: 0 }, { 0: { decided: 100, denied } });
    expect(judge(small(leastDenied - 1)).isSpike).toBe(false);
    expect(judge(small(leastDenied)).isSpike).toBe(true);
  });

  it('takes three clients: one or two are none, however many denials they get', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 1_000_000 }), fc.constantFrom(1, 2), (denied, clients) => {
        const hammered = { decided: denied + 1000, denied };
        expect(judge(steady({ decided: 1000, denied: 0 }, { 0: hammered }), clients).isSpike).toBe(false);
        expect(judge(steady({ decided: 1000, denied: 0 }, { 0: hammered }), 3).isSpike).toBe(true);
      }),
    );
    expect(aboveThird([100, 7, 50, 7])).toBe(136);
  });

  it('is found in a minute that has only begun', () => {
    const begun = { decided: 300, denied: 45 };
    expect(judge(steady(usual, { 0: begun, [-1]: threefold })).isSpike).toBe(true);
    expect(judge(steady(usual, { 0: { decided: 10, denied: 1 } })).isSpike).toBe(false);
  });

  it('is none at the time at which as much was denied yesterday or a week ago, a minute earlier or later', () => {
    for (const ago of [1440, 10_080]) {
      for (const shift of [-1, 0, 1]) {
        const series: MinuteSeries = (minute) => {
          const since = minute - (now - ago + shift);
          if (Math.abs(since) <= 10) return since >= -1 && since <= 1 ? threefold : usual;
          return steady(usual, { 0: threefold, [-1]: threefold })(minute);
        };
        expect(judge(series).isSpike).toBe(false);
      }
    }
  });

  it('is judged from a quarter of an hour on, or by yesterday alone', () => {
    const young = (from: number): MinuteSeries => steady(usual, { 0: threefold, [-1]: threefold }, from);
    expect(judge(young(now - 20))).toMatchObject({ isSpike: false, z: 0 });
    expect(judge(young(now - 26)).isSpike).toBe(true);
    const onlyYesterday: MinuteSeries = (minute) =>
      Math.abs(minute - (now - 1440)) < 10 ? usual : young(now - 2)(minute);
    expect(judge(onlyYesterday).isSpike).toBe(true);
  });

  it('is not hidden by a hole in the data, nor made of one', () => {
    const holed =
      (series: MinuteSeries): MinuteSeries =>
      (minute) =>
        minute > now - 60 && minute < now - 1 ? undefined : series(minute);
    expect(judge(holed(steady(usual))).isSpike).toBe(false);
    expect(judge(holed(steady(usual, { 0: threefold, [-1]: threefold }))).isSpike).toBe(true);
  });

  it('counts from where half of the rest is denied where the usual share is high', () => {
    expect(alarmRate(0.05)).toBeCloseTo(0.11);
    expect(alarmRate(0.6)).toBe(0.8);
    const high = { decided: 1000, denied: 600 };
    expect(
      judge(steady(high, { 0: { decided: 1000, denied: 900 }, [-1]: { decided: 1000, denied: 900 } })).isSpike,
    ).toBe(true);
  });
});

describe('the cause of a spike', () => {
  const none = { degradedDenialShare: 0, tightenedPolicies: 0, topClientShare: 0, earlyShare: 0 };

  it.each([
    [{ ...none, degradedDenialShare: 0.9, tightenedPolicies: 1, topClientShare: 0.9, earlyShare: 1 }, 'store-fault'],
    [{ ...none, tightenedPolicies: 1, topClientShare: 0.9, earlyShare: 1 }, 'policy-change'],
    [{ ...none, topClientShare: 0.9, earlyShare: 1 }, 'one-client'],
    [{ ...none, earlyShare: 0.6 }, 'retry-storm'],
    [none, 'real-demand'],
  ])('of %j is %s: what would bring the others about comes first', (numbers, cause) => {
    expect(causeOf(numbers)).toBe(cause);
  });
});

describe('one incident', () => {
  const row = (name: string, excess: number, decided = 1000): FoundRow => {
    const [dimension, value = ''] = name.split(' ') as [FoundRow['dimension'], string?];
    return { dimension, value, isFiring: true, excess, decided };
  };
  const told = (rows: readonly FoundRow[]): string[] =>
    toldSpikes(rows).map(({ dimension, value }) => `${dimension} ${value}`);

  it('that a tenant explains is told of the tenant, once', () => {
    const all = { ...row('all', 1000, 100_000) };
    const twins = [row('tenant acme', 980, 3000), row('route /a', 900, 20_000), row('region eu', 1000, 60_000)];
    expect(told([all, ...twins])).toEqual(['tenant acme']);
    expect(told([{ ...all, isFiring: false }, ...twins])).toEqual(['tenant acme']);
  });

  it('that is everywhere is told once, of all', () => {
    const tenants = Array.from({ length: 90 }, (_, index) => row(`tenant t${index}`, 11, 1100));
    expect(told([row('all', 1000, 100_000), ...tenants, row('region eu', 600, 60_000)])).toEqual(['all ']);
  });

  it('does not hide another one of its size elsewhere', () => {
    const rows = [row('tenant acme', 100), row('route /a', 90), row('route /b', 400)];
    expect(told(rows)).toEqual(['tenant acme', 'route /b']);
  });
});
