import { describe, expect, it } from 'vitest';
import {
  bytes,
  compact,
  duration,
  instant,
  number,
  plural,
  relative,
  share,
  term,
} from '../../../src/console/app/format.ts';

describe('what the console shows', () => {
  it('is a dash for what is unknown, never zero', () => {
    expect([number(null), compact(undefined), share(null), duration(null), bytes(null), instant(null, 0)]).toEqual(
      Array.from({ length: 6 }, () => '—'),
    );
    expect([share(Number.NaN), duration(Number.POSITIVE_INFINITY), instant('nonsense', 0)]).toEqual(['—', '—', '—']);
  });

  it.each([
    [0, '0 %'],
    [0.0001, '< 0.1 %'],
    [0.1234, '12.3 %'],
    [0.9991, '99.9 %'],
    [1, '100 %'],
  ])('writes the share %s as %s', (value, text) => {
    expect(share(value)).toBe(text);
  });

  it.each([
    [250, '250 ms'],
    [4200, '4.2 s'],
    [60_000, '60 s'],
    [720_000, '12 min'],
    [12_600_000, '3.5 h'],
    [777_600_000, '9 d'],
  ])('writes %s ms as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it('writes what somebody chose as he would', () => {
    expect([60_000, 90_000, 3_600_000, 604_800_000, 1500].map(term)).toEqual(['1 min', '90 s', '1 h', '7 d', '1.5 s']);
  });

  it('names the day of an instant that is not of today', () => {
    const now = new Date(2026, 4, 5, 12, 0, 0).getTime();
    expect(instant(new Date(2026, 4, 5, 9, 7, 3).getTime(), now)).toBe('09:07:03');
    expect(instant(new Date(2026, 4, 4, 9, 7, 3).getTime(), now)).toBe('May 4, 09:07:03');
    expect(instant(new Date(2025, 4, 4, 9, 7, 3).getTime(), now)).toBe('May 4, 2025, 09:07:03');
  });

  it('says how long ago in whole seconds, so that it does not flicker', () => {
    expect(relative(1000, 47_300)).toBe('46 s ago');
    expect(relative(7_201_000, 1000)).toBe('in 2 h');
    expect(relative(1000, 1500)).toBe('now');
  });

  it('counts in words', () => {
    expect([plural(1, 'entry', 'entries'), plural(2000, 'entry', 'entries')]).toEqual(['1 entry', '2,000 entries']);
    expect([bytes(900), bytes(1_500_000)]).toEqual(['900 bytes', '1.5 MB']);
  });
});
