import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../src/decision/decision.ts';
import { policiesFrom } from '../../../src/policy/parse.ts';
import type { PolicySet, PolicySource } from '../../../src/policy/policy.ts';
import type { PolicyInput } from '../../../src/policy/schema.ts';
import { recordingGate } from '../../support/recording-gate.ts';

const setOf = (fields: Partial<PolicyInput>): PolicySet =>
  policiesFrom({ version: 1, policies: [{ name: 'a', limit: 10, window: '1m', ...fields }] });

/** A source whose policies are changed while the gate runs. */
const changing = (first: Partial<PolicyInput>) => {
  let current = setOf(first);
  const listeners = new Set<(next: PolicySet) => void>();
  const source: PolicySource = {
    current: () => current,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => listeners.clear(),
  };
  const change = (fields: Partial<PolicyInput>): void => {
    current = setOf(fields);
    for (const listener of listeners) listener(current);
  };
  return { source, change };
};

const open = (first: Partial<PolicyInput>) => {
  const { source, change } = changing(first);
  const { gate } = recordingGate('', { policies: source });
  const ask = (cost: number): Decision => {
    const clients = [{ kind: 'ip', id: '192.0.2.1' }] as const;
    const decision = gate.check({ clients, method: 'GET', path: '/', cost });
    if (decision instanceof Promise) throw new Error('counters in memory answer at once');
    return decision;
  };
  const remaining = (): number | undefined => ask(0).limits[0]?.remaining;
  return { change, ask, remaining };
};

describe('policies that change while a gate runs', () => {
  it.each(['sliding-window', 'fixed-window', 'concurrency'] as const)(
    'keep what a %s has counted, and count it against the new limit at once',
    (algorithm) => {
      const { change, ask, remaining } = open({ algorithm });
      expect(ask(6).outcome).toBe('allowed');
      change({ algorithm, limit: 20 });
      expect(remaining()).toBe(14);
      change({ algorithm, limit: 6 });
      expect(remaining()).toBe(0);
      expect(ask(1).outcome).toBe('denied');
      change({ algorithm, limit: 10 });
      expect(remaining()).toBe(4);
    },
  );

  it.each(['token-bucket', 'leaky-bucket'] as const)(
    'keep when a %s is whole again, within its new burst',
    (algorithm) => {
      const { change, ask, remaining } = open({ algorithm });
      expect(ask(6).outcome).toBe('allowed');
      change({ algorithm, burst: 8 });
      expect(remaining()).toBe(2);
      change({ algorithm, burst: 5 });
      expect(remaining()).toBe(0);
      expect(ask(1).outcome).toBe('denied');
    },
  );

  it('keep counters when what a policy is for, or how it is enforced, changes', () => {
    const { change, ask, remaining } = open({ mode: 'shadow' });
    ask(6);
    change({ mode: 'enforce', match: { clientKinds: ['ip'] }, onStoreFailure: 'deny', group: 'g', priority: 3 });
    expect(remaining()).toBe(4);
  });

  it.each([{ name: 'b' }, { scope: ['tenant'] }, { algorithm: 'fixed-window' }] as const)(
    'count anew where they are another limit: %o',
    (fields) => {
      const { change, ask, remaining } = open({});
      ask(6);
      change({ ...fields, scope: 'scope' in fields ? [...fields.scope] : ['client'] });
      expect(remaining()).toBe(10);
      change({});
      expect(remaining()).toBe(4);
    },
  );
});
