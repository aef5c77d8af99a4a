import type { BlockList } from '../blocklist/block-list.ts';
import { type Breaker, type Switches, switched } from '../blocklist/block-switches.ts';
import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RuleStateSource } from '../metrics/observed.ts';

export interface RuleWatchOptions {
  readonly blockList: Pick<BlockList, 'switches' | 'breakers'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const everyMs = 15_000;

/** Looks now and then at what operators have switched off and which rules are over their budget, and says so in the log. */
export class RuleWatch implements RuleStateSource {
  readonly #options: RuleWatchOptions;
  #switches: Switches | null = null;
  #breakers: readonly Breaker[] = [];
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(options: RuleWatchOptions) {
    this.#options = options;
  }

  /** Resolves after the first look. */
  start(): Promise<void> {
    return this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  stats(): ReturnType<RuleStateSource['stats']> {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#switches;
    const switchedOff = known === null ? [] : switched.map((what) => ({ what, isOff: isOff(known, what, nowMs) }));
    return { switchedOff, breakers: this.#breakers };
  }

  async #look(): Promise<void> {
    const { blockList, clock, logger } = this.#options;
    try {
      const [switches, breakers] = await Promise.all([blockList.switches(), blockList.breakers()]);
      this.#tell(switches, breakers);
      this.#switches = switches;
      this.#breakers = breakers;
    } catch (error) {
      logger.debug({ err: messageOf(error) }, 'switches and budgets of rules could not be asked');
    }
    if (!this.#isStopped) this.#timer = clock.schedule(everyMs, () => void this.#look());
  }

  /** What has changed since the last look. */
  #tell(switches: Switches, breakers: readonly Breaker[]): void {
    const { clock, logger } = this.#options;
    const nowMs = clock.nowMs();
    for (const what of switched) {
      const was = this.#switches !== null && isOff(this.#switches, what, nowMs);
      const off = switches[what];
      if (off !== null && off.untilMs > nowMs && !was) {
        const until = new Date(off.untilMs).toISOString();
        logger.warn({ what, until, actor: off.actor }, `${what} are switched off everywhere: tidegate panic`);
      }
    }
    for (const { rule, state, reason } of breakers) {
      const before = this.#breakers.find((one) => one.rule === rule)?.state ?? 'closed';
      if (state === 'open' && before !== 'open') {
        logger.error({ rule, reason }, 'over its budget: what it concludes is only proposed until a person resets it');
      }
    }
  }
}

const isOff = (switches: Switches, what: (typeof switched)[number], nowMs: number): boolean => {
  const off = switches[what];
  return off !== null && off.untilMs > nowMs;
};
