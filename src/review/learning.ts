import type { BlockList } from '../blocklist/block-list.ts';
import type { PromotionMode } from '../blocklist/block-promoter.ts';
import type { RuleJudgement } from '../blocklist/block-review.ts';
import type { ModeOverride } from '../blocklist/block-switches.ts';
import { cappedMode } from '../blocklist/budget.ts';
import type { NotedRule } from '../blocklist/rule-book.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Notify } from './notice.ts';
import { type Precision, precisionOf } from './precision.ts';
import type { RecordStore, ReviewRecords } from './records.ts';

/** Who set the override of a rule that demoted itself. */
export const demoter = 'quality';
export const demotedForMs = 30 * 86_400_000;

/** A rule that was wrong too often, and blocks nobody from now on. */
export interface Demotion {
  readonly rule: string;
  readonly ruleHash: string;
  readonly precision: Precision;
  readonly floor: number;
  /** The note of the override. */
  readonly why: string;
}

export interface LearningStats {
  readonly checks: number;
  readonly demotions: number;
  /** Checks that the list or the store did not let through. */
  readonly failures: number;
}

export interface LearningOptions {
  readonly blockList: Pick<BlockList, 'judgements' | 'notedRules' | 'overrides' | 'override'>;
  readonly records: ReviewRecords;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly notify?: Notify;
  /** Between two looks at all rules, whether anybody labelled anything or not. Default 5 min. */
  readonly everyMs?: number;
}

/** What a content of a rule was demoted on. */
interface Entry {
  readonly labels: number;
  readonly atMs: number;
  /** False: a process is at it, or was and is gone. */
  readonly isDone: boolean;
}

const defaultEveryMs = 300_000;
/** A bulk change labels hundreds of blocks within a second: one look is enough. */
const afterLabelMs = 1000;
/** A process that began a demotion and has not ended it by then is gone. */
const longestDemotionMs = 60_000;
const keptForMs = 366 * 86_400_000;
const mostEntries = 2000;

const modeInForce = ({ name, mode }: NotedRule, overrides: readonly ModeOverride[]): PromotionMode =>
  cappedMode(mode, overrides.find(({ rule }) => rule === name)?.mode ?? null);

const percent = (share: number): string => `${Math.round(100 * share)} %`;

const reasonFor = ({ share, judged, low, high }: Precision, floor: number): string =>
  `right in ${percent(share)} of ${judged} judged blocks (${percent(low)} to ${percent(high)}), below its floor of ${percent(floor)}`;

/** Too little said, or right often enough: null. */
const belowFloor = (rule: NotedRule, judgement: RuleJudgement | undefined): Demotion | null => {
  const precision = judgement ? precisionOf(judgement) : null;
  if (precision === null || rule.precision === null) return null;
  const { floor, minLabels } = rule.precision;
  if (precision.judged < minLabels || precision.low >= floor) return null;
  return { rule: rule.name, ruleHash: rule.hash, precision, floor, why: reasonFor(precision, floor) };
};

/**
 * Takes the labels of people back to the rules: one that enforces, and whose precision is below its floor with the lower end
 * of the 95 % interval, is capped to shadow for 30 days. Whoever lifts that cap knows better for now: the same content of the
 * rule is judged again only after as many new labels as its floor asks for. Nothing is promoted by itself.
 */
export class Learning {
  readonly #options: LearningOptions;
  readonly #entries: RecordStore;
  #stats: LearningStats = { checks: 0, demotions: 0, failures: 0 };
  #checking: Promise<readonly Demotion[]> | null = null;
  #periodic: Timer | null = null;
  #soon: Timer | null = null;

  constructor(options: LearningOptions) {
    this.#options = options;
    this.#entries = options.records.shelf({ name: 'demotions', keptForMs, most: mostEntries });
  }

