import { describe, expect, it } from 'vitest';
import type { RuleJudgement } from '../../../src/blocklist/block-review.ts';
import type { Breaker, Switches } from '../../../src/blocklist/block-switches.ts';
import { listChecks } from '../../../src/cli/doctor-checks.ts';
import { RuleWatch } from '../../../src/cli/rule-watch.ts';
import { judgedOf, precisionText } from '../../../src/cli/rules/precision.ts';
import { ManualClock } from '../../../src/clock.ts';
import { precisionOf } from '../../../src/review/precision.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const nothingOff: Switches = { blocks: null, limits: null };
const breakerOf = (state: Breaker['state']): Breaker => ({
  ...{ rule: 'many-routes', state, sinceMs: 0, reason: 'over the budget' },
  ...{ blocks: 21, clients: 21, requests: 4 },
});

describe('what people found right', () => {
  it('is what was said of the content that the rule has now; of all contents where the file does not have it', () => {
    const of = (ruleHash: string, made: number): RuleJudgement => ({
      ...{ rule: 'many-routes', ruleHash, made, confirmed: 4, falsePositives: 2, goodwill: 1, lastLabelAtMs: null },
    });
    const judgements = [of('old', 9), of('now', 12), { ...of('now', 99), rule: 'another' }];
    expect(judgedOf(judgements, 'many-routes', 'now')).toEqual({
      ...{ confirmed: 4, falsePositives: 2, goodwill: 1, unjudged: 5 },
    });
    expect(judgedOf(judgements, 'many-routes', null)).toMatchObject({ confirmed: 8, unjudged: 7 });
    expect(judgedOf(judgements, 'many-routes', 'new')).toBeUndefined();
  });

  it('is marked where it lies below the floor of the rule, once enough was said', () => {
    const judged = { confirmed: 10, falsePositives: 10, goodwill: 0, unjudged: 0 };
    expect(precisionText(judged, { floor: 0.6, minLabels: 20 })).toMatch(/^50 % of 20 .*, BELOW 60 %$/);
    expect(precisionText(judged, { floor: 0.6, minLabels: 21 })).not.toMatch(/BELOW/);
    expect(precisionText(judged, null)).not.toMatch(/BELOW/);
  });

  it('has a range that is wide for few and narrow for many', () => {
    const of = (confirmed: number, falsePositives: number) => precisionOf({ confirmed, falsePositives });
    // Wilson's score interval, by hand.
    expect(of(9, 1)?.low).toBeCloseTo(0.5958, 3);
    expect(of(9, 1)?.high).toBeCloseTo(0.9821, 3);
    expect(of(900, 100)?.low).toBeGreaterThan(0.87);
    expect(of(5, 0)).toMatchObject({ share: 1, high: 1 });
    expect(of(0, 0)).toBeNull();
    expect(precisionText(undefined)).toBe('nobody judged');
  });
});

describe('the doctor', () => {
  it('warns of what is switched off and of rules over their budget, and of nothing that is over', () => {
    const off = { actor: 'anna', note: 'incident', untilMs: 2000 };
    const states = (checks: readonly { subject: string; state: string }[]) => checks.map(({ state }) => state);
    expect(states(listChecks({ ...nothingOff, limits: off }, [breakerOf('open')], 1000))).toEqual(['warn', 'warn']);
    expect(states(listChecks({ ...nothingOff, limits: off }, [breakerOf('half-open')], 3000))).toEqual(['ok', 'ok']);
  });
});

describe('the watch over switches and budgets', () => {
  it('says once what was switched off and which rule went over its budget, and keeps the last state it knew', async () => {
    const clock = new ManualClock();
    const logger = recordingLogger();
    const told = { switches: nothingOff, breakers: [breakerOf('closed')], isAway: false };
    const ask = async <T>(value: T): Promise<T> => {
      if (told.isAway) throw new Error('away');
      return value;
    };
    const blockList = { switches: () => ask(told.switches), breakers: () => ask(told.breakers) };
    const watch = new RuleWatch({ blockList, clock, logger });
    await watch.start();
    expect(watch.stats().switchedOff.map(({ isOff }) => isOff)).toEqual([false, false]);
    told.switches = { ...nothingOff, blocks: { actor: 'anna', note: 'incident', untilMs: clock.nowMs() + 60_000 } };
    told.breakers = [breakerOf('open')];
    for (const _ of [1, 2]) {
      clock.advance(15_000);
      await new Promise(setImmediate);
    }
    const messages = logger.lines.map(({ message }) => message);
    expect(messages.filter((message) => message.includes('switched off'))).toHaveLength(1);
    expect(messages.filter((message) => message.includes('over its budget'))).toHaveLength(1);
    told.isAway = true;
    clock.advance(60_000);
    await new Promise(setImmediate);
    expect(watch.stats()).toMatchObject({ switchedOff: [{ isOff: false }, {}], breakers: [{ state: 'open' }] });
    watch.stop();
  });
});
