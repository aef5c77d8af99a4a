import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decisionSources, outcomes } from '../../../src/decision/decision.ts';
import { type DecisionEvent, wireNames } from '../../../src/event/decision-event.ts';
import { decodeEvent, encodeEvent } from '../../../src/event/event-codec.ts';
import { decodeOldEvent } from '../../fixtures/decoder-before-candidates.ts';
import { decisionEvent } from '../../support/decision-frames.ts';

const linesOf = (name: string): string[] =>
  readFileSync(new URL(`../../fixtures/${name}.ndjson`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');

/** The fields as the wire names them. */
const wired = (event: DecisionEvent): Record<string, unknown> =>
  Object.fromEntries(Object.entries(wireNames).map(([field, name]) => [name, event[field as keyof DecisionEvent]]));

describe('lines that were written by an earlier release', () => {
  it.each(linesOf('decisions-2026-11'))('are written the same today: %s', (line) => {
    expect(encodeEvent(decodeEvent(line))).toBe(line);
  });

  it.each(linesOf('decisions-before-candidates'))('are read although they lack what came later: %s', (line) => {
    const { candidate_outcome: candidate, compensated, ...rest } = wired(decodeEvent(line));
    expect(rest).toEqual(JSON.parse(line));
    expect([candidate, compensated]).toEqual(['', 0]);
  });
});

describe('a consumer of an earlier release', () => {
  const knownThen = decisionSources.filter((source) => source !== 'switched-off');

  it('reads its own lines', () => {
    for (const line of linesOf('decisions-before-candidates')) expect(decodeOldEvent(line)).toEqual(JSON.parse(line));
  });

  it('refuses a row that says that limits were switched off, which would have been evidence of nothing', () => {
    const line = encodeEvent(decisionEvent({ outcome: 'allowed', source: 'switched-off' }));
    expect(() => decodeOldEvent(line)).toThrow('source');
    expect(decodeEvent(line)).toMatchObject({ outcome: 'allowed', source: 'switched-off' });
  });

  it('reads every other event of today, and all that it knows of it', () => {
    const event = fc.record({
      client: fc.string({ unit: 'binary' }),
      outcome: fc.constantFrom(...outcomes),
      source: fc.constantFrom(...knownThen),
      shadowDenied: fc.array(fc.string(), { maxLength: 3 }),
      candidateOutcome: fc.constantFrom('', 'allowed', 'denied') as fc.Arbitrary<DecisionEvent['candidateOutcome']>,
      compensated: fc.constantFrom(0, 1) as fc.Arbitrary<0 | 1>,
      early: fc.option(fc.nat(), { nil: null }),
      count: fc.integer({ min: 1, max: 2 ** 40 }),
    });
    fc.assert(
      fc.property(event, (facts) => {
        const today = decisionEvent(facts);
        expect(wired(today)).toMatchObject(decodeOldEvent(encodeEvent(today)));
      }),
    );
  });
});

describe('an event of a later release', () => {
  it('is read without the fields that are not known yet', () => {
    const line = encodeEvent(decisionEvent());
    const later = line.replace('{', '{"added_later":{"deep":[1,"}"]},').replace(/\}$/, ',"and_later":null}');
    expect(decodeEvent(later)).toEqual(decodeEvent(line));
    expect(decodeOldEvent(later)).toEqual(decodeOldEvent(line));
  });
});
