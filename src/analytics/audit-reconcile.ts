import { topics as topicNames } from '../event/event-log.ts';
import { type Auditor, auditedTopics, type StoredFacts } from './audit.ts';
import { type AuditFinding, type FindingKind, finding, findingKinds } from './audit-findings.ts';
import {
  type BlockUnderWay,
  countOf,
  isStill,
  judgeRanges,
  judgeRows,
  type LogPosition,
  type PartitionFacts,
} from './audit-ranges.ts';
import { type GrainTotals, judgeRollups } from './audit-rollups.ts';

/** Where ingest stands in the log. */
export interface LogSide {
  /** By partition; null: there is no such topic. Rejects with LOG_FAILED. */
  positions(topic: string): Promise<ReadonlyMap<number, LogPosition> | null>;
}

export interface PartitionReport {
  readonly partition: number;
  readonly blocks: number;
  /** [ledgerStart, ledgerEnd): null without a line. */
  readonly ledgerStart: number | null;
  readonly ledgerEnd: number | null;
  readonly committedOffset: number | null;
  readonly underWay: BlockUnderWay | null;
  readonly logEnd: number | null;
  /** Records that are not stored yet. */
  readonly lagRecords: number;
  /** Of the rows that the table keeps: in the ledger, and found. */
  readonly accountedRows: number;
  readonly storedRows: number;
  /** Rows of blocks that were on their way. */
  readonly behindRows: number;
  readonly drift: number;
}

export interface TopicReport {
  readonly topic: string;
  readonly table: string;
  readonly partitions: readonly PartitionReport[];
  readonly grains: readonly GrainTotals[];
  readonly doubledRows: number;
  readonly deadLetters: number;
  readonly settledBlocks: number;
}

export interface Reconciliation {
  readonly takenAtMs: number;
  /** Σ of what all findings of drift amount to. 0: every number agrees. */
  readonly drift: number;
  readonly topics: readonly TopicReport[];
  /** Drift first; at most {@link maxFindings}. */
  readonly findings: readonly AuditFinding[];
  /** Those that did not fit. */
  readonly moreFindings: number;
}

export interface ReconcileOptions {
  readonly auditor: Auditor;
  readonly log: LogSide;
  /** Default: all that have a table. */
  readonly topics?: readonly string[];
  /** Compare rows and rollups since then alone. Default: all that is kept. */
  readonly sinceMs?: number;
  /** An emitter that has not ended is worth a word when nothing came for so long, milliseconds. Default 10 minutes. */
  readonly silentMs?: number;
}

const defaultSilentMs = 600_000;
const maxFindings = 200;

/**
 * Compares what the log, the ledger, the rows and the rollups say, while ingest goes on.
 *
 * It never cries drift for what is on its way. The group's position is read first, then the ledger, then the rollups from
 * the coarsest to the rows, then the group's position again. Ingest works in the other direction (commit of the intent, rows,
 * minutes, hours, days, ledger, next commit), so each thing was read before what it follows from: it may lack what came in
 * between, and may not hold more. What it may lack is bounded as well: by the rows that stand behind the ledger that was
 * read, which the emitters' positions tell. A partition whose position was the same before and after, with no block under
 * way, is compared to the last decision.
 *
 * Rejects with TABLE_FAILED or LOG_FAILED when one side cannot be asked.
 */
export const reconcile = async (options: ReconcileOptions): Promise<Reconciliation> => {
  const { auditor, topics = auditedTopics } = options;
  const judged: { report: TopicReport; findings: AuditFinding[] }[] = [];
  for (const topic of topics) {
    const one = await reconcileTopic(options, topic);
    if (one) judged.push(one);
  }
  const all = judged.flatMap(({ findings }) => findings);
  const order = (kind: FindingKind): number => findingKinds.indexOf(kind);
  const sorted = all.sort((a, b) => order(a.kind) - order(b.kind) || b.amount - a.amount);
  return {
    takenAtMs: await auditor.nowMs(),
    drift: driftOf(all),
    topics: judged.map(({ report }) => report),
    findings: sorted.slice(0, maxFindings),
    moreFindings: Math.max(0, all.length - maxFindings),
  };
};

