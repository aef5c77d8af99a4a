import type { Grain, StoredFacts, Sums } from './audit.ts';
import { type AuditFinding, finding } from './audit-findings.ts';

/** A grain against the table it is made from, over the periods that both keep. */
export interface GrainTotals {
  readonly table: string;
  readonly source: string;
  readonly comparedFromMs: number;
  readonly decisions: number;
  readonly sourceDecisions: number;
  /** Σ of the differences that nothing on its way explains, decisions or another measure. */
  readonly drift: number;
}

interface Difference {
  readonly sums: Sums;
  readonly measure: string;
  /** Source minus rollup. */
  readonly missing: number;
}

const keyOf = ({ partition, periodMs, outcome }: Sums): string => `${partition} ${periodMs} ${outcome}`;
const byKey = (all: readonly Sums[]): Map<string, Sums> => new Map(all.map((sums) => [keyOf(sums), sums]));

const isComparable = ({ measures }: Grain, fromMs: number) => {
  // The denials have no allowed ones.
  const isNarrow = measures.length === 1;
  return ({ periodMs, outcome }: Sums): boolean => periodMs >= fromMs && !(isNarrow && outcome === 'allowed');
};

/** The first measure that differs by more than what is on its way can explain; null: none. */
const differenceOf = (
  grain: Grain,
  pair: { coarse: Sums | undefined; fine: Sums | undefined; moving: Sums | undefined },
) => {
  const sums = pair.fine ?? pair.coarse;
  if (!sums) return null;
  for (const [index, measure] of grain.measures.entries()) {
    const missing = (pair.fine?.values[index] ?? 0) - (pair.coarse?.values[index] ?? 0);
    const most = pair.moving?.values[index] ?? 0;
    if (missing < 0 || missing > most) return { sums, measure, missing };
  }
  return null;
};

const dateOf = (ms: number, period: StoredFacts['period']): string =>
  new Date(ms).toISOString().slice(0, period === 'day' ? 10 : 7);

const words: Readonly<Record<string, string>> = { shadowDenied: 'shadow-denied decisions', latencies: 'latencies' };

/** A rollup, the table it is made from, and where the two differ. */
interface Comparison {
  readonly facts: StoredFacts;
  readonly grain: Grain;
  readonly source: string;
  readonly differences: readonly Difference[];
}

const sentenceOf = ({ facts, grain, source, differences }: Comparison): string => {
  const [worst] = [...differences].sort((a, b) => Math.abs(b.missing) - Math.abs(a.missing));
  if (!worst) return '';
  const { missing, measure, sums } = worst;
  const side = missing > 0 ? 'fewer' : 'more';
  const rest = differences.length === 1 ? '' : `; ${differences.length - 1} more of its sums differ`;
  const what = `${Math.abs(missing)} ${words[measure] ?? measure} ${side} than ${source}`;
  return `${grain.table} holds ${what} (${sums.outcome}, ${dateOf(sums.periodMs, facts.period)})${rest}`;
};

/** Whether nothing of this partition was on its way while all was read. */
export type IsStill = (partition: number) => boolean;

const compare = (facts: StoredFacts, pair: { grain: Grain; source: Grain }, isStill: IsStill) => {
  const { grain, source } = pair;
  const behind = byKey(facts.behind);
  const comparedFromMs = Math.max(grain.keptFromMs, source.keptFromMs);
  const isCompared = isComparable(grain, comparedFromMs);
  const coarse = byKey(grain.sums.filter(isCompared));
  const fine = byKey(source.sums.filter(isCompared));
  const differences = [...new Set([...coarse.keys(), ...fine.keys()])].flatMap((key): Difference[] => {
    const sums = { coarse: coarse.get(key), fine: fine.get(key) };
    const partition = (sums.fine ?? sums.coarse)?.partition ?? 0;
    const difference = differenceOf(grain, { ...sums, moving: isStill(partition) ? undefined : behind.get(key) });
    return difference ? [difference] : [];
  });
  const totals: GrainTotals = {
    table: grain.table,
    source: source.table,
    comparedFromMs,
    decisions: decisionsOf(coarse),
    sourceDecisions: decisionsOf(fine),
    drift: amountOf(differences),
  };
  return { totals, comparison: { facts, grain, source: source.table, differences } };
};

/**
 * Compares each rollup with its source. A rollup was read before its source, so it may lack what came in between, but no
 * more than the rows that stand behind the ledger; of a partition that was still it may lack nothing.
 */
export const judgeRollups = (
  facts: StoredFacts,
  isStill: IsStill,
): { findings: AuditFinding[]; totals: GrainTotals[] } => {
  const tables = new Map(facts.grains.map((grain) => [grain.table, grain]));
  const compared = facts.grains.flatMap((grain) => {
    const source = tables.get(grain.source ?? '');
    return source ? [compare(facts, { grain, source }, isStill)] : [];
  });
  return {
    findings: compared.flatMap(({ comparison }) => findingsOf(comparison)),
    totals: compared.map(({ totals }) => totals),
  };
};

const amountOf = (differences: readonly Difference[]): number =>
  differences.reduce((sum, { missing }) => sum + Math.abs(missing), 0);

const decisionsOf = (all: ReadonlyMap<string, Sums>): number =>
  [...all.values()].reduce((sum, { values }) => sum + (values[0] ?? 0), 0);

/** One for each partition. */
const findingsOf = (comparison: Comparison): AuditFinding[] => {
  const partitions = [...new Set(comparison.differences.map(({ sums }) => sums.partition))].sort((a, b) => a - b);
  return partitions.map((partition) => {
    const differences = comparison.differences.filter(({ sums }) => sums.partition === partition);
    return finding('rollup-differs', {
      topic: comparison.facts.topic,
      partition,
      what: sentenceOf({ ...comparison, differences }),
      amount: amountOf(differences),
      unit: 'decisions',
    });
  });
};
