import { type SubjectKind, subjectKinds } from '../client.ts';
import { encodeRow, oneOf, parseRow, text, whole } from './row-fields.ts';

/**
 * One change of one block, as the change log says it: a row of the topic of blocks. On the wire the names are the ones of
 * {@link blockChangeNames}, which are the columns of `blocks`.
 */
export interface BlockChange {
  /** When the block changed, milliseconds since the epoch. */
  readonly timeMs: number;
  /** The change log, by its epoch: `changes-<epoch>`. */
  readonly emitter: string;
  readonly partition: number;
  /** Position among the changes of this emitter and partition: 1, 2, 3, … */
  readonly seq: number;
  readonly blockId: string;
  /** Of the block, after this change. */
  readonly version: number;
  /** After this change; of a later release maybe one that this one does not know. */
  readonly state: string;
  /** Of its subject; `network` beside what a client can be. */
  readonly clientKind: SubjectKind;
  readonly client: string;
  /** That the block is limited to, or else where its evidence is from. */
  readonly tenant: string;
  readonly rule: string;
  readonly ruleHash: string;
  readonly verdictId: string;
  readonly blockedAtMs: number;
  readonly expiresAtMs: number;
  readonly strikes: number;
  /** Who or what made the change. */
  readonly actor: string;
  readonly reason: string;
  /** What the verdict rests on, and what has no column: action, origin, owner, the tenant that the subject is within. JSON, naming no client. */
  readonly evidence: string;
}

/** Field → wire name, in wire order. */
export const blockChangeNames = {
  timeMs: 'time',
  emitter: 'emitter',
  partition: 'partition',
  seq: 'seq',
  blockId: 'block_id',
  version: 'version',
  state: 'state',
  clientKind: 'client_kind',
  client: 'client',
  tenant: 'tenant',
  rule: 'rule',
  ruleHash: 'rule_hash',
  verdictId: 'verdict_id',
  blockedAtMs: 'blocked_at',
  expiresAtMs: 'expires_at',
  strikes: 'strikes',
  actor: 'actor',
  reason: 'reason',
  evidence: 'evidence',
} as const satisfies Record<keyof BlockChange, string>;

/** One line of NDJSON, without the line break, in wire order. */
export const encodeBlockChange = (change: BlockChange): string => encodeRow(change, blockChangeNames);

/** The inverse of {@link encodeBlockChange}; unknown fields are left out. Throws FRAME_CORRUPT. */
export const decodeBlockChange = (line: string): BlockChange => {
  const row = parseRow(line);
  const names = blockChangeNames;
  return {
    timeMs: whole(row, names.timeMs),
    emitter: text(row, names.emitter),
    partition: whole(row, names.partition),
    seq: whole(row, names.seq, 1),
    blockId: text(row, names.blockId),
    version: whole(row, names.version),
    state: text(row, names.state),
    clientKind: oneOf(row, names.clientKind, subjectKinds),
    client: text(row, names.client),
    tenant: text(row, names.tenant),
    rule: text(row, names.rule),
    ruleHash: text(row, names.ruleHash),
    verdictId: text(row, names.verdictId),
    blockedAtMs: whole(row, names.blockedAtMs),
    expiresAtMs: whole(row, names.expiresAtMs),
    strikes: whole(row, names.strikes),
    actor: text(row, names.actor),
    reason: text(row, names.reason),
    evidence: text(row, names.evidence),
  };
};