const driftOf = (findings: readonly AuditFinding[]): number =>
  findings.reduce((sum, { isDrift, amount }) => sum + (isDrift ? amount : 0), 0);

const reconcileTopic = async (
  { auditor, log, sinceMs, silentMs = defaultSilentMs }: ReconcileOptions,
  topic: string,
) => {
  const before = await log.positions(topic);
  const stored = await auditor.read({ topic, silentMs, ...(sinceMs === undefined ? {} : { sinceMs }) });
  const after = await log.positions(topic);
  // Neither written nor stored yet.
  if (!before && stored.ledger.size === 0 && stored.rows.size === 0) return null;
  return judge(stored, before, after);
};

type Side = ReadonlyMap<number, LogPosition> | null;

/** What one topic's numbers come to. Pure: facts in, findings out. */
export const judge = (
  stored: StoredFacts,
  before: Side,
  after: Side,
): { report: TopicReport; findings: AuditFinding[] } => {
  const { topic, table, ledger, rows } = stored;
  const known = [before, after, ledger, rows].flatMap((side) => [...(side?.keys() ?? [])]);
  const numbers = [...new Set(known)].sort((a, b) => a - b);
  const newestTopicId = [...ledger.values()].sort((a, b) => b.lastStoredAtMs - a.lastStoredAtMs)[0]?.topicId ?? '';
  const partitions = numbers.map(
    (partition): PartitionFacts => ({
      topic,
      partition,
      before: before?.get(partition),
      after: after?.get(partition),
      ledger: ledger.get(partition),
      newestTopicId,
      rows: rows.get(partition),
      compacted: topic === topicNames.policies,
    }),
  );
  const still = new Set(partitions.filter(isStill).map(({ partition }) => partition));
  const rollups = judgeRollups(stored, (partition) => still.has(partition));
  const findings = [
    ...partitions.flatMap((facts) => [...judgeRanges(facts), ...judgeRows(facts)]),
    ...rollups.findings,
    ...silentFindings(stored),
  ];
  const sum = (of: (facts: PartitionFacts) => number | undefined): number =>
    partitions.reduce((all, facts) => all + (of(facts) ?? 0), 0);
  const report = {
    topic,
    table,
    partitions: partitions.map((facts) => reportOf(facts, findings)),
    grains: rollups.totals,
    doubledRows: sum((facts) => facts.ledger?.doubledRows),
    deadLetters: sum((facts) => facts.ledger?.deadLetters),
    settledBlocks: sum((facts) => facts.ledger?.settledBlocks),
  };
  return { report, findings };
};

const reportOf = (
  { partition, after, ledger, rows }: PartitionFacts,
  findings: readonly AuditFinding[],
): PartitionReport => ({
  partition,
  blocks: ledger?.blocks ?? 0,
  ledgerStart: ledger?.startOffset ?? null,
  ledgerEnd: ledger?.endOffset ?? null,
  committedOffset: after?.committedOffset ?? null,
  underWay: after?.underWay ?? null,
  logEnd: after?.endOffset ?? null,
  lagRecords: after ? Math.max(0, after.endOffset - Math.max(after.committedOffset ?? 0, ledger?.endOffset ?? 0)) : 0,
  accountedRows: rows?.accountedRows ?? 0,
  storedRows: rows?.storedRows ?? 0,
  behindRows: rows?.behindRows ?? 0,
  drift: driftOf(findings.filter((found) => found.partition === partition)),
});

const silentFindings = ({ topic, silent, silentEmitters, nowMs }: StoredFacts): AuditFinding[] => {
  const found = silent.map(({ emitter, lastStoredAtMs }) => {
    const minutes = Math.floor((nowMs - lastStoredAtMs) / 60_000);
    const what = `${emitter} has been silent for ${countOf(minutes, 'minute')} and has not said that it ended: tail unknown`;
    return finding('tail-unknown', { topic, partition: null, what, amount: 1, unit: 'emitters' });
  });
  const hidden = silentEmitters - silent.length;
  if (hidden <= 0) return found;
  const what = `${countOf(hidden, 'further emitter')} fell silent without an end`;
  return [...found, finding('tail-unknown', { topic, partition: null, what, amount: hidden, unit: 'emitters' })];
};
