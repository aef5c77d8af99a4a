import { describe, expect, it } from 'vitest';
import type { NotedRule } from '../../../src/blocklist/rule-book.ts';
import { as, dayMs, type ReviewStage, reviewStage, rita } from '../../support/review-stage.ts';

const noted: Omit<NotedRule, 'notedAtMs'> = {
  name: 'breadth',
  hash: 'abc',
  mode: 'enforce',
  canaryPercent: 100,
  owner: 'security',
  reviewByMs: null,
  precision: { floor: 0.6, minLabels: 20 },
  definition: '{}',
};

const note = async ({ blockList }: ReviewStage, change: Partial<typeof noted> = {}) => {
  await blockList.noteRules([{ ...noted, ...change }]);
};

/** People say so much of blocks that the rule makes. */
const label = async (
  { made, desk }: ReviewStage,
  counts: { confirmed?: number; falsePositives?: number; goodwill?: number },
) => {
  const say = async (count: number, act: Parameters<typeof desk.act>[2]) => {
    for (let at = 0; at < count; at += 1) await desk.act(rita, (await made()).id, act);
  };
  await say(counts.confirmed ?? 0, { kind: 'confirm', note: '' });
  await say(counts.falsePositives ?? 0, { kind: 'lift', reason: 'false-positive', note: 'x', tombstoneMs: 0 });
  await say(counts.goodwill ?? 0, { kind: 'lift', reason: 'goodwill', note: 'x', tombstoneMs: 0 });
};

const overrideOf = async ({ blockList }: ReviewStage) => (await blockList.overrides())[0] ?? null;

const demotedStage = async () => {
  const stage = reviewStage();
  await note(stage);
  await label(stage, { confirmed: 5, falsePositives: 15 });
  await stage.learning.checkPrecision();
  return stage;
};

describe('a rule', () => {
  it('that people find wrong too often is capped to shadow for 30 days, with the numbers, and that is told', async () => {
    const stage = await demotedStage();
    const override = await overrideOf(stage);
    expect(override).toMatchObject({ rule: 'breadth', mode: 'shadow', actor: 'quality' });
    expect(override?.untilMs).toBe(stage.clock.nowMs() + 30 * dayMs);
    expect(override?.note).toBe('right in 25 % of 20 judged blocks (11 % to 47 %), below its floor of 60 %');
    expect(stage.notices).toEqual([
      expect.objectContaining({
        kind: 'rule.demoted',
        id: 'rule.demoted:abc:20',
        data: expect.objectContaining({ rule: 'breadth', judged: 20, floor: 0.6 }),
      }),
    ]);
    expect(stage.logger.lines.some(({ message }) => message.includes('demoted itself'))).toBe(true);
    expect(stage.learning.stats()).toMatchObject({ demotions: 1, failures: 0 });
  });

  it.each([
    ['has too few labels', {}, { falsePositives: 19 }],
    ['is right often enough', {}, { confirmed: 19, falsePositives: 1 }],
    ['was lifted out of goodwill alone', {}, { goodwill: 40 }],
    ['asks for no precision', { precision: null }, { falsePositives: 30 }],
    ['is under review already', { mode: 'review' as const }, { falsePositives: 30 }],
    ['has another content now', { hash: 'new' }, { falsePositives: 30 }],
  ])('that %s is left alone', async (_, change, counts) => {
    const stage = reviewStage();
    await note(stage, change);
    await label(stage, counts);
    expect(await stage.learning.checkPrecision()).toEqual([]);
    expect(await overrideOf(stage)).toBeNull();
    expect(stage.notices).toEqual([]);
  });

  it('is judged by the low end of the interval: right in 13 of 20 is not surely above 60 %', async () => {
    const stage = reviewStage();
    await note(stage);
    await label(stage, { confirmed: 13, falsePositives: 7 });
    expect(await stage.learning.checkPrecision()).toHaveLength(1);
  });

  it.each([
    [
      'another mode',
      async ({ blockList, clock }: ReviewStage) => {
        const untilMs = clock.nowMs() + dayMs;
        await blockList.override({ rule: 'breadth', mode: 'enforce', untilMs, actor: 'leo', note: 'we need it' });
      },
    ],
    [
      'the end of the cap',
      async ({ blockList }: ReviewStage) => {
        await blockList.endOverride('breadth', { actor: 'leo', note: 'we need it' });
      },
    ],
  ])('whose lead sets %s after that is not demoted again before 20 more labels', async (_, set) => {
    const stage = await demotedStage();
    await set(stage);
    await stage.learning.checkPrecision();
    await label(stage, { falsePositives: 19 });
    await stage.learning.checkPrecision();
    expect((await overrideOf(stage))?.actor).not.toBe('quality');
    await label(stage, { falsePositives: 1 });
    await stage.learning.checkPrecision();
    expect((await overrideOf(stage))?.actor).toBe('quality');
    expect(stage.notices.map(({ id }) => id)).toEqual(['rule.demoted:abc:20', 'rule.demoted:abc:40']);
  });

  it('is demoted once by two processes that look at the same time', async () => {
    const stage = reviewStage();
    const other = reviewStage({ clock: stage.clock, blockList: stage.blockList, records: stage.records });
    await note(stage);
    await label(stage, { falsePositives: 20 });
    const demoted = await Promise.all([stage.learning.checkPrecision(), other.learning.checkPrecision()]);
    expect(demoted.flat()).toHaveLength(1);
    expect([...stage.notices, ...other.notices]).toHaveLength(1);
  });

  it('whose labels are taken back stays where it is: nothing is promoted by itself', async () => {
    const stage = await demotedStage();
    for (const { id } of (await stage.blockList.list({ states: ['lifted'] })).blocks) {
      await stage.desk.act(as('lead', 'leo'), id, { kind: 'undo', note: '' });
    }
    await stage.learning.checkPrecision();
    expect((await overrideOf(stage))?.actor).toBe('quality');
    expect(stage.notices).toHaveLength(1);
  });
});

describe('looking', () => {
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
  };

  it('happens within a second of a label, once for many of them', async () => {
    const stage = reviewStage();
    await note(stage);
    await label(stage, { falsePositives: 20 });
    expect(stage.learning.stats().checks).toBe(0);
    stage.clock.advance(1000);
    await settle();
    expect(stage.learning.stats()).toMatchObject({ checks: 1, demotions: 1 });
  });

  it('happens every five minutes without one, until the review ends', async () => {
    const stage = reviewStage();
    stage.clock.advance(300_000);
    await settle();
    stage.clock.advance(300_000);
    await settle();
    expect(stage.learning.stats().checks).toBe(2);
    await stage.close();
    stage.clock.advance(900_000);
    await settle();
    expect(stage.learning.stats().checks).toBe(2);
  });

  it('that fails is counted, logged, and happens again', async () => {
    const stage = reviewStage();
    const { judgements } = stage.blockList;
    stage.blockList.judgements = () => Promise.reject(new Error('away'));
    stage.clock.advance(300_000);
    await settle();
    expect(stage.learning.stats()).toMatchObject({ checks: 0, failures: 1 });
    stage.blockList.judgements = judgements;
    stage.clock.advance(300_000);
    await settle();
    expect(stage.learning.stats().checks).toBe(1);
  });
});
