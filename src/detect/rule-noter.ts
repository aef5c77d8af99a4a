import type { RuleBook } from '../blocklist/rule-book.ts';
import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RuleSet } from './rule.ts';
import { notedOf } from './rule-definition.ts';

/** The book forgets within a day what nobody runs any more. */
const everyMs = 3_600_000;
const firstBackOffMs = 1000;
const maxBackOffMs = 60_000;

export interface RuleNoterOptions {
  readonly rules: RuleSet;
  readonly book: Pick<RuleBook, 'noteRules'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Keeps the rules of this process noted, so that people who look at a block can read what its rule said. Never in the
 * way of detection: a store that is away is asked again.
 */
export class RuleNoter {
  readonly #options: RuleNoterOptions;
  #timer: Timer | null = null;
  #backOffMs = firstBackOffMs;
  #isStopped = false;

  constructor(options: RuleNoterOptions) {
    this.#options = options;
  }

  /** Resolves after the first attempt; never rejects. */
  async start(): Promise<void> {
    const { rules, book, clock, logger } = this.#options;
    let nextMs = everyMs;
    try {
      await book.noteRules(rules.rules.map(notedOf));
      this.#backOffMs = firstBackOffMs;
    } catch (error) {
      nextMs = this.#backOffMs;
      this.#backOffMs = Math.min(maxBackOffMs, this.#backOffMs * 2);
      logger.warn({ err: messageOf(error), nextMs }, 'the rules could not be noted for people to read, trying again');
    }
    if (!this.#isStopped) this.#timer = clock.schedule(nextMs, () => void this.start());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
}
