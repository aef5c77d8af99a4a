import type { FigureQuestion, Term } from '../definition.ts';

/** Every term that a question reads. */
export const termsOf = ({ value, per, during }: FigureQuestion): readonly Term[] => [
  value,
  ...(per === undefined ? [] : [per]),
  ...(during === undefined ? [] : [during.value]),
];
