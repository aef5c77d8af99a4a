import type { Block } from '../blocklist/block.ts';
import type { LoggedChange } from '../blocklist/change-log.ts';
import type { StepTaken } from '../blocklist/steps.ts';
import { digestOf } from '../client.ts';
import { type BlockChange, encodeBlockChange } from '../event/block-change.ts';
import type { OutgoingFrame } from '../event/event-log.ts';
import { frameOfRows } from '../event/row-frame.ts';

/** All changes stand in one partition: their order is the list's. */
export const changesPartition = 0;

const maxFrameRows = 200;
/** Far below what a log takes: a single row is a few thousand bytes. */
const maxRowBytes = 400_000;
const maxPlainEpoch = 64;

/** Who an epoch's changes are from, as the log knows it. Another epoch is another emitter: both count from 1. */
export const changesEmitter = (epoch: string): string =>
  `changes-${/^[\w.-]+$/.test(epoch) && epoch.length <= maxPlainEpoch ? epoch : digestOf(epoch)}`;

/** The inverse of {@link changesEmitter}, but for an epoch of which it names the digest. */
export const epochOf = (emitter: string): string => emitter.slice(emitter.indexOf('-') + 1);

/** What is no client at all may be named: its id and its row's client become pseudonyms as others do. */
const sharedNotice = /^(?:switch|mode|breaker):/;

/**
 * What a person did stands beside the evidence: version and state say nothing of a comment. The subject does not, and neither
 * do the clients of a network: in columns clients can be replaced and erased, within a text they cannot.
 */
const evidenceOf = (
  { id, evidence, action, origin, owner, subject, assignee, label }: Block,
  step?: StepTaken,
): string =>
  JSON.stringify({
    ...evidence,
    ...(evidence?.members && { members: { clients: evidence.members.clients } }),
    action,
    origin,
    owner,
    ...(subject.tenant !== undefined && { within: subject.tenant }),
    ...(sharedNotice.test(id) && { about: id }),
    ...(assignee !== '' && { assignee }),
    ...(label !== null && { label }),
    ...(step && { step: { kind: step.kind, reasonCode: step.reasonCode, batchId: step.batchId } }),
  });

/** Who made a change, and why: steps that leave the reason of the block as it is have one of their own. */
export const wordsOf = ({ block, step }: LoggedChange): Pick<BlockChange, 'actor' | 'reason'> => ({
  actor: step?.actor ?? block.actor,
  reason: step && ownReasons.includes(step.kind) ? step.note : block.reason,
});

const ownReasons: readonly StepTaken['kind'][] = ['comment', 'assign', 'undo'];

/** One change of the list as the row of the audit. */
export const rowOf = (change: LoggedChange, epoch: string): BlockChange => {
  const { sequence, timeMs, block, step } = change;
  return {
    timeMs,
    emitter: changesEmitter(epoch),
    partition: changesPartition,
    seq: sequence,
    blockId: block.id,
    version: block.version,
    state: block.state,
    clientKind: block.subject.kind,
    client: block.subject.id,
    tenant: block.subject.tenant ?? block.tenant,
    rule: block.rule,
    ruleHash: block.ruleHash,
    verdictId: block.verdictId,
    blockedAtMs: block.blockedAtMs,
    expiresAtMs: block.expiresAtMs,
    strikes: block.strikes,
    ...wordsOf(change),
    evidence: evidenceOf(block, step),
  };
};

/** Changes of one epoch, in order, as frames. A frame has no gap within: what is missing is missing between two. */
export const framesOf = (changes: readonly LoggedChange[], epoch: string): OutgoingFrame[] => {
  const frames: OutgoingFrame[] = [];
  let rows: BlockChange[] = [];
  let bytes = 0;
  const end = (): void => {
    const [first, ...others] = rows;
    if (first) frames.push(frameOfRows([first, ...others], encodeBlockChange));
    rows = [];
    bytes = 0;
  };
  for (const change of changes) {
    const row = rowOf(change, epoch);
    const last = rows.at(-1);
    if (last && (row.seq !== last.seq + 1 || rows.length === maxFrameRows || bytes > maxRowBytes)) end();
    rows.push(row);
    bytes += row.evidence.length + row.reason.length;
  }
  end();
  return frames;
};
