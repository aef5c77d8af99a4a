import { describe, expect, it } from 'vitest';
import type { Block } from '../../../src/blocklist/block.ts';
import type { Promotions } from '../../../src/replay/promotions.ts';
import { type ReplayReport, reportOf } from '../../../src/replay/report.ts';
import { countSaved } from '../../../src/replay/saved.ts';
import { Tally } from '../../../src/replay/tally.ts';
import { textReport } from '../../../src/replay/text-report.ts';
import { clientA, promotionOf } from '../../support/promotions.ts';

const { verdict } = promotionOf({ id: 'v1', atMs: 1_750_000_100_000 });

const blockOf = (change: Partial<Block>): Block => ({
  ...{ id: 'b-v1', state: 'active', version: 1, subject: clientA, action: { kind: 'refuse' }, origin: 'detector' },
  ...{
    tenant: '',
    rule: 'breadth',
    ruleHash: 'abc',
    verdictId: 'v1',
    owner: '',
    strikes: 1,
    reason: '',
    assignee: '',
    label: null,
    actor: 'detector',
  },
  ...{ blockedAtMs: 1_750_000_100_000, expiresAtMs: 1_750_000_200_000, evidence: verdict.evidence },
  ...change,
});

const nothing: Promotions = {
  promoter: {
    promote: () => Promise.reject(new Error('not asked')),
    noteTraffic: () => Promise.resolve(),
    noteIdentities: () => Promise.resolve(),
  },
  ...{ activated: [], proposed: [], shadow: [], suppressed: [], forgotten: () => 0 },
};

const reported = (promotions: Partial<Promotions>, by = countSaved({ find: () => null }).by): ReplayReport =>
  reportOf({
    log: { requests: [], lines: 0, rejectedLines: 0, rejectedSamples: [] },
    tally: new Tally(),
    promotions: { ...nothing, ...promotions },
    saved: { by },
    gate: { degraded: 0, storeCommandsSaved: 0, policyVersion: 'v' },
    ...{ storedDecisions: 0, policyChanges: [], readingUs: 0, storingUs: 0, totalUs: 0 },
    phases: { decidingUs: 0, appendingUs: 0, detectingUs: 0, followingUs: 0 },
  });

describe('the report of a replay', () => {
  it('keeps what was only in shadow, proposed or suppressed apart from what would have started', () => {
    const network = { kind: 'network', id: '203.0.113.0/24' } as const;
    const text = textReport(
      reported({
        activated: [blockOf({})],
        proposed: [blockOf({ reason: 'over the budget of breadth' })],
        shadow: [blockOf({ subject: network, action: { kind: 'limit', limit: 120, windowMs: 60_000 } })],
        suppressed: [{ verdict, reason: 'shared-address' }],
      }),
    );
    const sections = text.split('\n\n').map((section) => section.split('\n').slice(0, 2).join(' / '));
    for (const section of [
      /^Blocks that would have started \(UTC\): 1 \/ .* ip 203\.0\.113\.9 {2}by breadth$/,
      /^Proposed, for a person to decide: 1 \/ .* by breadth: over the budget of breadth$/,
      /^In shadow: .*: 1 \/ .* network 203\.0\.113\.0\/24 {2}by breadth, held to 120 in 60\.0 s$/,
      /^Suppressed: .*: 1 \/ .* ip 203\.0\.113\.9 {2}by breadth: shared-address$/,
    ]) {
      expect(sections).toContainEqual(expect.stringMatching(section));
    }
  });

  it('says of each block what it kept away', () => {
    const entry = {
      subjectKey: 'ip:203.0.113.9',
      blockId: 'b-v1',
      rule: 'breadth',
      expiresAtMs: 0,
      action: { kind: 'refuse' },
    } as const;
    const saved = countSaved({ find: () => entry });
    saved.lookup.refused?.(entry, { commands: 2, bytes: 300 }, 0);
    saved.lookup.refused?.(entry, { commands: 2, bytes: 300 }, 1);
    const report = reported({ activated: [blockOf({}), blockOf({ id: 'b-other' })] }, saved.by);
    expect(report.blocks.map((block) => block.saved)).toEqual([
      { refused: 2, commands: 4, bytes: 600 },
      { refused: 0, commands: 0, bytes: 0 },
    ]);
    expect(textReport(report)).toContain('refused 2 requests, spared the store 4 commands');
  });

  it('orders blocks by time and subject, in whatever order partitions were read', () => {
    const late = blockOf({ blockedAtMs: 1_750_000_100_001 });
    const other = blockOf({ subject: { kind: 'ip', id: '203.0.113.10' } });
    const orders = [
      [late, blockOf({}), other],
      [other, late, blockOf({})],
    ];
    const [first, second] = orders.map((activated) => reported({ activated }).blocks);
    expect(first).toEqual(second);
    expect(first?.map(({ subject }) => subject.id)).toEqual(['203.0.113.10', '203.0.113.9', '203.0.113.9']);
  });
});
