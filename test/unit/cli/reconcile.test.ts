import { describe, expect, it } from 'vitest';
import type { Auditor, StoredFacts } from '../../../src/analytics/audit.ts';
import type { ReconciliationView } from '../../../src/api/reconcile-routes.ts';
import { reconciling } from '../../../src/cli/reconcile-side.ts';
import { reconciliationText } from '../../../src/cli/reconcile-text.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryEventLog } from '../../../src/embedded/memory-event-log.ts';
import { TidegateError } from '../../../src/errors.ts';

const partition = (number: number, drift = 0): ReconciliationView['topics'][number]['partitions'][number] => ({
  partition: number,
  blocks: 1200,
  ledgerStart: 0,
  ledgerEnd: 90,
  committedOffset: 90,
  underWay: null,
  logEnd: 90,
  lagRecords: 0,
  accountedRows: 1_000_000,
  storedRows: 1_000_000 - drift,
  behindRows: 0,
  drift,
});
const view = (partitions: ReconciliationView['topics'][number]['partitions'], drift: number): ReconciliationView => ({
  takenAt: '2026-01-01T00:00:00.000Z',
  drift,
  topics: [{ topic: 't', table: 'rows', partitions, grains: [], doubledRows: 0, deadLetters: 0, settledBlocks: 0 }],
  findings: [],
  moreFindings: 0,
});

describe('tidegate reconcile', () => {
  it('says 0 drift as a number', () => {
    expect(reconciliationText(view([partition(0)], 0))).toContain(
      '0 drift: every number agrees (1 partitions, 1,000,000 rows, 2026-01-01T00:00:00.000Z)',
    );
  });

  it('shows a bounded table, and those that drift whatever their number', () => {
    const partitions = Array.from({ length: 200 }, (_, number) => partition(number, number === 150 ? 4 : 0));
    const text = reconciliationText(view(partitions, 4));
    expect(text.split('\n').length).toBeLessThan(45);
    expect(text).toMatch(/^150 .* 999,996 .* 4$/m);
    expect(text).toContain('… and 168 more partitions');
  });

  it('gives each finding one line, with what to do, and says how many did not fit', () => {
    const finding = {
      kind: 'rows-missing',
      isDrift: true,
      topic: 't',
      partition: 3,
      what: '2 rows are gone',
      amount: 2,
      unit: 'rows',
      next: 'Restore them.',
    } as const;
    const text = reconciliationText({
      ...view([], 120),
      findings: Array.from({ length: 60 }, () => finding),
      moreFindings: 7,
    });
    expect(
      text.split('\n').filter((line) => line === 'DRIFT rows-missing t/3: 2 rows are gone. Restore them.'),
    ).toHaveLength(50);
    expect(text).toContain('… and 17 more');
  });
});

describe('audits for the API', () => {
  const empty = (topic: string): StoredFacts => ({
    topic,
    table: 'rows',
    nowMs: 0,
    period: 'day',
    ledger: new Map(),
    rows: new Map(),
    grains: [],
    behind: [],
    silent: [],
    silentEmitters: 0,
  });
  const stage = () => {
    const clock = new ManualClock();
    const seen = { reads: 0, atOnce: 0, most: 0, fails: false };
    const auditor: Auditor = {
      read: async ({ topic }) => {
        seen.reads += 1;
        seen.atOnce += 1;
        seen.most = Math.max(seen.most, seen.atOnce);
        await new Promise((resolve) => setImmediate(resolve));
        seen.atOnce -= 1;
        if (seen.fails) throw new TidegateError('TABLE_FAILED', 'away', { retryable: true });
        return empty(topic);
      },
      partitionTotals: () => Promise.resolve([]),
      ledgerEnds: () => Promise.resolve(new Map()),
      busiestMinuteBlocks: () => Promise.resolve(null),
      nowMs: () => Promise.resolve(0),
    };
    return { clock, seen, ask: reconciling({ auditor, log: new MemoryEventLog({ clock }), clock }) };
  };

  it('are shared for ten seconds, and run one at a time', async () => {
    const { clock, seen, ask } = stage();
    await Promise.all([
      ask('tidegate.blocks'),
      ask('tidegate.blocks'),
      ask('tidegate.policies'),
      ask('tidegate.blocks'),
    ]);
    expect(seen).toMatchObject({ reads: 2, most: 1 });
    clock.advance(10_000);
    await ask('tidegate.blocks');
    expect(seen.reads).toBe(3);
  });

  it('are asked again at once when they failed', async () => {
    const { seen, ask } = stage();
    seen.fails = true;
    await expect(ask('tidegate.blocks')).rejects.toMatchObject({ code: 'TABLE_FAILED' });
    seen.fails = false;
    expect(await ask('tidegate.blocks')).toMatchObject({ drift: 0 });
  });

  it('refuse a topic that has no table', async () => {
    await expect(stage().ask('tidegate.dead-letters')).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
