import type { InstrumentId } from '../metrics/instruments.ts';
import type { Sample } from '../metrics/sample.ts';

/** `page`: somebody gets up. `ticket`: somebody looks within the working day. */
export type Severity = 'page' | 'ticket';

/** What an alert is about. */
export const alertAreas = ['throttling', 'limiter', 'policies', 'pipeline', 'abuse', 'alerting'] as const;
export type AlertArea = (typeof alertAreas)[number];

/** What a value counts: `share` is 0 to 1 and told as a percentage. */
export type AlertUnit = 'share' | 'seconds' | 'count' | 'ratio';

/** What most probably brings a rise of denials about, or leaves room for no cause that is not demand. */
export const causes = ['one-client', 'policy-change', 'retry-storm', 'store-fault', 'real-demand'] as const;
export type Cause = (typeof causes)[number];

/** One number from what processes told of themselves. */
export interface Term {
  readonly figure: InstrumentId;
  /** Of a histogram: how many there were, their sum, or how many were at most `le` (in `where`). Only of a histogram, and always. */
  readonly part?: 'count' | 'sum' | 'bucket';
  /** Labels, as Prometheus names them, and the value that each must have; those named in `unless` must not have it. */
  readonly where?: Readonly<Record<string, string>>;
  readonly unless?: Readonly<Record<string, string>>;
  /**
   * Of one series: its newest value, or by how much a counter grew within the window, resets taken out; `rate`: per second. What was
   * told first within the window is where growth begins: a series told once has not grown, it has no answer.
   */
  readonly reading: 'last' | 'increase' | 'rate';
  /** A series of which nothing was told for so long is gone. A gap is not zero. */
  readonly windowMs: number;
  /** Labels that name one thing of which several processes may tell, such as a partition that changes hands: the largest counts. */
  readonly eachOnce?: readonly string[];
  /** How the series of one group become one number; `count`: how many series there are. */
  readonly across: 'sum' | 'max' | 'min' | 'count';
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
  /** Counts only while this holds, asked of all processes together. Where it has no answer it does not hold. */
  readonly during?: { readonly value: Term; readonly bound: Bound };
  /**
   * `fires`: when nobody tells the figure, the value is 0. Only where there is one answer (`by` is empty) and the bound is below
   * something. Default: no answer.
   */
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
  /** What it is about: how lists and groups are arranged. */
  readonly area: AlertArea;
  /** When it fires, in words with its numbers: `More than 5,000 records wait for ten minutes`. */
  readonly when: string;
  /** One sentence for people; `{{name}}` is a label or a number of the reading, `{{value}}` its value in `unit`. */
  readonly summary: string;
  readonly unit: AlertUnit;
  /** What brings it about most often, likeliest first, each with the number or command that says so. */
  readonly likely: readonly string[];
  readonly question: FigureQuestion | DecisionQuestion;
  /** It must hold for so long before anybody is told. */
  readonly forMs: number;
  /** It must be over for so long before it is told to be over. */
  readonly keepFiringMs: number;
  /**
   * Alerts that tell of the same already: what begins here waits while one of them fires for the same labels, or for all decisions
   * together. Its own id: its values wait for what it says of all. Default: none.
   */
  readonly coveredBy?: readonly string[];
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
