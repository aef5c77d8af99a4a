import { describe, expect, it } from 'vitest';
import { keptRuleQuality, ruleQualityPage } from '../../../docs/rule-quality-page.ts';
import { type HandLabel, handLabels, labels, parseHandLabels } from '../../support/hand-labels.ts';
import { wilson } from '../../support/interval.ts';
import { type JudgedClient, judgedClients, ruleQualityOf } from '../../support/rule-quality.ts';

const client = (rank: number, label: HandLabel['label'], given: Partial<JudgedClient> = {}): JudgedClient => ({
  ...{ rank, label, requests: 10, peakPerMinute: 1, distinctPaths: 1, denied: 0, blockedBy: [] },
  ...given,
});

const qualityOf = (clients: readonly JudgedClient[], others: readonly (readonly [number, readonly string[]])[] = []) =>
  ruleQualityOf(clients, {
    log: { name: 'made-up', requests: 100, clients: 9 },
    rules: ['loud', 'slow'].map((name) => ({ name, mode: 'enforce' })),
    blockedBy: new Map([
      ...clients.filter(({ blockedBy }) => blockedBy.length > 0).map((one) => [one.rank, one.blockedBy] as const),
      ...others,
    ]),
  });

describe('the labels given by hand', () => {
  it('name 200 clients by rank, each once, with a label and a reason in which nobody is identified', () => {
    const given = handLabels();
    expect(given).toHaveLength(200);
    expect(new Set(given.map(({ rank }) => rank)).size).toBe(200);
    for (const { reason } of given) expect(reason).not.toMatch(/\d+\.\d+\.\d+|[0-9a-f]+:[0-9a-f]*:|https?:|@|\w\.\w/i);
  });

  it.each([
    ['another header', 'rank,label\n1,scanner', 'line 1'],
    ['a label that is none', 'rank,label,reason\n1,hacker,looks for secrets', 'line 2'],
    ['no reason', 'rank,label,reason\n1,scanner,', 'line 2'],
    ['a rank that is none', 'rank,label,reason\n0,scanner,looks for secrets', 'line 2'],
    ['a second label', 'rank,label,reason\n1,scanner,looks for secrets\n1,person,reads the pages', 'line 3'],
  ])('are refused with the line: %s', (_what, text, line) => {
    expect(() => parseHandLabels(text)).toThrow(line);
  });

  it('belong to clients of the log', () => {
    const found = new Map([[1, client(1, 'unsure', { denied: 7 })]]);
    const given: HandLabel = { rank: 1, label: 'person', reason: 'reads the pages' };
    expect(judgedClients([given], found)).toEqual([client(1, 'person', { denied: 7 })]);
    expect(() => judgedClients([{ ...given, rank: 2 }], found)).toThrow('client 2');
  });
});

describe("Wilson's interval", () => {
  it.each([
    [5, 5, [1, 0.5655, 1]],
    [0, 37, [0, 0, 0.0941]],
    [81, 263, [0.308, 0.2553, 0.3662]],
  ] as const)('of %i in %i is as published', (right, of, published) => {
    const { share, low, high } = wilson(right, of) ?? { share: -1, low: -1, high: -1 };
    for (const [index, value] of [share, low, high].entries()) expect(value).toBeCloseTo(published[index] ?? -1, 3);
  });

  it('says nothing of nothing', () => expect(wilson(0, 0)).toBeNull());
});

describe('the quality of rules', () => {
  const mixed = [
    client(1, 'scanner', { denied: 9, blockedBy: ['loud', 'slow'], requests: 50 }),
    client(2, 'abusive', { denied: 5 }),
    client(3, 'scanner'),
    client(4, 'crawler', { denied: 4, blockedBy: ['loud'] }),
    client(5, 'person', { denied: 3 }),
    client(6, 'monitor'),
    client(7, 'unsure', { denied: 2, blockedBy: ['slow'] }),
  ];

  it('counts clients, not blocks: right, wrong, unsure, and those that nobody labelled', () => {
    const { blocked, rules } = qualityOf(mixed, [[8, ['slow']]]);
    expect(blocked).toEqual({ right: 1, wrong: 1, unsure: 1, unlabelled: 1 });
    expect(rules).toEqual([
      { name: 'loud', mode: 'enforce', right: 1, wrong: 1, unsure: 0, unlabelled: 0 },
      { name: 'slow', mode: 'enforce', right: 1, wrong: 0, unsure: 1, unlabelled: 1 },
    ]);
  });

  it('tells who was blocked wrongly, missed, and denied but spared', () => {
    const { wrong, missed, spared, requests } = qualityOf(mixed);
    expect(wrong).toEqual([{ rank: 4, rules: ['loud'] }]);
    expect(missed).toEqual([
      { rank: 2, denied: 5 },
      { rank: 3, denied: 0 },
    ]);
    expect(spared).toEqual([{ rank: 5, denied: 3 }]);
    expect(requests).toEqual({ deserving: 70, blocked: 50, busiest: 50 });
  });

  it('compares with thresholds: the best balance, and the most that meet nobody wrongly; the unsure are left out', () => {
    const denials = qualityOf(mixed).baselines.filter(({ score }) => score === 'denied');
    expect(denials).toEqual([
      { score: 'denied', chosen: 'balanced', atLeast: 5, right: 2, wrong: 0 },
      { score: 'denied', chosen: 'careful', atLeast: 5, right: 2, wrong: 0 },
    ]);
  });

  it('says so where no threshold spares everybody who is to be spared', () => {
    const { baselines } = qualityOf([client(1, 'scanner'), client(2, 'person', { denied: 9 })]);
    const careful = baselines.filter(({ score, chosen }) => score === 'denied' && chosen === 'careful');
    expect(careful).toEqual([{ score: 'denied', chosen: 'careful', atLeast: null, right: 0, wrong: 0 }]);
  });
});

describe('the page about the quality of rules', () => {
  it('counts every label that there is', () => {
    const given = handLabels();
    for (const name of labels) {
      const count = given.filter(({ label }) => label === name).length;
      expect(keptRuleQuality().labels.find(({ label }) => label === name)?.clients).toBe(count);
    }
  });

  it('lists who was blocked wrongly with the reason why that is wrong', () => {
    const kept = keptRuleQuality();
    const page = ruleQualityPage({ ...kept, wrong: [{ rank: 2, rules: ['many-routes'] }] });
    expect(page).toContain('| 2 | person | many-routes | signs in and works in the application');
    expect(ruleQualityPage({ ...kept, wrong: [] })).toContain('### Blocked wrongly\n\nNone.');
  });
});
