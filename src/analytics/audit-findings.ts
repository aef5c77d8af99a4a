/** What an audit can find, what it means and what to do. One table: the guide's is compared with it. */
export const findingCatalogue = {
  'ledger-gap': {
    drift: true,
    meaning: 'Offsets that no line of the ledger holds: their records were skipped, or the line is gone.',
    next: 'Compare rows with the ledger: unaccounted rows mean that only the line is gone. Else read the range again with another group.',
  },
  'ledger-overlap': {
    drift: true,
    meaning: 'Offsets that two lines of the ledger hold: two processes wrote the same partition.',
    next: 'Look for doubled rows in the same partition, and for two groups or installations that write one database.',
  },
  'committed-ahead': {
    drift: true,
    meaning:
      'The group has committed offsets behind the end of the ledger: acknowledged, but not written down as stored.',
    next: 'Stop ingest, set the group back to the end of the ledger, start it again: rows that are stored are recognised.',
  },
  'committed-behind': {
    drift: true,
    meaning: 'The ledger goes beyond what the group has committed: offsets were set back, or have expired.',
    next: 'Let ingest run: it recognises what it reads again. If the finding stays, set the group to the end of the ledger.',
  },
  'log-behind': {
    drift: true,
    meaning: 'The log ends before what is already stored: the topic was made anew, or the broker has lost records.',
    next: 'Find out which. After a topic was made anew the finding ends with the first block of the new one.',
  },
  'rows-missing': {
    drift: true,
    meaning: 'Rows that the ledger says are stored are not in the table.',
    next: 'Find out who deleted them. While the log holds the offsets: restore the rows from there, or from a backup.',
  },
  'rows-doubled': {
    drift: true,
    meaning: 'The same position of an emitter is stored more than once.',
    next: 'Keep the data and report it; delete the copies by (partition, emitter, seq), then repair the rollups.',
  },
  'rows-unaccounted': {
    drift: true,
    meaning: 'Rows in the table that no line of the ledger accounts for, with nothing on its way.',
    next: 'A line of the ledger is gone, or something else writes to the table.',
  },
  'rollup-differs': {
    drift: true,
    meaning: 'A rollup does not agree with the table it is made from.',
    next: 'Rebuild the period: docs/guides/reconcile.md has the statements.',
  },
  'totals-differ': {
    drift: true,
    meaning: 'All rows are there, but they do not add up to the running total that their emitter has sent.',
    next: 'Rows were changed after they were stored, or the emitter counts wrong: keep the data and report it.',
  },
  'sequence-gap': {
    drift: true,
    meaning: 'Positions of an emitter never came: events were lost before they reached the log, or in it.',
    next: 'Look at the broker: acks, min.insync.replicas, unclean elections, retention shorter than the outage.',
  },
  'records-lost': {
    drift: true,
    meaning: 'The log had dropped records before they were read.',
    next: 'Give the topic a retention longer than the longest outage of ingest.',
  },
  'dead-letters': {
    drift: false,
    meaning: 'Records or rows that could not be stored are in the dead-letter topic.',
    next: 'Read tidegate.dead-letters: each letter says offset, index, error and bytes.',
  },
  'tail-unknown': {
    drift: false,
    meaning: 'An emitter fell silent without saying that it ended: what it had not sent yet may be lost.',
    next: 'If the process runs, it has nothing to say. If it was killed, at most the last flush is missing.',
  },
} as const satisfies Record<string, { drift: boolean; meaning: string; next: string }>;

export type FindingKind = keyof typeof findingCatalogue;
export const findingKinds = Object.keys(findingCatalogue) as FindingKind[];

/** One thing that does not agree, or that should be known. */
export interface AuditFinding {
  readonly kind: FindingKind;
  /** False: worth knowing, but the numbers agree. */
  readonly isDrift: boolean;
  readonly topic: string;
  /** Null: of the topic as a whole. */
  readonly partition: number | null;
  /** What was found, with the numbers. */
  readonly what: string;
  /** How much it is, > 0. */
  readonly amount: number;
  readonly unit: 'records' | 'rows' | 'decisions' | 'emitters';
  readonly next: string;
}

type Given = Pick<AuditFinding, 'topic' | 'partition' | 'what' | 'amount' | 'unit'>;

export const finding = (kind: FindingKind, given: Given): AuditFinding => ({
  kind,
  isDrift: findingCatalogue[kind].drift,
  ...given,
  next: findingCatalogue[kind].next,
});
