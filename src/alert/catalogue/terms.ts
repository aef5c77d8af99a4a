import type { Bound, FigureQuestion, Term } from '../definition.ts';

export const secondMs = 1000;
export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/**
 * How long what a process told of itself holds. Four of its half-minute tellings: one that is late, and one that is lost, is no
 * process that is gone.
 */
export const tellingMs = 2 * minuteMs;

type Told = Partial<Pick<Term, 'where' | 'unless' | 'eachOnce' | 'part'>>;
type Across = Term['across'];

/** The newest values, of whoever told one within two minutes. */
export const now = (figure: Term['figure'], across: Across, told: Told = {}): Term => ({
  figure,
  reading: 'last',
  windowMs: tellingMs,
  across,
  ...told,
});

/** How much counters grew, all of them together. */
export const grown = (figure: Term['figure'], windowMs: number, told: Told = {}): Term => ({
  figure,
  reading: 'increase',
  windowMs,
  across: 'sum',
  ...told,
});

export const above = (limit: number): Bound => ({ above: limit });
export const below = (limit: number): Bound => ({ below: limit });

type Asked = Pick<FigureQuestion, 'value' | 'bound'> & Partial<FigureQuestion>;

/** A question about figures; without `by` it has one answer. */
export const figures = ({ by = [], ...rest }: Asked): FigureQuestion => ({ kind: 'figures', by, ...rest });

/** Labels by which answers are told apart. */
export const byProcess = ['process'] as const;
export const byTopic = ['tidegate_topic'] as const;
