import type { InstrumentId } from '../metrics/instruments.ts';
import type { Sample } from '../metrics/sample.ts';

/** `page`: somebody gets up. `ticket`: somebody looks within the working day. */
export type Severity = 'page' | 'ticket';

/** What most probably brings a rise of denials about, or leaves room for no cause that is not demand. */
export const causes = ['one-client', 'policy-change', 'retry-storm', 'store-fault', 'real-demand'] as const;
export type Cause = (typeof causes)[number];

/** One number from what processes told of themselves. */
export interface Term {
  readonly figure: InstrumentId;
  /** Labels and the value that each must have; those named in `unless` must not have it. */
  readonly where?: Readonly<Record<string, string>>;
  readonly unless?: Readonly<Record<string, string>>;
  /** Of one series: its newest value, or by how much a counter grew within the window, resets taken out; `rate`: per second. */
  readonly reading: 'last' | 'increase' | 'rate';
  readonly windowMs: number;
  /** How the series of one group become one number. */
  readonly across: 'sum' | 'max' | 'min';
}

/** Above or below what a number is too much. */
export type Bound = { readonly above: number } | { readonly below: number };

/** Whether what processes tell of themselves is as it should be; the same in SQL, in PromQL and over samples in memory. */
export interface FigureQuestion {
  readonly kind: 'figures';
  /** Labels that tell the answers apart; `process` is who told. Without any there is one answer. */
  readonly by: readonly string[];
  readonly value: Term;
  /** The value is divided by this; where it is 0 there is no answer. */
  readonly per?: Term;
  readonly bound: Bound;
  /** Counts only while this holds. */
  readonly during?: { readonly value: Term; readonly bound: Bound };
  /** Whether it is an answer that nobody tells the figure. */
  readonly whenAbsent?: 'fires' | 'silent';
}

/** Questions about decisions, which the database answers. */
export const decisionQuestions = [
  'throttle-spike',
  'throttle-burn-fast',
  'throttle-burn-slow',
  'degraded-decisions',
  'deadline-budget',
] as const;
export type DecisionQuestionName = (typeof decisionQuestions)[number];
export interface DecisionQuestion {
  readonly kind: 'decisions';
  readonly name: DecisionQuestionName;
}

/** A rule: when somebody is told of what. Everything that evaluates rules is generated from these. */
export interface AlertDefinition {
  /** `[a-z][a-z0-9-]{0,47}`: `throttle-spike` is `TidegateThrottleSpike` in Prometheus, `tidegate-throttle-spike` in Grafana. */
  readonly id: string;
  readonly severity: Severity;
  /** One sentence for people; `{{name}}` is a label or a number of the reading. */
  readonly summary: string;
  readonly question: FigureQuestion | DecisionQuestion;
  /** It must hold for so long before anybody is told. */
  readonly forMs: number;
  /** It must be over for so long before it is told to be over. */
  readonly keepFiringMs: number;
  readonly dashboard: { readonly uid: string; readonly panelId: number };
}

/** What a question found for one set of labels. */
export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly isFiring: boolean;
  readonly value: number;
  /** What `{{name}}` stands for, and what says so of the cause. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly cause: Cause | null;
}

/** Answers questions about decisions. Rejects as a reader of the database does: TidegateError. */
export interface DecisionReadings {
  /** Those that fire and those near it, worst first, at most 100. */
  read(question: DecisionQuestionName, atMs: number): Promise<readonly Reading[]>;
}

/** What processes told lately, of the last hour at least. */
export interface SampleWindow {
  samples(figure: string, sinceMs: number): readonly Sample[];
  /** When a sample of any process last came; null: none did. */
  newestAtMs(): number | null;
}
