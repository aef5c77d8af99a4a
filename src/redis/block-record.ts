import type { Block, BlockState } from '../blocklist/block.ts';
import type { BlockEntry, Change } from '../blocklist/block-list.ts';
import { TidegateError } from '../errors.ts';

/** What never changes of a block, stored as one JSON text; the rest are fields that scripts write. */
export type FixedPart = Pick<Block, 'client' | 'tenant' | 'rule' | 'ruleHash' | 'verdictId' | 'evidence'>;

/** A reply that is not what the header of its script promises. */
export const brokenReply = (what: string): TidegateError =>
  new TidegateError('STORE_FAILED', `Redis answered with something else than ${what}`);

/** A flat list of fields and values. */
export const fieldsOf = (flat: readonly unknown[]): Record<string, string> => {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[String(flat[at])] = String(flat[at + 1]);
  return fields;
};

/** A stored block; null when nothing is stored. */
export const blockFromFields = (id: string, fields: Readonly<Record<string, string>>): Block | null => {
  const { fixed, state } = fields;
  if (fixed === undefined || state === undefined) return null;
  return {
    id,
    ...(JSON.parse(fixed) as FixedPart),
    state: state as BlockState,
    version: Number(fields.version),
    blockedAtMs: Number(fields.blockedAtMs),
    expiresAtMs: Number(fields.expiresAtMs),
    strikes: Number(fields.strikes),
    reason: fields.reason ?? '',
    actor: fields.actor ?? '',
  };
};

/** `expiry blockId rule`, as the promoting script writes it. */
export const entryFromLine = (clientKey: string, line: string): BlockEntry => {
  const [, expiresAt, blockId, rule] = /^(\d+) (\S+) (.+)$/.exec(line) ?? [];
  if (expiresAt === undefined || blockId === undefined || rule === undefined) throw brokenReply('a block entry');
  return { clientKey, blockId, rule, expiresAtMs: Number(expiresAt) };
};

/** Sequence number, then three pairs of field and value. */
const itemsPerChange = 7;

/** The changes of a reply of `block-changes`, which begin at `from`. */
export const changesFrom = (reply: readonly unknown[], from: number): Change[] => {
  const changes: Change[] = [];
  for (let at = from; at + itemsPerChange <= reply.length; at += itemsPerChange) {
    const sequence = Number(reply[at]);
    const { kind, client = '', entry, block } = fieldsOf(reply.slice(at + 1, at + itemsPerChange));
    if (kind === 'added' && entry !== undefined) {
      changes.push({ kind, sequence, entry: entryFromLine(client, entry) });
    } else if (kind === 'removed' && block !== undefined) {
      changes.push({ kind, sequence, clientKey: client, blockId: block });
    } else {
      throw brokenReply('a change of the block list');
    }
  }
  return changes;
};
