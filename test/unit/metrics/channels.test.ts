import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished } from 'vitest';
import { channels, countersLost, decisionTaken, policiesLoaded } from '../../../src/metrics/channels.ts';
import type { ObservedDecision } from '../../../src/metrics/observed.ts';

const facts = { method: 'GET', tenant: 'acme', latencyUs: 7, early: null };
const decision: ObservedDecision = { outcome: 'allowed', source: 'store', degraded: null, deciding: null };
const degraded: ObservedDecision = { ...decision, source: 'fallback', degraded: 'timeout' };

const heardOn = (name: string): unknown[] => {
  const heard: unknown[] = [];
  const listener = (message: unknown) => void heard.push(message);
  subscribe(name, listener);
  onTestFinished(() => void unsubscribe(name, listener));
  return heard;
};

describe('the diagnostics channels', () => {
  it('tell whoever listens of each decision, the decision itself and what it does not say', () => {
    const heard = heardOn('tidegate:decision');
    decisionTaken(decision, facts);
    decisionTaken(degraded, facts);
    expect(heard).toEqual([
      { decision, ...facts },
      { decision: degraded, ...facts },
    ]);
  });

  it('tell of degraded decisions apart, so that nobody has to sift all of them', () => {
    const heard = heardOn('tidegate:degraded');
    decisionTaken(decision, facts);
    decisionTaken(degraded, facts);
    expect(heard).toEqual([{ decision: degraded, ...facts }]);
  });

  it('tell of policy sets that come into force', () => {
    const heard = heardOn('tidegate:policies');
    policiesLoaded({ version: '0123456789ab', policies: [] });
    expect(heard).toEqual([{ version: '0123456789ab', policies: [] }]);
  });

  it('tell of counters that the store has lost', () => {
    const heard = heardOn('tidegate:counters-lost');
    const loss = { kind: 'flushed', expectedBeats: 12, foundBeats: 1 };
    countersLost(loss);
    expect(heard).toEqual([loss]);
  });

  it('make no message while nobody listens', () => {
    const untouchable = new Proxy(facts, {
      get: () => {
        throw new Error('read');
      },
      ownKeys: () => {
        throw new Error('spread');
      },
    });
    expect(() => decisionTaken(degraded, untouchable)).not.toThrow();
    heardOn('tidegate:degraded');
    expect(() => decisionTaken(degraded, untouchable)).toThrow('spread');
  });

  it('have the names of the table', () => {
    expect(Object.values(channels).map(({ name }) => name)).toEqual([
      'tidegate:decision',
      'tidegate:degraded',
      'tidegate:policies',
      'tidegate:counters-lost',
    ]);
  });
});
