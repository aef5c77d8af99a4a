import { expect } from 'vitest';
import type { Block, Verdict } from '../../src/blocklist/block.ts';
import type { Change, Cursor, SnapshotPage } from '../../src/blocklist/block-feed.ts';
import type { BlockList } from '../../src/blocklist/block-list.ts';
import type { Promotion, PromotionResult } from '../../src/blocklist/block-promoter.ts';
import type { AllowEntry, ListImport, ManualBlock } from '../../src/blocklist/block-review.ts';
import type { BlockSubject } from '../../src/client.ts';
import { ManualClock } from '../../src/clock.ts';
import { clientA, promotionOf } from '../support/promotions.ts';

export interface BlockListSetting {
  readonly clock: ManualClock;
  readonly random?: () => number;
  readonly maxChanges?: number;
  readonly maxBlocks?: number;
}

/** A new, empty list that lives in the time of the clock. */
export type MakeBlockList = (setting: BlockListSetting) => BlockList;

/** A whole second: entries may be kept by the second. */
export const startMs = 1_750_000_000_000;
export const minuteMs = 60_000;
export const hourMs = 3_600_000;
export const dayMs = 86_400_000;

export const ada = { actor: 'ada', note: 'looked at it' } as const;
export const ip = (id: string, tenant?: string): BlockSubject => ({
  kind: 'ip',
  id,
  ...(tenant === undefined ? {} : { tenant }),
});
export const network = (id: string, tenant?: string): BlockSubject => ({ ...ip(id, tenant), kind: 'network' });
export const user = (id: string, tenant?: string): BlockSubject => ({ ...ip(id, tenant), kind: 'user' });

/** One of many clients. */
export const clientAt = (index: number): BlockSubject => ip(`198.51.100.${index}`);

export const goodwill = { kind: 'lift', reason: 'goodwill', tombstoneMs: 0, ...ada } as const;
export const falsePositive = { kind: 'lift', reason: 'false-positive', ...ada } as const;

/** A list, its clock, and short words for what is done with it. */
export class Stage {
  readonly clock = new ManualClock(startMs);
  readonly list: BlockList;
  #verdicts = 0;

  constructor(make: MakeBlockList, setting: Omit<BlockListSetting, 'clock'> = {}) {
    this.list = make({ clock: this.clock, ...setting });
  }

  get nowMs(): number {
    return this.clock.nowMs();
  }

  /** A verdict that nobody had before, now, unless it is changed. */
  promote(
    verdict: Partial<Verdict> = {},
    promotion: Partial<Omit<Promotion, 'verdict'>> = {},
  ): Promise<PromotionResult> {
    this.#verdicts += 1;
    return this.list.promote(promotionOf({ id: `v${this.#verdicts}`, atMs: this.nowMs, ...verdict }, promotion));
  }

  /** The block that a promotion made; fails when it made none. */
  async made(verdict: Partial<Verdict> = {}, promotion: Partial<Omit<Promotion, 'verdict'>> = {}): Promise<Block> {
    const result = await this.promote(verdict, promotion);
    if (!('block' in result)) throw new Error(`expected a block, got ${JSON.stringify(result)}`);
    return result.block;
  }

  allow(subject: BlockSubject, change: Partial<AllowEntry> = {}): Promise<void> {
    return this.list.allow({ subject, kind: 'allow', untilMs: this.nowMs + dayMs, ...ada, ...change });
  }

  add(subject: BlockSubject, change: Partial<ManualBlock> = {}) {
    const block: ManualBlock = { subject, action: { kind: 'refuse' }, untilMs: this.nowMs + hourMs, ...ada, ...change };
    return this.list.add(block);
  }

  /** A person's block; fails when it was refused. */
  async added(subject: BlockSubject, change: Partial<ManualBlock> = {}): Promise<Block> {
    const result = await this.add(subject, change);
    if (result.kind !== 'added') throw new Error(`refused: ${result.reason}`);
    return result.block;
  }

  import(subjects: readonly BlockSubject[], change: Partial<ListImport> = {}) {
    const untilMs = this.nowMs + dayMs;
    return this.list.importList({ list: 'bad', subjects, action: { kind: 'refuse' }, untilMs, ...ada, ...change });
  }

  /** All pages as one. */
  async snapshot(): Promise<SnapshotPage> {
    const first = await this.list.snapshot();
    const [entries, exemptions] = [[...first.entries], [...first.exemptions]];
    for (let next = first.nextPage; next !== null; ) {
      const page = await this.list.snapshot(next);
      expect(page).toMatchObject({ epoch: first.epoch, sequence: first.sequence });
      entries.push(...page.entries);
      exemptions.push(...page.exemptions);
      next = page.nextPage;
    }
    return { ...first, entries, exemptions, nextPage: null };
  }

  /** Keys of what gates enforce, sorted. */
  async enforced(): Promise<readonly string[]> {
    const { entries } = await this.snapshot();
    return entries.map(({ subjectKey }) => subjectKey).sort();
  }

  async cursor(): Promise<Cursor> {
    const { epoch, sequence } = await this.list.snapshot();
    return { epoch, sequence };
  }

  /** What gates are told of what happens in `act`. */
  async told(act: () => Promise<unknown>): Promise<readonly Change[]> {
    const before = await this.cursor();
    await act();
    const after = await this.list.changesAfter(before, 1000);
    if (after.kind === 'gap') throw new Error('the change log has a gap');
    return after.changes;
  }
}

export type OnStage = (setting?: Omit<BlockListSetting, 'clock'>) => Stage;

/** An epoch exists from the first write on. */
export const begun = async (stage: Stage): Promise<Stage> => {
  await stage.list.override({ rule: 'begun', mode: 'enforce', untilMs: stage.nowMs + 1000, ...ada });
  return stage;
};

export const keyOfA = `ip:${clientA.id}`;
