import type { TidegateError } from '../errors.ts';
import type { AlertInstance } from './instance.ts';

/** All that is known of alerts after an evaluation. */
export interface StoredAlerts {
  /** Counts evaluations that were kept, whoever made them. */
  readonly revision: number;
  readonly evaluatedAtMs: number;
  /** Questions that had no answer, by the alerts that asked them. */
  readonly unanswered: readonly string[];
  /** At most 1000. */
  readonly instances: readonly AlertInstance[];
}

/** What is known before the first evaluation. */
export const noAlerts: StoredAlerts = { revision: 0, evaluatedAtMs: 0, unanswered: [], instances: [] };

export interface LoadedAlerts {
  readonly alerts: StoredAlerts;
  /**
   * INPUT_INVALID: something else lies there than what was kept. `alerts` are none then, with the revision after which the next state
   * is kept in its place.
   */
  readonly unfit: TidegateError | null;
}

/** Where the state of alerts outlives the process that evaluates them. Failures: TidegateError STORE_FAILED. */
export interface AlertStore {
  /** Takes or keeps the lead for `ttlMs`. False: another holder has it. */
  lead(holder: string, ttlMs: number): Promise<boolean>;
  /** Gives the lead up, where this holder has it. */
  release(holder: string): Promise<void>;
  load(): Promise<LoadedAlerts>;
  /** Keeps `next` in place of what has the revision `after`. False: something else is there by now, and stays. */
  save(next: StoredAlerts, after: number): Promise<boolean>;
}
