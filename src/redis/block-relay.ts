import type { Block, BlockState } from '../blocklist/block.ts';
import type { Cursor } from '../blocklist/block-feed.ts';
import type { Breaker } from '../blocklist/block-switches.ts';
import type { ChangeLog, LoggedChange, LoggedChanges } from '../blocklist/change-log.ts';
import { breakerNotice } from '../blocklist/notices.ts';
import type { StepTaken } from '../blocklist/steps.ts';
import { actionFrom, fieldsOf, labelFrom } from './block-record.ts';
import { readBlocks } from './block-review.ts';
import type { BlockScripts } from './block-scripts.ts';

/** Without an epoch the script only says where the list stands. */
const noEpoch = '?';

interface LoggedRecord {
  readonly sequence: number;
  readonly timeMs: number;
  /** '' where the change has no block of its own. */
  readonly blockId: string;
  /** Of a block what changes, as a list; else a notice. */
  readonly audit: string;
  /** What a person did to the block, JSON; '' where nobody did. */
  readonly step: string;
}

/** The change log in Redis, for whoever publishes it. */
export class RedisChangeLog implements ChangeLog {
  readonly #scripts: BlockScripts;

  constructor(scripts: BlockScripts) {
    this.#scripts = scripts;
  }

  async loggedAfter(cursor: Cursor | null, maxChanges: number): Promise<LoggedChanges> {
    const known = cursor ?? { ...(await this.#position()), sequence: -1 };
    const asked = { epoch: known.epoch || noEpoch, after: known.sequence, changes: maxChanges };
    const [gap, epochNow, , , before, , ...flat] = await this.#scripts.run('changes', asked);
    const epoch = String(epochNow);
    const oldest = Number(before);
    if (gap !== 0) {
      const read = known.epoch === epoch ? Math.min(known.sequence, oldest) : 0;
      return { kind: 'gap', cursor: { epoch, sequence: oldest }, lost: oldest - read };
    }
    const records = recordsFrom(flat);
    const changes = await this.#withBlocks(records);
    const from = known.sequence < 0 ? oldest : known.sequence;
    return { kind: 'changes', cursor: { epoch, sequence: changes.at(-1)?.sequence ?? from }, changes };
  }

  async relayedUpTo(): Promise<Cursor | null> {
    const { epoch, relayed } = await this.#position();
    const key = this.#scripts.key('list');
    const marked = await this.#scripts.guard(this.#scripts.redis.hget(key, 'relayedEpoch'));
    return marked === epoch ? { epoch, sequence: relayed } : null;
  }

  async markRelayed({ epoch, sequence }: Cursor): Promise<void> {
    await this.#scripts.run('relay', { epoch, sequence });
  }

  async leadRelay(holder: string, ttlMs: number): Promise<boolean> {
    const [leads] = await this.#scripts.run('relay', { holder, ttlMs });
    return leads === 1;
  }

  async #position(): Promise<{ epoch: string; relayed: number }> {
    const [, epoch, , , , relayed] = await this.#scripts.run('changes', { epoch: '' });
    return { epoch: String(epoch), relayed: Number(relayed) };
  }

  async #withBlocks(records: readonly LoggedRecord[]): Promise<LoggedChange[]> {
    const ids = [...new Set(records.flatMap(({ blockId }) => (blockId === '' ? [] : blockId)))];
    const blocks = new Map((await readBlocks(this.#scripts, ids)).map((block, index) => [ids[index], block]));
    return records.map(({ sequence, timeMs, blockId, audit, step }) => {
      const block = blockId === '' ? noticeFrom(audit, timeMs) : blockAsLogged(blockId, blocks.get(blockId), audit);
      return { sequence, timeMs, block, ...(step !== '' && { step: JSON.parse(step) as StepTaken }) };
    });
  }
}

const recordsFrom = (flat: readonly unknown[]): LoggedRecord[] => {
  const records: LoggedRecord[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const { t: time, b: blockId = '', a: audit = '', s: step = '' } = fieldsOf(flat[at + 1] as unknown[]);
    records.push({ sequence: Number(flat[at]), timeMs: Number(time), blockId, audit, step });
  }
  return records;
};

type BreakerText = Pick<Breaker, 'state' | 'reason'> & { readonly breaker: string; readonly actor: string };

/** Breakers open in scripts, which say in few words what a notice is made of. */
const noticeFrom = (audit: string, timeMs: number): Block => {
  const told = JSON.parse(audit) as Block | BreakerText;
  if (!('breaker' in told)) return told;
  return breakerNotice(timeMs, { rule: told.breaker, state: told.state, reason: told.reason }, told.actor);
};

/** Blocks outlive the log by weeks: one that is gone was deleted by hand. */
const gone = (id: string): Omit<Block, 'state' | 'version' | 'action'> => ({
  id,
  subject: { kind: 'key', id: '~gone' },
  origin: 'person',
  tenant: '',
  rule: '',
  ruleHash: '',
  verdictId: '',
  owner: '',
  blockedAtMs: 0,
  expiresAtMs: 0,
  strikes: 0,
  evidence: null,
  reason: '',
  actor: '',
  assignee: '',
  label: null,
});

/** What never changes as it is stored, the rest as the change left it. */
const blockAsLogged = (id: string, stored: Block | null | undefined, audit: string): Block => {
  // Of what was never written Lua says false.
  const told = (JSON.parse(audit) as (string | false)[]).map((value) => value || '');
  const [state, version, blockedAtMs, expiresAtMs, strikes, reason, actor, action, assignee, label] = told;
  return {
    ...(stored ?? gone(id)),
    state: state as BlockState,
    version: Number(version),
    blockedAtMs: Number(blockedAtMs),
    expiresAtMs: Number(expiresAtMs),
    strikes: Number(strikes),
    reason: reason ?? '',
    actor: actor ?? '',
    action: actionFrom(action),
    assignee: assignee ?? '',
    label: labelFrom(label),
  };
};
