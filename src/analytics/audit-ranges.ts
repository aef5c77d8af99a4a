import { type EmitterAccount, type PartitionLedger, type PartitionRows, topicIdOf } from './audit.ts';
import { type AuditFinding, finding } from './audit-findings.ts';

/** What is under way in a partition: announced, and not yet known to be stored. */
export interface BlockUnderWay {
  /** Which of the topics of this name; '': not known. */
  readonly topicId: string;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly rows: number;
}

/** Where a group stands in one partition of the log. */
export interface LogPosition {
  /** Null: the group has committed nothing. */
  readonly committedOffset: number | null;
  readonly underWay: BlockUnderWay | null;
  /** Just behind the newest record. */
  readonly endOffset: number;
}

/** One partition, from both sides. `before` and `after` say where the group stood when the reading began and ended. */
export interface PartitionFacts {
  readonly topic: string;
  readonly partition: number;
  readonly before: LogPosition | undefined;
  readonly after: LogPosition | undefined;
  readonly ledger: PartitionLedger | undefined;
  /** Of any partition's ledger, the topic that was written last. */
  readonly newestTopicId: string;
  readonly rows: PartitionRows | undefined;
  /** Of the records of one key the log keeps the newest: gaps are no losses. */
  readonly compacted: boolean;
}

const same = (a: LogPosition, b: LogPosition): boolean =>
  a.committedOffset === b.committedOffset &&
  a.underWay?.startOffset === b.underWay?.startOffset &&
  a.underWay?.endOffset === b.underWay?.endOffset;

/**
 * Whether nothing was on its way while everything was read: a block is announced in the group's commit before its first row
 * is stored, and has its line in the ledger when its last one is.
 */
export const isStill = ({ before, after, ledger }: PartitionFacts): boolean => {
  // Nothing travels in a partition that the log does not have.
  if (!before || !after) return before === after;
  if (!same(before, after)) return false;
  return before.underWay === null || (ledger !== undefined && ledger.endOffset >= before.underWay.endOffset);
};

/** `1 row`, `2 rows`. */
export const countOf = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** The ledger's ranges among themselves, against the group's offsets and against the log. */
export const judgeRanges = (facts: PartitionFacts): AuditFinding[] => {
  const { topic, partition, ledger } = facts;
  if (!ledger) return [];
  const of = { topic, partition, unit: 'records' } as const;
  const breaks = ledger.breaks.map(({ kind, fromOffset, toOffset }) => {
    const amount = toOffset - fromOffset;
    const what =
      kind === 'gap'
        ? `${countOf(amount, 'offset')} from ${fromOffset} to ${toOffset - 1} have no line in ingest_blocks`
        : `${countOf(amount, 'offset')} from ${fromOffset} to ${toOffset - 1} have two lines in ingest_blocks`;
    return finding(kind === 'gap' ? 'ledger-gap' : 'ledger-overlap', { ...of, what, amount });
  });
  const lost =
    ledger.lostRecords === 0
      ? []
      : [
          finding('records-lost', {
            ...of,
            what: `${countOf(ledger.lostRecords, 'record')} were gone from the log before ingest read them`,
            amount: ledger.lostRecords,
          }),
        ];
  return [...breaks, ...lost, ...(isOfAnother(facts, ledger) ? [] : judgePositions(facts, ledger))];
};

/**
 * The ledger's offsets are those of a topic that is gone: what is under way is of another, or the group has nothing yet of a
 * log that is shorter.
 */
const isOfAnother = ({ after, newestTopicId }: PartitionFacts, ledger: PartitionLedger): boolean => {
  if (topicIdOf(newestTopicId) !== topicIdOf(ledger.topicId)) return true;
  if (!after) return false;
  const id = after.underWay?.topicId ?? '';
  if (id !== '' && ledger.topicId !== '') return id !== ledger.topicId;
  return after.committedOffset === null && after.endOffset < ledger.endOffset;
};

