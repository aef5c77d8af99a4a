import type { PromotionMode } from './block-promoter.ts';
import type { Act } from './block-review.ts';

/** Until when something is switched off, and by whom. */
export interface Switch extends Act {
  readonly untilMs: number;
}

export const switched = ['blocks', 'limits'] as const;
export type Switched = (typeof switched)[number];

/** What an operator has switched off in every gate. Null: it is on. */
export type Switches = Readonly<Record<Switched, Switch | null>>;

export const nothingSwitchedOff: Switches = { blocks: null, limits: null };

/** Caps the mode that a rule has in its file. */
export interface ModeOverride extends Act {
  readonly rule: string;
  readonly mode: PromotionMode;
  readonly untilMs: number;
}

/** `*` stands for all rules together. */
export interface Breaker {
  readonly rule: string;
  /**
   * `open`: over its budget, and everything is proposed until a person resets it. `half-open`: reset; what was blocked before
   * counts no more, and after an hour without tripping again it is closed by itself. `closed`: within budget.
   */
  readonly state: 'closed' | 'open' | 'half-open';
  readonly sinceMs: number;
  readonly reason: string;
  /** Within the last hour: blocks made, and the clients and allowed requests that they hit. */
  readonly blocks: number;
  readonly clients: number;
  readonly requests: number;
}

/** The whole of the last hour, over all partitions. */
export interface Traffic {
  readonly allowed: number;
  readonly clients: number;
}

/** What operators set for all detectors and gates at once. */
export interface BlockSwitches {
  switches(): Promise<Switches>;
  /** Null switches it on again. */
  setSwitch(what: Switched, off: Switch | null, act: Act): Promise<Switches>;
  overrides(): Promise<readonly ModeOverride[]>;
  override(override: ModeOverride): Promise<void>;
  /** False: there was none. */
  endOverride(rule: string, act: Act): Promise<boolean>;
  /** Of all rules together, always; then of each rule that blocked somebody within the hour, or is not closed, by name. */
  breakers(): Promise<readonly Breaker[]>;
  /** False: it was not open. */
  resetBreaker(rule: string, act: Act): Promise<boolean>;
  traffic(): Promise<Traffic>;
}
