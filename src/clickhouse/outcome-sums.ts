import type { DecisionTotals } from '../analytics/decision-reader.ts';

/** 64-bit numbers come as text from some engines. */
export type Count = string | number;
export type Counts = Record<keyof DecisionTotals, Count>;

export const totalsOf = (row: Counts | undefined): DecisionTotals => ({
  decisions: Number(row?.decisions ?? 0),
  allowed: Number(row?.allowed ?? 0),
  denied: Number(row?.denied ?? 0),
  blocked: Number(row?.blocked ?? 0),
});

/** Columns `decisions`, `allowed`, `denied` and `blocked`, where `count` is how many decisions a row stands for. */
export const outcomeSums = (
  count: string,
): string => `sum(${count}) AS decisions, sumIf(${count}, outcome = 'allowed') AS allowed,
  sumIf(${count}, outcome = 'denied') AS denied, sumIf(${count}, outcome = 'blocked') AS blocked`;
