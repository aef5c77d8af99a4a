import { describe, expect, it } from 'vitest';
import type { Block } from '../../../src/blocklist/block.ts';
import { listBlockOf, manualBlockOf } from '../../../src/blocklist/promotion.ts';
import type { BlockSubject } from '../../../src/client.ts';
import {
  allowOverstep,
  countOverstep,
  type Deed,
  deedOverstep,
  isInReach,
  makingOverstep,
  needsSecond,
  type Overstep,
} from '../../../src/review/authority.ts';
import { limitsOf, roleLimits } from '../../../src/review/limits.ts';
import { type Grant, grants, type Role } from '../../../src/review/roles.ts';
import { as, dayMs } from '../../support/review-stage.ts';

const nowMs = 1_750_000_000_000;
const ip: BlockSubject = { kind: 'ip', id: '203.0.113.9' };
const network = (id: string): BlockSubject => ({ kind: 'network', id });
const action = { kind: 'refuse' } as const;
const act = { actor: 'somebody', note: '' };

const blockOf = (subject: BlockSubject, lastsMs = dayMs): Block => ({
  ...manualBlockOf({ subject, action, untilMs: nowMs + lastsMs, ...act }, 'm-1', nowMs),
  actor: 'somebody',
});
const ofList: Block = listBlockOf({ list: 'bad', subjects: [], action, untilMs: nowMs + dayMs, ...act }, null, nowMs);

const deed = (block: Block, what: Deed) => (role: Grant) => deedOverstep(as(role), { block, deed: what, nowMs });
const making =
  (subject: BlockSubject, forMs: number, isAgreed = false) =>
  (role: Grant) =>
    makingOverstep(as(role), { subject, forMs, isAgreed });
const allowing = (subject: BlockSubject, forMs: number) => (role: Grant) => allowOverstep(as(role), { subject, forMs });
const counting = (count: number) => (role: Grant) => countOverstep(as(role), count);

const lift: Deed = { kind: 'lift' };
const extend = (forMs: number): Deed => ({ kind: 'extend', untilMs: nowMs + forMs });
const slow = { kind: 'limit', limit: 60, windowMs: 60_000 } as const;
const limit = { kind: 'change-action', action: slow } as const;
const refuse: Deed = { kind: 'change-action', action };
const limited = (lastsMs: number): Block => ({ ...blockOf(ip, lastsMs), action: slow });
const week = 7 * dayMs;
/** What clocks may differ by. */
const slackMs = 300_000;

/** Each limit at its edge and beyond it: the least role that may, or nobody. */
const decisions: readonly [string, (role: Grant) => Overstep | null, Role | null][] = [
  ['confirm', deed(blockOf(ip), { kind: 'confirm' }), 'reviewer'],
  ['confirm a wide network', deed(blockOf(network('10.0.0.0/8')), { kind: 'confirm' }), 'reviewer'],
  ['confirm a list', deed(ofList, { kind: 'confirm' }), 'reviewer'],
  ['comment', deed(blockOf(ip), { kind: 'comment' }), 'reviewer'],
  ['assign', deed(blockOf(ip), { kind: 'assign' }), 'reviewer'],
  ['lift', deed(blockOf(ip), lift), 'reviewer'],
  ['lift a /24', deed(blockOf(network('203.0.113.0/24')), lift), 'reviewer'],
  ['lift a /23', deed(blockOf(network('203.0.112.0/23')), lift), 'lead'],
  ['lift a /56', deed(blockOf(network('2001:db8::/56')), lift), 'reviewer'],
  ['lift a /55', deed(blockOf(network('2001:db8::/55')), lift), 'lead'],
  ['lift a list', deed(ofList, lift), 'lead'],
  ['lift for a week', deed(blockOf(ip), { kind: 'lift', tombstoneMs: week }), 'reviewer'],
  ['lift for longer', deed(blockOf(ip), { kind: 'lift', tombstoneMs: week + 1 }), 'lead'],
  ['lift for a year', deed(blockOf(ip), { kind: 'lift', tombstoneMs: 366 * dayMs }), 'lead'],
  ['extend by a week', deed(blockOf(ip), extend(week)), 'reviewer'],
  ['extend by more', deed(blockOf(ip), extend(week + slackMs + 1)), 'lead'],
  ['extend by 90 days', deed(blockOf(ip), extend(90 * dayMs)), 'lead'],
  ['extend by more than 90 days alone', deed(blockOf(ip), extend(90 * dayMs + slackMs + 1)), null],
  ['extend a wide network', deed(blockOf(network('10.0.0.0/8')), extend(dayMs)), 'lead'],
  ['activate a week', deed(blockOf(ip, week), { kind: 'activate' }), 'reviewer'],
  ['activate more', deed(blockOf(ip, week + slackMs + 1), { kind: 'activate' }), 'lead'],
  ['change the action', deed(blockOf(ip), limit), 'reviewer'],
  ['change the action of a wide network', deed(blockOf(network('10.0.0.0/8')), limit), 'lead'],
  ['refuse for a week whom a limit slows down', deed(limited(week), refuse), 'reviewer'],
  ['refuse for longer whom a limit slows down', deed(limited(week + slackMs + 1), refuse), 'lead'],
  ['refuse for more than 90 days whom a limit slows down', deed(limited(90 * dayMs + slackMs + 1), refuse), null],
  ['tighten a limit of a year', deed(limited(366 * dayMs), { ...limit, action: { ...slow, limit: 59 } }), null],
  ['stretch a limit of a year', deed(limited(366 * dayMs), { ...limit, action: { ...slow, windowMs: 61_000 } }), null],
  ['loosen a limit of a year', deed(limited(366 * dayMs), { ...limit, action: { ...slow, limit: 61 } }), 'reviewer'],
  ['slow down instead of refusing for a year', deed(blockOf(ip, 366 * dayMs), limit), 'reviewer'],
  ["undo another's", deed(blockOf(ip), { kind: 'undo' }), 'lead'],
  ['block for a week', making(ip, week), 'reviewer'],
  ['block for longer', making(ip, week + slackMs + 1), 'lead'],
  ['block for more than 90 days alone', making(ip, 90 * dayMs + slackMs + 1), null],
  ['block for a year with a second', making(ip, 366 * dayMs, true), 'lead'],
  ['block a /24', making(network('203.0.113.0/24'), dayMs), 'reviewer'],
  ['block a /16', making(network('203.0.0.0/16'), dayMs), 'lead'],
  ['block a /48', making(network('2001:db8::/48'), dayMs), 'lead'],
  ['allow for a week', allowing(ip, week), 'reviewer'],
  ['allow for a week by a clock that is fast', allowing(ip, week + slackMs), 'reviewer'],
  ['block for a week by a clock that is fast', making(ip, week + slackMs), 'reviewer'],
  ['allow for longer', allowing(ip, week + slackMs + 1), 'lead'],
  ['allow a network', allowing(network('203.0.113.0/24'), dayMs), 'lead'],
  ['change 100', counting(100), 'reviewer'],
  ['change 101', counting(101), 'lead'],
  ['change 10,000', counting(10_000), 'lead'],
  ['change 10,001', counting(10_001), null],
];

