import type { Verdict } from '../blocklist/block.ts';
import type { Rule } from './rule.ts';
import { RuleTracker, type TrackedEvent } from './rule-tracker.ts';

export interface PassBounds {
  /** Subjects with denials that are remembered, per tally that rules share. Default 10,000. */
  readonly maxSuspects?: number;
  /** Subjects without, of which only the share is known once they are denied. Default 10,000. */
  readonly maxQuiet?: number;
}

export interface PassOptions extends PassBounds {
  readonly rules: readonly Rule[];
  readonly partition: number;
  /** Incidents of the rule that began earlier were judged by whoever owned the partition then. */
  readonly sinceMs: (rule: Rule) => number;
}

export interface PassStats {
  /** Subjects that are remembered. */
  readonly clients: number;
  /** Subjects with denials that were forgotten for lack of room. */
  readonly evicted: number;
}

/** All rules over the evidence of one partition. Pure: the same events in the same order, the same verdicts. */
export class RulePass {
  readonly #trackers: readonly RuleTracker[];

  constructor({ rules, partition, sinceMs, ...bounds }: PassOptions) {
    this.#trackers = rules.map((rule) => new RuleTracker({ rule, partition, sinceMs: sinceMs(rule), ...bounds }));
  }

  /** Takes in what is evidence; the caller judges what is. */
  observe(event: TrackedEvent): void {
    for (const tracker of this.#trackers) tracker.observe(event);
  }

  /** Verdicts on the subjects that were denied something since the last call. */
  conclude(): Verdict[] {
    return this.#trackers.flatMap((tracker) => tracker.conclude());
  }

  /** Forgets subjects whose newest window is out of sight. */
  forgetBefore(atMs: number): void {
    for (const tracker of this.#trackers) tracker.forgetBefore(atMs);
  }

  stats(): PassStats {
    const sum = (field: 'clients' | 'evicted'): number =>
      this.#trackers.reduce((total, tracker) => total + tracker[field], 0);
    return { clients: sum('clients'), evicted: sum('evicted') };
  }
}