  /** Looks at all rules now and then, from now on. */
  start(): void {
    const { clock, everyMs = defaultEveryMs } = this.#options;
    this.#periodic = clock.schedule(everyMs, () => {
      this.start();
      void this.#look();
    });
  }

  /** Ends what {@link start} and {@link noteLabel} have begun. */
  async stop(): Promise<void> {
    this.#periodic?.cancel();
    this.#soon?.cancel();
    this.#soon = null;
    await this.#checking?.catch(() => undefined);
  }

  /** Somebody has said something of a block: looks within a second. */
  noteLabel(): void {
    if (this.#soon) return;
    this.#soon = this.#options.clock.schedule(afterLabelMs, () => {
      this.#soon = null;
      void this.#look();
    });
  }

  stats(): LearningStats {
    return this.#stats;
  }

  /** What it demoted. One at a time: a second call while one runs waits for that one. */
  checkPrecision(): Promise<readonly Demotion[]> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = null;
    });
    return this.#checking;
  }

  async #look(): Promise<void> {
    try {
      await this.checkPrecision();
    } catch (error) {
      this.#stats = { ...this.#stats, failures: this.#stats.failures + 1 };
      this.#options.logger.warn({ err: error }, 'the precision of rules could not be looked at');
    }
  }

  async #check(): Promise<readonly Demotion[]> {
    const { blockList } = this.#options;
    const [rules, judgements, overrides] = await Promise.all([
      blockList.notedRules(),
      blockList.judgements(),
      blockList.overrides(),
    ]);
    const demotions: Demotion[] = [];
    for (const rule of rules) {
      const judgement = judgements.find((one) => one.rule === rule.name && one.ruleHash === rule.hash);
      const demotion = modeInForce(rule, overrides) === 'enforce' ? belowFloor(rule, judgement) : null;
      if (demotion && (await this.#demote(demotion, rule.precision?.minLabels ?? 1))) demotions.push(demotion);
    }
    const { checks, demotions: before } = this.#stats;
    this.#stats = { ...this.#stats, checks: checks + 1, demotions: before + demotions.length };
    return demotions;
  }

  /** False: it was demoted on these labels before, or another process is at it. */
  async #demote(demotion: Demotion, minLabels: number): Promise<boolean> {
    const { blockList, clock, logger } = this.#options;
    const { rule, ruleHash, precision, why } = demotion;
    const id = `${rule}:${ruleHash}`;
    const held = await this.#entries.get(id);
    const entry = held && (JSON.parse(held.text) as Entry);
    const nowMs = clock.nowMs();
    if (entry?.isDone && precision.judged < entry.labels + minLabels) return false;
    if (entry?.isDone === false && entry.atMs > nowMs - longestDemotionMs) return false;
    const begun: Entry = { labels: precision.judged, atMs: nowMs, isDone: false };
    const ifRevision = held?.revision ?? 0;
    if (!(await this.#entries.put({ id, text: JSON.stringify(begun), ifRevision }))) return false;
    await blockList.override({ rule, mode: 'shadow', untilMs: nowMs + demotedForMs, actor: demoter, note: why });
    await this.#entries.put({ id, text: JSON.stringify({ ...begun, isDone: true }), ifRevision: ifRevision + 1 });
    logger.warn(
      { rule, ruleHash, labels: precision.judged, low: precision.low },
      'a rule has demoted itself to shadow',
    );
    await this.#tell(demotion, nowMs);
    return true;
  }

  async #tell({ rule, ruleHash, precision, floor, why }: Demotion, nowMs: number): Promise<void> {
    const { notify, logger } = this.#options;
    const id = `rule.demoted:${ruleHash}:${precision.judged}`;
    try {
      const data = { rule, ruleHash, ...precision, floor, why };
      await notify?.({ kind: 'rule.demoted', id, at: new Date(nowMs).toISOString(), data });
    } catch (error) {
      logger.warn({ err: error, rule }, 'nobody could be told that a rule has demoted itself');
    }
  }
}
