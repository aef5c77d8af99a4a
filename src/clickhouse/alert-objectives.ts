/** What an installation promises about its decisions; burn alerts tell how fast the promise is used up. */
export interface AlertObjectives {
  /** Share of decisions that may be denied, 0 to 1. Default 0.05. */
  readonly deniedShare: number;
  /** Share of decisions that may take longer than the deadline, 0 to 1. Default 0.001. */
  readonly slowShare: number;
  /** Share of decisions that may be made without the primary store within five minutes, 0 to 1. Default 0.01. */
  readonly degradedShare: number;
  /** How long a decision may take, microseconds. Default 20,000. */
  readonly deadlineUs: number;
}

export const defaultObjectives: AlertObjectives = {
  deniedShare: 0.05,
  slowShare: 0.001,
  degradedShare: 0.01,
  deadlineUs: 20_000,
};

/** A budget burns when it does so in the long window, still does in the short one, and that much faster than it may. */
export interface BurnWindows {
  readonly longSeconds: number;
  readonly shortSeconds: number;
  readonly factor: number;
}

/** Two percent of a month's budget within an hour, five within six. */
export const fastBurn: readonly BurnWindows[] = [
  { longSeconds: 3600, shortSeconds: 300, factor: 14.4 },
  { longSeconds: 21_600, shortSeconds: 1800, factor: 6 },
];

/** Ten percent of a month's budget within a day or within three. */
export const slowBurn: readonly BurnWindows[] = [
  { longSeconds: 86_400, shortSeconds: 7200, factor: 3 },
  { longSeconds: 259_200, shortSeconds: 21_600, factor: 1 },
];
