import type { PromotionMode } from './block-promoter.ts';

/** A rule as a detector runs it, noted so that people who look at its blocks know what it said. */
export interface NotedRule {
  readonly name: string;
  /** Of what decides verdicts and blocks: blocks carry it. */
  readonly hash: string;
  /** Of the file; an override caps it. */
  readonly mode: PromotionMode;
  readonly canaryPercent: number;
  readonly owner: string;
  /** Milliseconds since the epoch; null: the file does not say. */
  readonly reviewByMs: number | null;
  /** What people must find right: see PrecisionFloor. Null: the rule is never capped because of it. */
  readonly precision: PrecisionFloor | null;
  /** What the hash is taken of, as JSON. */
  readonly definition: string;
  /** When a detector last said so. */
  readonly notedAtMs: number;
}

/** Below `floor`, with the lower end of the 95 % interval, a rule does not go on blocking. */
export interface PrecisionFloor {
  /** 0 to 1. */
  readonly floor: number;
  /** Labels before anything is concluded, >= 1. */
  readonly minLabels: number;
}

/** Which rules there are and were. Detectors write it, people read it. */
export interface RuleBook {
  /** Those that a detector runs now: they replace what was noted of the same names. At most 500. */
  noteRules(rules: readonly Omit<NotedRule, 'notedAtMs'>[]): Promise<void>;
  /** Those noted last under each name within the last day, by name. */
  notedRules(): Promise<readonly NotedRule[]>;
  /** As it was when blocks carried this hash; null: nobody noted it. Kept as long as blocks are. */
  ruleByHash(hash: string): Promise<NotedRule | null>;
}
