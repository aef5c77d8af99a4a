import type { Audit } from './audit.ts';
import type { EmitterEnd } from './emitter-life.ts';
import type { EmitterTotal } from './log-totals.ts';
import type { Truth } from './truth.ts';
import { innerProblems, ledgerProblems } from './verdict.ts';

export interface SoakEvidence {
  readonly audit: Audit;
  /** What the log's frames say of each emitter. */
  readonly totals: readonly EmitterTotal[];
  /** What the gates say of themselves. */
  readonly gates: readonly EmitterEnd[];
  /** Of what was sent by hand, poison included. */
  readonly byHand: Truth;
  readonly deadLetters: number;
  readonly ends: ReadonlyMap<number, number>;
}

export interface SoakVerdict {
  /** Σ over the partitions of how far each table is from what was decided. */
  readonly drift: Readonly<Record<string, number>>;
  /** Decisions of gates that were closed, by their own count; and of killed ones, by what they had sent. */
  readonly taken: number;
  readonly stored: number;
  /** Given up by a gate that was closed while the log was away: counted, not drift. */
  readonly lost: number;
  /** Of killed gates, decisions that they had taken by their last report and the log has not seen: unknown to all but them. */
  readonly unsentOfKilled: number;
  readonly tailUnknown: number;
  readonly problems: readonly string[];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Σ count that must be stored, by partition: what the gates' frames say, and what was sent by hand. */
const meantOf = ({ totals, gates, byHand, ends }: SoakEvidence): Map<number, number> => {
  const isGate = new Set(gates.map(({ emitterId }) => emitterId));
  return new Map(
    [...ends.keys()].map((partition) => [
      partition,
      sum(totals.filter((one) => one.partition === partition && isGate.has(one.emitter)).map((one) => one.decisions)) +
        (byHand.byPartition.get(partition)?.decisions ?? 0),
    ]),
  );
};

const driftOf = (audit: Audit, meant: ReadonlyMap<number, number>): Record<string, number> => {
  const tables = Object.entries(audit.sums).filter(([, rows]) =>
    rows.every(({ decisions }) => decisions !== undefined),
  );
  return Object.fromEntries(
    tables.map(([table, rows]) => [
      table,
      sum(
        [...meant].map(([partition, decisions]) =>
          Math.abs((rows.find((row) => row.partition === partition)?.decisions ?? 0) - decisions),
        ),
      ),
    ]),
  );
};

/** What one gate says, what the log says of it, and what the tables hold of it must be one number. */
const gateProblems = ({ audit, totals }: SoakEvidence, gate: EmitterEnd): string[] => {
  const { emitterId, isKilled, last, failure } = gate;
  const inLog = totals.filter(({ emitter }) => emitter === emitterId);
  const logged = sum(inLog.map(({ decisions }) => decisions));
  const stored = sum(audit.emitters.filter(({ name }) => name === emitterId).map(({ decisions }) => decisions));
  const accounts = audit.accounts.filter(({ name }) => name === emitterId);
  const hasEnded = accounts.length > 0 && accounts.every(({ ended }) => ended);
  const missing = sum(accounts.map(({ missingRows }) => missingRows));
  const problems: string[] = [];
  const say = (text: string): number => problems.push(`${emitterId}: ${text}`);
  if (failure !== '') say(failure);
  if (stored !== logged) say(`${stored} decisions are stored, ${logged} are in the log`);
  if (missing > 0) say(`${missing} rows never came`);
  if (isKilled && hasEnded) say('the ledger says that it has ended, it was killed');
  if (isKilled && stored < last.sent) say(`${stored} decisions are stored, it knew ${last.sent} to be durable`);
  if (!isKilled && stored + last.lost !== last.taken) {
    say(`${stored} decisions are stored, ${last.lost} lost, it has taken ${last.taken}`);
  }
  if (!isKilled && last.lost === 0 && stored > 0 && !hasEnded) say('the ledger does not say that it has ended');
  return problems;
};

/** Compares what was decided with what is stored. */
export const judge = (evidence: SoakEvidence): SoakVerdict => {
  const { audit, gates, byHand, deadLetters, ends, totals } = evidence;
  const drift = driftOf(audit, meantOf(evidence));
  const closed = gates.filter(({ isKilled }) => !isKilled);
  const killed = gates.filter(({ isKilled }) => isKilled);
  const loggedOf = (emitterId: string): number =>
    sum(totals.filter(({ emitter }) => emitter === emitterId).map(({ decisions }) => decisions));
  const problems = [
    ...Object.entries(drift).flatMap(([table, by]) => (by > 0 ? [`${table} drifts by ${by}`] : [])),
    ...gates.flatMap((gate) => gateProblems(evidence, gate)),
    ...innerProblems(audit),
    ...ledgerProblems(audit, ends),
    ...(deadLetters === byHand.deadLetters ? [] : [`dead letters: ${deadLetters}, not ${byHand.deadLetters}`]),
  ];
  return {
    drift,
    taken:
      sum(closed.map(({ last }) => last.taken)) +
      sum(killed.map(({ emitterId }) => loggedOf(emitterId))) +
      byHand.decisions,
    stored: sum((audit.sums['decisions_raw'] ?? []).map(({ decisions = 0 }) => decisions)),
    lost: sum(closed.map(({ last }) => last.lost)),
    unsentOfKilled: sum(killed.map(({ emitterId, last }) => Math.max(0, last.taken - loggedOf(emitterId)))),
    tailUnknown: killed.length,
    problems,
  };
};
