import { expect } from 'vitest';
import type { Block, Verdict } from '../../src/blocklist/block.ts';
import type { BlockList } from '../../src/blocklist/block-list.ts';
import type { BlockSubject } from '../../src/client.ts';
import { ManualClock } from '../../src/clock.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { MemoryReviewRecords } from '../../src/embedded/memory-review-records.ts';
import type { ReviewNotice } from '../../src/review/notice.ts';
import type { ReviewRecords } from '../../src/review/records.ts';
import { createReview } from '../../src/review/review.ts';
import type { Grant, Reviewer } from '../../src/review/roles.ts';
import { promotionOf } from './promotions.ts';
import { recordingLogger } from './recording-logger.ts';

export const dayMs = 86_400_000;

export const as = (role: Grant, name: string = role, tenants: Reviewer['tenants'] = null): Reviewer => ({
  name,
  role,
  tenants,
});
export const rita = as('reviewer', 'rita');
export const leo = as('lead', 'leo');
export const lea = as('lead', 'lea');

export const subjectAt = (index: number): BlockSubject => ({
  kind: 'ip',
  id: `198.51.${Math.floor(index / 250)}.${(index % 250) + 1}`,
});

export interface ReviewStageSetting {
  readonly clock?: ManualClock;
  readonly blockList?: BlockList;
  readonly records?: ReviewRecords;
}

/** A review over engines of a test, and short words for what is done with it. */
export const reviewStage = (setting: ReviewStageSetting = {}) => {
  const clock = setting.clock ?? new ManualClock();
  const blockList = setting.blockList ?? new MemoryBlockList({ clock, maxBlocks: 20_000 });
  const records = setting.records ?? new MemoryReviewRecords({ clock });
  const notices: ReviewNotice[] = [];
  const logger = recordingLogger();
  const notify = async (notice: ReviewNotice): Promise<void> => void notices.push(notice);
  const review = createReview({ blockList, records, clock, logger, notify });
  let verdicts = 0;
  /** A block that a detector made; `proposed` where the rule asks for review. */
  const made = async (verdict: Partial<Verdict> = {}, mode: 'enforce' | 'review' = 'enforce'): Promise<Block> => {
    verdicts += 1;
    const subject = subjectAt(verdicts);
    const whole = { id: `v${verdicts}-${clock.nowMs()}`, atMs: clock.nowMs(), subject, ...verdict };
    const budget = { blocksPerHour: 100_000, blocksPerMinute: 100_000, requestShare: 1, clientShare: 1 };
    const result = await blockList.promote(promotionOf(whole, { mode, budget: { rule: budget, all: budget } }));
    if (!('block' in result)) throw new Error(`expected a block, got ${JSON.stringify(result)}`);
    return result.block;
  };
  const many = async (count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let at = 0; at < count; at += 1) ids.push((await made()).id);
    return ids;
  };
  const by = async (subject: BlockSubject, untilMs = clock.nowMs() + dayMs): Promise<Block> => {
    const result = await blockList.add({ subject, action: { kind: 'refuse' }, untilMs, actor: 'ada', note: 'by hand' });
    if (result.kind !== 'added') throw new Error(`refused: ${result.reason}`);
    return result.block;
  };
  const stateOf = async (id: string): Promise<string> => (await blockList.get(id))?.state ?? 'gone';
  const expectStates = async (ids: readonly string[], state: string): Promise<void> => {
    const states = new Set(await Promise.all(ids.map(stateOf)));
    expect([...states]).toEqual([state]);
  };
  return { ...review, clock, blockList, records, notices, logger, made, many, by, stateOf, expectStates };
};

export type ReviewStage = ReturnType<typeof reviewStage>;
