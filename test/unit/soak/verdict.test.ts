import { describe, expect, it } from 'vitest';
import type { Audit } from '../../soak/audit.ts';
import { crashPoints, drawKill, pointOf, seeded } from '../../soak/points.ts';
import { judge, type SoakEvidence } from '../../soak/soak-verdict.ts';
import { shipmentOf } from '../../soak/truth.ts';
import { driftOf, ledgerProblems, problemsOf } from '../../soak/verdict.ts';

const { truth } = shipmentOf({ partitions: 1, framesPerPartition: 2, rowsPerFrame: 10 });
const sums = truth.byPartition.get(0);
const ends = new Map([[0, 2]]);
const line = { partition: 0, startOffset: 0, endOffset: 2, rows: 20, doubledRows: 0, deadLetters: 0, settled: false };

const exactAudit: Audit = {
  sums: { decisions_raw: [{ partition: 0, ...sums }], decisions_per_hour: [{ partition: 0, ...sums }] },
  wrongCells: { decisions_per_hour: 0 },
  doubledEvents: 0,
  emitters: [],
  ledger: [line],
  accounts: [],
};

describe('the verdict over a crash matrix', () => {
  it('finds nothing where everything is stored once', () => {
    expect(problemsOf(exactAudit, truth, ends)).toEqual([]);
    expect(driftOf(exactAudit, truth)).toEqual({ decisions_raw: 0, decisions_per_hour: 0 });
  });

  it.each([
    ['a decision too many', { sums: { decisions_raw: [{ partition: 0, ...sums, decisions: 999 }] } }, /999/],
    ['an empty table', { sums: { ...exactAudit.sums, decisions_per_hour: [] } }, /undefined, not/],
    ['a wrong cell', { wrongCells: { decisions_per_day: 1 } }, /1 cells differ/],
    ['a row stored twice', { doubledEvents: 3 }, /3 rows are stored twice/],
    ['a gap in the ledger', { ledger: [{ ...line, startOffset: 1 }] }, /gap 0 to 1/],
    ['an overlap', { ledger: [line, { ...line, startOffset: 1 }] }, /overlaps at 1/],
    ['a ledger that ends too soon', { ledger: [{ ...line, endOffset: 1 }] }, /ends at 1, the log at 2/],
    ['a ledger of other rows', { ledger: [{ ...line, rows: 19 }] }, /names 19 rows/],
  ] satisfies [string, Partial<Audit>, RegExp][])('finds %s', (_, change, problem) => {
    expect(problemsOf({ ...exactAudit, ...change }, truth, ends).join('\n')).toMatch(problem);
  });

  it('judges a partition that nothing was sent to by its ledger alone', () => {
    expect(ledgerProblems({ ...exactAudit, sums: {}, ledger: [] }, new Map([[1, 0]]))).toEqual([]);
  });
});

const report = { taken: 30, sent: 30, lost: 0, failures: 0, done: true };
const closed = { emitterId: 'gate-1', isKilled: false, last: report, failure: '' };
const killed = {
  emitterId: 'gate-2',
  isKilled: true,
  last: { ...report, taken: 15, sent: 9, done: false },
  failure: '',
};
const totalOf = (emitter: string, decisions: number, ended: boolean) => ({
  emitter,
  partition: 0,
  decisions,
  lastSeq: 1,
  ended,
});
const storedOf = (name: string, decisions: number) => ({ name, partition: 0, events: 1, decisions, lastSeq: 1 });
const accountOf = (name: string, ended: boolean) => ({
  name,
  partition: 0,
  lastSeq: 1,
  total: 1,
  ended,
  missingRows: 0,
});

const evidence: SoakEvidence = {
  audit: {
    ...exactAudit,
    sums: { decisions_raw: [{ partition: 0, events: 2, decisions: 40 }] },
    emitters: [storedOf('gate-1', 30), storedOf('gate-2', 10)],
    ledger: [{ ...line, rows: 2 }],
    accounts: [accountOf('gate-1', true), accountOf('gate-2', false)],
  },
  totals: [totalOf('gate-1', 30, true), totalOf('gate-2', 10, false)],
  gates: [closed, killed],
  byHand: shipmentOf({ partitions: 1, framesPerPartition: 0, rowsPerFrame: 1 }).truth,
  deadLetters: 0,
  ends,
};

describe('the verdict over a soak', () => {
  it('takes what a killed gate had not sent for no drift, and says how much that was', () => {
    expect(judge(evidence)).toMatchObject({
      problems: [],
      drift: { decisions_raw: 0 },
      unsentOfKilled: 5,
      tailUnknown: 1,
    });
  });

  it.each([
    ['a closed gate that took more', { gates: [{ ...closed, last: { ...report, taken: 31 } }, killed] }, /taken 31/],
    ['a killed gate that knew of more', { gates: [closed, { ...killed, last: { ...report, sent: 11 } }] }, /durable/],
    [
      'a killed gate that is taken for ended',
      { audit: { ...evidence.audit, accounts: [accountOf('gate-1', true), accountOf('gate-2', true)] } },
      /it was killed/,
    ],
    ['a table that drifts', { totals: [totalOf('gate-1', 30, true), totalOf('gate-2', 11, false)] }, /drifts by 1/],
    ['dead letters that nobody sent', { deadLetters: 1 }, /dead letters: 1, not 0/],
  ] satisfies [string, Partial<SoakEvidence>, RegExp][])('finds %s', (_, change, problem) => {
    expect(judge({ ...evidence, ...change }).problems.join('\n')).toMatch(problem);
  });
});

describe('a series of kills', () => {
  it('comes to every point, and is the same for the same seed', () => {
    const draw = (seed: number, count: number): string[] => {
      const random = seeded(seed);
      return Array.from({ length: count }, () => JSON.stringify(drawKill(random)));
    };
    expect(draw(5, 50)).toEqual(draw(5, 50));
    const points = new Set(draw(5, 2_000).map((text) => pointOf(JSON.parse(text))));
    expect(points).toEqual(new Set(crashPoints.map(pointOf)));
  });
});
