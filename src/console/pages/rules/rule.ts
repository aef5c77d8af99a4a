/** A rule of the detector, as `GET /v1/rules` tells it. */
export interface Rule {
  readonly rule: string;
  readonly hash: string | null;
  readonly mode: {
    readonly file: string | null;
    readonly inForce: string | null;
    readonly canaryPercent: number | null;
  };
  readonly override: {
    readonly mode: string;
    readonly until: string;
    readonly actor: string;
    readonly note: string;
  } | null;
  readonly owner: string | null;
  readonly reviewBy: string | null;
  readonly precisionFloor: { readonly floor: number; readonly minLabels: number } | null;
  readonly breaker: Breaker;
  readonly lastHour: Tally;
  readonly judged: {
    readonly confirmed: number;
    readonly falsePositives: number;
    readonly goodwill: number;
    readonly unjudged: number;
  };
  readonly precision: Precision | null;
  readonly reviewAge: { readonly oldestUnjudgedMs: number; readonly medianMs: number } | null;
  readonly demoted: { readonly at: string; readonly why: string } | null;
}

interface Tally {
  readonly blocks: number;
  readonly clients: number;
  readonly requests: number;
}

export interface Breaker {
  readonly rule: string;
  readonly state: 'closed' | 'open' | 'half-open';
  /** Null: it never was anything but closed. */
  readonly since: string | null;
  readonly reason: string;
  readonly lastHour: Tally;
}

export interface Precision {
  readonly share: number;
  readonly low: number;
  readonly high: number;
  readonly judged: number;
}

/** What a rule was at different times: `GET /v1/rules/{rule}/quality`. */
export interface Quality {
  readonly rule: string;
  readonly contents: readonly {
    readonly hash: string;
    readonly isCurrent: boolean;
    readonly definition: string | null;
    readonly made: number;
    readonly confirmed: number;
    readonly falsePositives: number;
    readonly goodwill: number;
    readonly precision: Precision | null;
    readonly lastLabelAt: string | null;
  }[];
}

/** From least to most. */
export const modes = ['off', 'shadow', 'review', 'enforce'] as const;
export type Mode = (typeof modes)[number];
