import { TidegateError } from '../errors.ts';
import type { Committed, PartitionState } from '../event/event-log.ts';
import type { LedgerEnd } from './event-table.ts';
import { decodeIntent, type Intent } from './intent.ts';

/** Where the owner of a partition begins. */
export interface Start {
  /** Everything below is stored, or lost. */
  readonly nextOffset: number;
  /** Reading starts there. */
  readonly readFrom: number;
  /** Whether what is committed still names a block that is stored. */
  readonly owesAck: boolean;
  /** The topic as the ledger knows it. */
  readonly topicId: string;
  /** What may have been stored and is not yet known to be. */
  readonly pending: Intent | null;
  /** Records below may have been stored, although the ledger does not say so: their rows are counted. */
  readonly doubtfulBelow: number;
  /** What an operator should know; '': all is as it was left. */
  readonly surprise: string;
}

export interface StartOptions {
  readonly topic: string;
  readonly partition: number;
  readonly committed: Committed;
  readonly ledger: LedgerEnd | null;
  readonly state: Pick<PartitionState, 'topicId' | 'oldestOffset' | 'endOffset'>;
  readonly nowMs: number;
}

/** A topic that lost its end and went on is told from what it was before. */
const eraMark = '~';

/** An intent of a release that wrote no ids says nothing of the topic; neither does a log that knows none. */
const isOfTopic = (id: string, topicId: string): boolean =>
  id === '' || topicId === '' || id === topicId || id.startsWith(`${topicId}${eraMark}`);

const fresh = { pending: null, doubtfulBelow: 0, surprise: '', owesAck: false } as const;
const from = (offset: number) => ({ nextOffset: offset, readFrom: offset });

const pendingOf = ({ committed, topic, partition }: StartOptions): Intent | null => {
  const pending = decodeIntent(committed.metadata);
  if (!pending || (pending.topic === topic && pending.startOffset === committed.offset)) return pending;
  throw new TidegateError('INPUT_INVALID', `Partition ${partition} was committed for another topic or offset`);
};

/** Everything that the log holds is new: offsets of before mean other records. */
const anew = ({ state }: StartOptions, topicId: string, surprise: string): Start => ({
  ...fresh,
  ...from(state.oldestOffset),
  topicId,
  surprise,
});

/** The ledger is the truth: what it does not name is read again, what it names is not, wherever the group stands. */
const byLedger = (options: StartOptions, ledger: LedgerEnd, topicId: string): Start => {
  const { committed } = options;
  const nextOffset = ledger.endOffset;
  const doubtfulBelow = committed.offset ?? 0;
  const start = { ...fresh, ...from(nextOffset), topicId };
  if (committed.offset === nextOffset) return start;
  if (doubtfulBelow > nextOffset) {
    const surprise = 'the group stands behind the end of the ledger; what it does not name is read again';
    return { ...start, doubtfulBelow, surprise };
  }
  const surprise = 'the group stands before the end of the ledger, or nowhere; what it names is not read again';
  return { ...start, surprise };
};

/**
 * Where to begin, by what the group has committed, what the ledger says is stored and what the log holds. A topic that was
 * deleted and made anew is begun at its oldest record; so is one that has lost its end (an unclean election), where rows
 * that are stored already are found by counting. Throws INPUT_INVALID when the metadata is not of this release.
 */
export const startOf = (options: StartOptions): Start => {
  const { committed, ledger, state } = options;
  const pending = pendingOf(options);
  const known = pending && pending.topicId !== '' ? pending.topicId : (ledger?.topicId ?? '');
  if (!isOfTopic(known, state.topicId))
    return anew(options, state.topicId, 'the topic was deleted and made anew; it is read from its oldest record');
  const topicId = known === '' ? state.topicId : known;
  const ours = ledger !== null && isOfTopic(ledger.topicId, state.topicId) ? ledger : null;
  const reached = Math.max(pending?.endOffset ?? 0, committed.offset ?? 0, ours?.endOffset ?? 0);
  if (reached > state.endOffset) {
    const surprise = 'the log ends before what was read of it; it is read again from its oldest record';
    const era = `${state.topicId}${eraMark}${options.nowMs}`;
    return { ...anew(options, era, surprise), doubtfulBelow: reached };
  }
  // A block that is written down was stored before: its owner died between the ledger and the next intent.
  if (pending && ours?.endOffset === pending.endOffset)
    return { ...fresh, nextOffset: pending.endOffset, topicId, readFrom: pending.startOffset, owesAck: true };
  if (pending) return { ...fresh, ...from(pending.startOffset), topicId, pending };
  if (ours) return byLedger(options, ours, topicId);
  const nextOffset = committed.offset ?? state.oldestOffset;
  return { ...fresh, ...from(nextOffset), topicId };
};
