import { describe, expect, it } from 'vitest';
import { type EndFlags, type EndTerms, endOf } from '../../../src/cli/list-session.ts';
import {
  agoText,
  bytesText,
  countText,
  plainText,
  spanText,
  sparedText,
  untilText,
} from '../../../src/cli/time-text.ts';

const nowMs = Date.parse('2026-03-01T09:30:00Z');
const hourMs = 3_600_000;

describe('when something ends', () => {
  it.each<[EndFlags, Partial<EndTerms>, number]>([
    [{ for: '2h' }, {}, nowMs + 2 * hourMs],
    [{ until: '2026-03-01T10:30:00Z' }, {}, nowMs + hourMs],
    [{ until: '2026-03-01T12:30:00+02:00' }, {}, nowMs + hourMs],
    [{}, { defaultMs: hourMs }, nowMs + hourMs],
  ])('%j is understood', (flags, terms, untilMs) => {
    expect(endOf(flags, { nowMs, ...terms })).toBe(untilMs);
  });

  it.each<[EndFlags, Partial<EndTerms>, RegExp]>([
    [{}, {}, /An end is missing/],
    [{ for: '2h', until: '2026-03-01T10:30:00Z' }, {}, /give one/],
    [{ for: '10' }, {}, /--for must be a duration/],
    [{ for: '500ms' }, {}, /at least 1s/],
    [{ for: '400d' }, {}, /within 366 days/],
    [{ for: '25h' }, { maxMs: 24 * hourMs }, /within 24 hours/],
    [{ until: '2026-03-01T09:30:00Z' }, {}, /is over/],
    [{ until: '2026-03-01T10:30:00' }, {}, /with its zone/],
    [{ until: 'tomorrow' }, {}, /with its zone/],
    [{ until: '2026-13-01T10:30:00Z' }, {}, /with its zone/],
  ])('%j is refused', (flags, terms, message) => {
    expect(() => endOf(flags, { nowMs, ...terms })).toThrow(message);
  });
});

describe('what is said to people', () => {
  it.each([
    [400, 'under 1 s'],
    [3000, '3 s'],
    [12 * 60_000 + 4000, '12 min'],
    [hourMs + 4 * 60_000, '1 h 4 min'],
    [2 * 24 * hourMs + 5 * hourMs, '2 d 5 h'],
    [30 * 24 * hourMs + hourMs, '30 d'],
  ])('%i ms are %s', (spanMs, text) => {
    expect(spanText(spanMs)).toBe(text);
  });

  it('names instants, counts and bytes as a person would', () => {
    expect(untilText(nowMs + hourMs, nowMs)).toBe('2026-03-01T10:30:00Z (in 1 h)');
    expect(agoText(nowMs - 3000, nowMs)).toBe('3 s ago');
    expect([1, 4210].map((count) => countText(count, 'entry', 'entries'))).toEqual(['1 entry', '4,210 entries']);
    expect([812, 1_200_000].map(bytesText)).toEqual(['812 bytes', '1.2 MB']);
    expect([0, 2000].map((bytes) => sparedText(2, bytes))).toEqual([
      '2 commands to the counter store',
      '2 commands to the counter store, 2.0 kB',
    ]);
  });

  it('lets nobody who wrote a note or an id write to the terminal', () => {
    expect(plainText('a\u001b[31m\nb\u2028c')).toBe('a [31m b c');
    expect(plainText('bob\u202eecila\u2066')).toBe('bob\ufffdecila\ufffd');
  });
});