/** The ledger only moves on, and so does what is committed: an earlier reading of one can be compared with a later one of the other. */
const judgePositions = (
  { topic, partition, before, after }: PartitionFacts,
  ledger: PartitionLedger,
): AuditFinding[] => {
  const of = { topic, partition, unit: 'records' } as const;
  const end = ledger.endOffset;
  const found: AuditFinding[] = [];
  const acknowledged = before?.committedOffset ?? 0;
  if (acknowledged > end) {
    const what = `offset ${acknowledged} is committed, the ledger ends at ${end}`;
    found.push(finding('committed-ahead', { ...of, what, amount: acknowledged - end }));
  }
  if (after && after.endOffset < end) {
    const what = `the log ends at ${after.endOffset}, the ledger at ${end}`;
    return [...found, finding('log-behind', { ...of, what, amount: end - after.endOffset })];
  }
  const reach = after?.underWay?.endOffset ?? after?.committedOffset ?? 0;
  if (after && reach < end) {
    const stands = after.committedOffset === null ? 'the group has committed nothing' : `the group stands at ${reach}`;
    found.push(
      finding('committed-behind', { ...of, what: `${stands}, the ledger ends at ${end}`, amount: end - reach }),
    );
  }
  return found;
};

/** The rows of a partition against its ledger and against what the emitters say. */
export const judgeRows = (facts: PartitionFacts): AuditFinding[] => {
  const { topic, partition, rows, ledger } = facts;
  if (!rows) return [];
  const found = rows.differing.flatMap((account) => judgeEmitter(facts, account));
  const hidden = rows.differingEmitters - rows.differing.length;
  if (hidden > 0) {
    const what = `${countOf(hidden, 'further emitter')} of the partition differ, too`;
    found.push(finding('totals-differ', { topic, partition, what, amount: hidden, unit: 'emitters' }));
  }
  if (ledger && rows.behindRows > 0 && isStill(facts)) {
    const what = `${countOf(rows.behindRows, 'row')} behind the end of the ledger belong to no block, and none is under way`;
    found.push(finding('rows-unaccounted', { topic, partition, what, amount: rows.behindRows, unit: 'rows' }));
  }
  if (ledger && ledger.deadLetters > 0) {
    const what = `${countOf(ledger.deadLetters, 'dead letter')} in the ledger`;
    found.push(finding('dead-letters', { topic, partition, what, amount: ledger.deadLetters, unit: 'records' }));
  }
  return found;
};

const judgeEmitter = (
  { topic, partition, ledger, compacted }: PartitionFacts,
  account: EmitterAccount,
): AuditFinding[] => {
  const { emitter, accountedRows, storedRows, distinctRows, missingRows, firstSeq, lastSeq } = account;
  const of = { topic, partition, unit: 'rows' } as const;
  const where = `of ${emitter}, positions ${firstSeq} to ${lastSeq}`;
  const found: AuditFinding[] = [];
  const doubled = storedRows - distinctRows;
  if (doubled > 0) {
    found.push(
      finding('rows-doubled', { ...of, what: `${countOf(doubled, 'row')} ${where} stored again`, amount: doubled }),
    );
  }
  const missing = accountedRows - distinctRows;
  if (missing > 0) {
    const what = `${countOf(missing, 'row')} ${where} not in the table, of ${accountedRows} in the ledger`;
    found.push(finding('rows-missing', { ...of, what, amount: missing }));
  }
  if (missing < 0) {
    const what = `${countOf(-missing, 'row')} ${where} in the table, but not in the ledger`;
    found.push(finding('rows-unaccounted', { ...of, what, amount: -missing }));
  }
  const agrees = doubled === 0 && missing === 0;
  const lost = account.saidDecisions - account.storedDecisions;
  if (missingRows > 0 && !compacted) {
    const weight = agrees && lost > 0 ? ` (${countOf(lost, 'decision')})` : '';
    const isLetter = (ledger?.deadLetters ?? 0) > 0;
    const why = isLetter ? 'came unreadable, see the dead letters' : 'never came';
    const what = `${countOf(missingRows, 'position')} ${where} ${why}${weight}`;
    found.push(finding(isLetter ? 'dead-letters' : 'sequence-gap', { ...of, what, amount: missingRows }));
  }
  const isWhole = accountedRows === lastSeq - firstSeq + 1;
  if (agrees && isWhole && lost !== 0) {
    const what = `${emitter} says ${account.saidDecisions} decisions for positions ${firstSeq} to ${lastSeq}, ${account.storedDecisions} are stored`;
    found.push(finding('totals-differ', { ...of, what, amount: Math.abs(lost), unit: 'decisions' }));
  }
  return found;
};
