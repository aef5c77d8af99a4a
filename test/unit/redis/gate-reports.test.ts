import { describe, expect, it } from 'vitest';
import { decodeReport, encodeReport } from '../../../src/redis/gate-reports.ts';
import { gateReport } from '../../support/gate-reports.ts';

const health = {
  bySource: { store: 900, lease: 100 },
  overDeadline: 7,
  storeP50Us: 400,
  storeP99Us: null,
  isStoreOpen: true,
};

describe('a report of a gate', () => {
  it('comes back as it was written, with what is new and without it', () => {
    expect(decodeReport(encodeReport({ ...gateReport, health }))).toEqual({ ...gateReport, health });
    expect(decodeReport(encodeReport(gateReport))).toEqual(gateReport);
  });

  it('that would be too long for readers of every release loses what is new, not all', () => {
    const long = 'ü'.repeat(64);
    const bySource = Object.fromEntries(
      Array.from({ length: 16 }, (_, index) => [`${'s'.repeat(20)}-${'abcdefghijklmnop'[index]}`, 1e9]),
    );
    const report = { ...gateReport, region: long, service: long, policyVersion: long };
    const text = encodeReport({ ...report, health: { ...health, bySource } });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
    expect(decodeReport(text)).toEqual(report);
  });

  it('is brought into range, whatever was written', () => {
    const told = (over: unknown) => decodeReport(JSON.stringify({ ...gateReport, health: over }))?.health;
    for (const nothing of [null, 7, 'x', [], {}, { bySource: 7 }, { bySource: [1] }])
      expect(told(nothing)).toBeUndefined();
    const many = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`s${'-x'.repeat(index % 9)}${'y'.repeat(index % 7)}`, 1]),
    );
    expect(Object.keys(told({ bySource: many })?.bySource ?? {}).length).toBeLessThanOrEqual(16);
    expect(
      told({
        bySource: { store: -1, lease: 1.6, __proto__x: 3, 'A B': 1 },
        overDeadline: 'x',
        storeP50Us: -5,
        isStoreOpen: 1,
      }),
    ).toEqual({ bySource: { lease: 2 }, overDeadline: 0, storeP50Us: 0, storeP99Us: null, isStoreOpen: false });
  });
});
