/** Decisions of one step of time, by what became of them. */
export interface OutcomePoint {
  /** Start of the step, ms since 1970. */
  readonly atMs: number;
  readonly allowed: number;
  readonly denied: number;
  readonly blocked: number;
  /** Of all these, decided without the primary store. */
  readonly degraded: number;
}

export const outcomeNames = ['allowed', 'denied', 'blocked', 'degraded'] as const;
export type OutcomeName = (typeof outcomeNames)[number];

/** No decision at all. */
export const nothing = { allowed: 0, denied: 0, blocked: 0, degraded: 0 } as const;

export interface Steps {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly stepMs: number;
}

const maxSteps = 2000;

/** Every step of a range, also those in which nothing happened: the API leaves them out. */
export const filled = (points: readonly OutcomePoint[], { fromMs, toMs, stepMs }: Steps): readonly OutcomePoint[] => {
  const known = new Map(points.map((point) => [Math.floor(point.atMs / stepMs), point]));
  const first = Math.floor(fromMs / stepMs);
  const last = Math.min(Math.ceil(toMs / stepMs), first + maxSteps);
  return Array.from({ length: Math.max(0, last - first) }, (_, index) => {
    const atMs = (first + index) * stepMs;
    return { ...nothing, ...known.get(first + index), atMs };
  });
};

export const decisionsOf = ({ allowed, denied, blocked }: Omit<OutcomePoint, 'atMs'>): number =>
  allowed + denied + blocked;

/** All steps as one. */
export const summed = (points: readonly OutcomePoint[]): Omit<OutcomePoint, 'atMs'> => {
  const sum = { allowed: 0, denied: 0, blocked: 0, degraded: 0 };
  for (const point of points) for (const name of outcomeNames) sum[name] += point[name];
  return sum;
};

/**
 * What is drawn, from the front to the back: each series is what it stands for and all below it. The degraded ones are a
 * line over it, null where there are none.
 */
export const stacked = (points: readonly OutcomePoint[]): readonly (readonly (number | null)[])[] => [
  points.map(({ atMs }) => atMs / 1000),
  points.map(({ allowed, denied, blocked }) => allowed + denied + blocked),
  points.map(({ allowed, denied }) => allowed + denied),
  points.map(({ allowed }) => allowed),
  points.map(({ degraded }) => (degraded === 0 ? null : degraded)),
];
