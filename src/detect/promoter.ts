import type { Verdict } from '../blocklist/block.ts';
import {
  type BlockPromoter,
  type Promotion,
  type PromotionMode,
  type PromotionResult,
  type Suppression,
  suppressions,
} from '../blocklist/block-promoter.ts';
import { subjectKeyOf } from '../client.ts';
import type { Clock } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { stableHash } from '../stable-hash.ts';
import type { Rule, RuleSet } from './rule.ts';

const firstBackOffMs = 100;
const maxBackOffMs = 5000;
/** Canary shares are told apart by hundredths of a percent. */
const canaryUnits = 10_000;

/**
 * The mode that holds for this subject: the rule's own for its canary share, shadow for the others. Rule and subject
 * decide, so that every detector says the same, and a larger share takes in whom the smaller one did.
 */
export const modeFor = ({ mode, name, canaryPercent }: Rule, { subject }: Pick<Verdict, 'subject'>): PromotionMode => {
  if (mode === 'off' || mode === 'shadow' || canaryPercent >= 100) return mode;
  // Over JSON, as one text: FNV leaves neighbouring ids neighbouring hashes unless something is mixed in behind them.
  const drawn = scattered(stableHash(JSON.stringify([name, subjectKeyOf(subject)]))) % canaryUnits;
  return drawn < canaryPercent * (canaryUnits / 100) ? mode : 'shadow';
};

const scattered = (hash: number): number => {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return (twice ^ (twice >>> 16)) >>> 0;
};

export interface PromoterOptions {
  readonly rules: RuleSet;
  readonly blockList: Pick<BlockPromoter, 'promote'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface PromoterStats {
  /** Verdicts by what became of them. */
  readonly promotions: Readonly<Record<PromotionResult['kind'], number>>;
  /** Of the suppressed ones, why. */
  readonly suppressed: Readonly<Record<Suppression, number>>;
  /** Verdicts of enforcing rules that were only proposed: over budget, breaker open, or capped by an override. */
  readonly heldBack: number;
  /** Attempts that failed and were made again. */
  readonly promotionFailures: number;
  /** Verdicts that the list will never take, because of whom they are about: given up. */
  readonly promotionsRefused: number;
}

export interface Attempt {
  /** Before each attempt: what the budget and the shared addresses are judged by. Does not wait. */
  readonly prepare: (promotion: Promotion) => void;
  /** Between two attempts. Rejects when this detector was expelled. */
  readonly heartbeat: () => Promise<void>;
}

/** Hands verdicts to the block list, again and again until it answers. */
export class VerdictPromoter {
  readonly #options: PromoterOptions;
  readonly #rules: ReadonlyMap<string, Rule>;
  readonly #pauses = new Set<() => void>();
  #isStopping = false;
  #failures = 0;
  #heldBack = 0;
  #refused = 0;
  readonly #promotions = { activated: 0, proposed: 0, shadow: 0, already: 0, suppressed: 0 };
  readonly #suppressed = Object.fromEntries(suppressions.map((reason) => [reason, 0])) as Record<Suppression, number>;

  constructor(options: PromoterOptions) {
    this.#options = options;
    this.#rules = new Map(options.rules.rules.map((rule) => [rule.name, rule]));
  }

  start(): void {
    this.#isStopping = false;
  }

  /** Ends pauses: what is under way is tried once more at most. */
  stop(): void {
    this.#isStopping = true;
    for (const end of this.#pauses) end();
    this.#pauses.clear();
  }

  stats(): PromoterStats {
    return {
      promotions: { ...this.#promotions },
      suppressed: { ...this.#suppressed },
      heldBack: this.#heldBack,
      promotionFailures: this.#failures,
      promotionsRefused: this.#refused,
    };
  }

  /** Resolves when the list has answered. Rejects when this stops or was expelled before: nothing is lost by that. */
  async promote(verdict: Verdict, { prepare, heartbeat }: Attempt): Promise<void> {
    const promotion = this.#promotionOf(verdict);
    const { blockList, logger } = this.#options;
    for (let backOffMs = firstBackOffMs; ; backOffMs = Math.min(maxBackOffMs, backOffMs * 2)) {
      try {
        prepare(promotion);
        this.#count(promotion, await blockList.promote(promotion));
        return;
      } catch (error) {
        // Trying again would hold up the whole partition for ever: somebody could do so by a spelling of their id.
        if (error instanceof TidegateError && error.code === 'INPUT_INVALID') {
          this.#refused += 1;
          logger.error({ err: messageOf(error), verdict: verdict.id }, 'a verdict that the block list refuses');
          return;
        }
        this.#failures += 1;
        logger.warn({ err: messageOf(error), verdict: verdict.id, backOffMs }, 'promotion failed, trying again');
        await this.#pause(backOffMs);
        // Rejecting leaves the checkpoint where it is: the next owner concludes the same and promotes it.
        if (this.#isStopping) throw error;
        await heartbeat();
      }
    }
  }

  #promotionOf(verdict: Verdict): Promotion {
    const rule = this.#rules.get(verdict.rule);
    if (!rule) throw new RangeError(`a verdict of ${verdict.rule}, which is no rule of this set`);
    const { block: duration, action, owner, shared, budget } = rule;
    const budgets = { rule: budget, all: this.#options.rules.budget };
    return { verdict, duration, mode: modeFor(rule, verdict), action, owner, shared, budget: budgets };
  }

  #count({ verdict, mode }: Promotion, result: PromotionResult): void {
    this.#promotions[result.kind] += 1;
    if (result.kind === 'suppressed') this.#suppressed[result.reason] += 1;
    const { id, rule, subject, tenant, evidence } = verdict;
    const { denied, allowed, distinctRoutes, windows } = evidence;
    const became = result.kind === 'suppressed' ? `suppressed: ${result.reason}` : result.kind;
    const fields = { verdict: id, rule, subject: subjectKeyOf(subject), tenant, result: became };
    this.#options.logger.info({ ...fields, denied, allowed, distinctRoutes, windows }, 'verdict');
    if (result.kind !== 'proposed' || mode !== 'enforce') return;
    this.#heldBack += 1;
    const { reason } = result.block;
    this.#options.logger.warn({ ...fields, reason }, 'not blocked, only proposed, although its rule is in force');
  }

  /** Ends early when this stops. */
  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.schedule(delayMs, () => {
        this.#pauses.delete(end);
        resolve();
      });
      const end = (): void => {
        timer.cancel();
        resolve();
      };
      if (this.#isStopping) end();
      else this.#pauses.add(end);
    });
  }
}
