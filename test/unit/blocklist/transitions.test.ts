import { describe, expect, it } from 'vitest';
import { type Block, blockStates } from '../../../src/blocklist/block.ts';
import { blockAt, blockTransitions, canBecome, isEnforced } from '../../../src/blocklist/transitions.ts';

const blockIn = (state: Block['state']): Block => ({
  id: 'b-1',
  state,
  version: 3,
  subject: { kind: 'ip', id: '203.0.113.9' },
  action: { kind: 'refuse' },
  origin: 'detector',
  owner: '',
  tenant: '',
  rule: 'depth',
  ruleHash: 'abc',
  verdictId: '1',
  blockedAtMs: 1000,
  expiresAtMs: 2000,
  strikes: 1,
  evidence: {
    denied: 1,
    allowed: 0,
    early: null,
    members: null,
    collateral: null,
    windows: { hit: 1, weight: 1, needed: 1, of: 1, windowMs: 1000 },
    distinctRoutes: 1,
    routes: [],
    policies: [],
    firstSeenAtMs: 0,
    lastSeenAtMs: 0,
    log: { partition: 0, fromOffset: 0, toOffset: 0, marks: null },
  },
  reason: '',
  actor: 'detector',
  assignee: '',
  label: null,
});

describe('the states of a block', () => {
  it('never come back from an end', () => {
    for (const end of ['lifted', 'expired', 'superseded'] as const) expect(blockTransitions[end]).toEqual([]);
  });

  it('let people end every open block, and time as well', () => {
    const open = blockStates.filter((state) => blockTransitions[state].length > 0);
    expect(open).toEqual(['proposed', 'active', 'confirmed']);
    for (const state of open) {
      expect(canBecome(state, 'lifted')).toBe(true);
      expect(canBecome(state, 'expired')).toBe(true);
    }
  });

  it('never lead back to a proposal, and to confirmed from active alone', () => {
    for (const state of blockStates) {
      expect(canBecome(state, 'proposed')).toBe(false);
      expect(canBecome(state, 'confirmed')).toBe(state === 'active');
    }
  });

  it('are enforced when active or confirmed', () => {
    expect(blockStates.filter(isEnforced)).toEqual(['active', 'confirmed']);
  });

  it.each(['proposed', 'active', 'confirmed'] as const)('read %s as expired, in a new version, at its end', (state) => {
    expect(blockAt(blockIn(state), 1999)).toEqual(blockIn(state));
    expect(blockAt(blockIn(state), 2000)).toEqual({ ...blockIn(state), state: 'expired', version: 4 });
  });

  it('leave a lifted block lifted at its end', () => {
    expect(blockAt(blockIn('lifted'), 2000)).toEqual(blockIn('lifted'));
  });
});
