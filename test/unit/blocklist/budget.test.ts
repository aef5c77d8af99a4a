import { describe, expect, it } from 'vitest';
import { promotionModes } from '../../../src/blocklist/block-promoter.ts';
import {
  type BlockStart,
  breakerAt,
  breakerOf,
  budgetAnswer,
  budgetWindowMs,
  cappedMode,
  trafficOf,
} from '../../../src/blocklist/budget.ts';

const nowMs = 1_750_000_000_000;
const minuteMs = 60_000;
const startsAt = (...agoMs: number[]): BlockStart[] =>
  agoMs.map((ago) => ({ atMs: nowMs - ago, clients: 1, requests: 10 }));

const question = {
  budget: { blocksPerHour: 2, blocksPerMinute: 10, requestShare: 0, clientShare: 0 },
  starts: startsAt(),
  breaker: null,
  candidate: { clients: 1, requests: 10 },
  traffic: { allowed: 0, clients: 0 },
  nowMs,
};
const share = { ...question.budget, requestShare: 0.1, clientShare: 0.1 };

describe('budgetAnswer', () => {
  it('leaves the floor to sites of any size, and nothing beyond it without traffic', () => {
    expect(budgetAnswer({ ...question, starts: startsAt(minuteMs) })).toBe('within');
    expect(budgetAnswer({ ...question, starts: startsAt(minuteMs, minuteMs) })).toBe('over');
    expect(budgetAnswer({ ...question, budget: share, starts: startsAt(minuteMs, minuteMs) })).toBe('over');
  });

  it('asks both shares beyond the floor, the candidate included, up to and including the share itself', () => {
    const starts = startsAt(minuteMs, minuteMs);
    const ask = (clients: number, allowed: number) =>
      budgetAnswer({ ...question, budget: share, starts, traffic: { clients, allowed } });
    expect(ask(30, 300)).toBe('within');
    expect(ask(29, 300)).toBe('over');
    expect(ask(30, 299)).toBe('over');
  });

  it('forgets what is an hour old, and what is a minute old for the minute', () => {
    expect(budgetAnswer({ ...question, starts: startsAt(budgetWindowMs, minuteMs) })).toBe('within');
    expect(budgetAnswer({ ...question, starts: startsAt(budgetWindowMs - 1, minuteMs) })).toBe('over');
    const budget = { ...question.budget, blocksPerMinute: 1 };
    expect(budgetAnswer({ ...question, budget, starts: startsAt(minuteMs) })).toBe('within');
    expect(budgetAnswer({ ...question, budget, starts: startsAt(minuteMs - 1) })).toBe('over');
  });

  it('says nothing but open of an open breaker, and counts from its reset of a half-open one', () => {
    const breaker = { sinceMs: nowMs - 1000, reason: '' };
    const starts = startsAt(minuteMs, 1000, 999);
    expect(budgetAnswer({ ...question, starts, breaker: { ...breaker, state: 'open' } })).toBe('open');
    expect(budgetAnswer({ ...question, starts, breaker: { ...breaker, state: 'half-open' } })).toBe('within');
    const again = startsAt(999, 1);
    expect(budgetAnswer({ ...question, starts: again, breaker: { ...breaker, state: 'half-open' } })).toBe('over');
  });
});

describe('breakers', () => {
  it('stay open until somebody comes, and close by themselves an hour after', () => {
    const open = { state: 'open', sinceMs: nowMs, reason: 'r' } as const;
    const half = { ...open, state: 'half-open' } as const;
    expect(breakerAt(undefined, nowMs)).toBeNull();
    expect(breakerAt(open, nowMs + 100 * budgetWindowMs)).toBe(open);
    expect(breakerAt(half, nowMs + budgetWindowMs - 1)).toBe(half);
    expect(breakerAt(half, nowMs + budgetWindowMs)).toBeNull();
  });

  it('show what the last hour came to', () => {
    const starts = startsAt(budgetWindowMs, minuteMs, 0);
    const spent = { blocks: 2, clients: 2, requests: 20 };
    expect(breakerOf('r', { stored: null, starts, nowMs })).toEqual({
      rule: 'r',
      state: 'closed',
      sinceMs: 0,
      reason: '',
      ...spent,
    });
  });
});

describe('trafficOf', () => {
  it('adds requests up over an hour and clients over partitions only: minutes overlap in them', () => {
    const note = (partition: number, agoMs: number, clients: number) => ({
      partition,
      windowStartMs: nowMs - agoMs,
      allowed: 100,
      clients,
    });
    const notes = [note(0, 2 * minuteMs, 7), note(0, minuteMs, 5), note(1, minuteMs, 4), note(1, budgetWindowMs, 99)];
    expect(trafficOf(notes, nowMs)).toEqual({ allowed: 300, clients: 11 });
  });
});

describe('cappedMode', () => {
  it('is the lesser of the two', () => {
    for (const mode of promotionModes) {
      expect(cappedMode(mode, null)).toBe(mode);
      for (const cap of promotionModes) {
        const least = Math.min(promotionModes.indexOf(mode), promotionModes.indexOf(cap));
        expect(cappedMode(mode, cap)).toBe(promotionModes[least]);
      }
    }
  });
});