const order: readonly Grant[] = ['viewer', 'reviewer', 'lead', 'admin'];

describe('what a role may do', () => {
  it.each(decisions.map(([what, overstep, least]) => ({ what, overstep, least })))(
    '$what: needs $least',
    ({ overstep, least }) => {
      for (const role of grants) {
        const found = overstep(role);
        const may = least !== null && order.indexOf(role) >= order.indexOf(least);
        expect(found === null, `${role}: ${found?.detail}`).toBe(may);
        if (found) expect(found).toMatchObject({ needs: least, detail: expect.stringContaining(role) });
      }
    },
  );

  it('lets everybody who may act take back what they did themselves', () => {
    for (const role of order) {
      const block = { ...blockOf(ip), actor: role };
      expect(deedOverstep(as(role), { block, deed: { kind: 'undo' }, nowMs }) === null).toBe(role !== 'viewer');
    }
  });

  it('grows from role to role, and is nothing for machines', () => {
    const rows = order.map((role) => Object.values(limitsOf(role)));
    for (const [at, row] of rows.entries()) {
      for (const [column, value] of row.entries()) {
        const before = rows[at - 1]?.[column];
        // Prefix lengths shrink as what they allow grows.
        const isPrefix = Object.keys(roleLimits.viewer)[column]?.startsWith('widest');
        if (before !== undefined) expect(isPrefix ? before >= value : before <= value).toBe(true);
      }
    }
    expect(limitsOf('enforcer')).toEqual(roleLimits.viewer);
    expect(limitsOf('gate')).toEqual(roleLimits.viewer);
  });

  it('asks for a second person beyond what one may, of whoever may ask at all', () => {
    expect(needsSecond(as('reviewer'), 366 * dayMs)).toBe(false);
    expect(needsSecond(as('lead'), 90 * dayMs)).toBe(false);
    expect(needsSecond(as('lead'), 91 * dayMs)).toBe(true);
    expect(needsSecond(as('admin'), 366 * dayMs)).toBe(true);
  });
});

describe('who has some tenants only', () => {
  const acme = ['acme'];
  it.each([
    ['its subject is theirs', { ...blockOf({ ...ip, tenant: 'acme' }), tenant: '' }, true],
    ['its evidence is theirs', { ...blockOf(ip), tenant: 'acme' }, true],
    ["its subject is another's", { ...blockOf({ ...ip, tenant: 'beta' }), tenant: 'beta' }, false],
    ['it is of all', { ...blockOf(ip), tenant: '' }, false],
  ])('a block is in reach where %s', (_, block, expected) => {
    expect(isInReach(block, acme)).toBe(expected);
    expect(isInReach(block, null)).toBe(true);
    expect(isInReach(block, [])).toBe(false);
  });

  it('names subjects within them alone, whatever the role', () => {
    for (const role of ['reviewer', 'lead', 'admin'] as const) {
      const scoped = as(role, role, acme);
      for (const [subject, may] of [
        [{ ...ip, tenant: 'acme' }, true],
        [{ ...ip, tenant: 'beta' }, false],
        [ip, false],
      ] as const) {
        expect(makingOverstep(scoped, { subject, forMs: dayMs, isAgreed: false }) === null).toBe(may);
        expect(allowOverstep(scoped, { subject, forMs: dayMs }) === null).toBe(may);
      }
    }
  });
});
