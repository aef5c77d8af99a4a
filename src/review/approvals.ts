import { randomBytes } from 'node:crypto';
import type { BlockAction } from '../blocklist/block.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { isInReach, makingOverstep, type Overstep } from './authority.ts';
import { limitsOf } from './limits.ts';
import type { Notify } from './notice.ts';
import type { KeptRecord, RecordStore, ReviewRecords } from './records.ts';
import type { Reviewer } from './roles.ts';

/** What needs a second person. */
export interface Agreement {
  readonly kind: 'create' | 'extend';
  readonly subject: BlockSubject;
  /** Of an extension the block that is meant; ''. */
  readonly blockId: string;
  readonly action: BlockAction;
  /** Null: as long as anything may last, from when it is agreed. */
  readonly untilMs: number | null;
  /** Of a new block; ''. */
  readonly reason: string;
  /** At most {@link maxAgreementNote} characters. */
  readonly note: string;
}

export interface Approval {
  readonly id: string;
  readonly what: Agreement;
  readonly by: string;
  readonly atMs: number;
  readonly expiresAtMs: number;
  readonly state: 'open' | 'approved' | 'rejected' | 'expired';
  /** Who decided; '': nobody yet. */
  readonly decidedBy: string;
  readonly decidedAtMs: number | null;
  readonly decisionNote: string;
  /** What came of it. */
  readonly blockId: string | null;
  /** Why nothing came of it although it was approved; ''. */
  readonly problem: string;
}

/**
 * Does what two people agreed on, once, however often it is called for an approval. `problem`: it cannot be done any more;
 * failures of the store are thrown.
 */
export type Carry = (approval: Approval) => Promise<{ readonly blockId: string } | { readonly problem: string }>;

export type DecisionAnswer =
  | { readonly kind: 'decided'; readonly approval: Approval }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'forbidden'; readonly overstep: Overstep }
  | { readonly kind: 'conflict'; readonly detail: string };

export interface ApprovalOptions {
  readonly records: ReviewRecords;
  readonly carry: Carry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly notify?: Notify;
  /** Default: 96 random bits. */
  readonly newId?: () => string;
}

/** Who has agreed and has not done it by then does not do it any more: another approval does. */
const carryMs = 30_000;
/** The rest of a note is for who agreed. */
export const maxAgreementNote = 1700;
/** A question that nobody answers within a day is no question any more. */
export const openForMs = 86_400_000;
const keptForMs = 30 * 86_400_000;
const mostApprovals = 1000;

const approvalAt = (approval: Approval, nowMs: number): Approval =>
  approval.state === 'open' && approval.expiresAtMs <= nowMs ? { ...approval, state: 'expired' } : approval;

const samePerson = (one: string, other: string): boolean => one.trim().toLowerCase() === other.trim().toLowerCase();

const refusal = (detail: string): DecisionAnswer => ({
  kind: 'forbidden',
  overstep: { needs: 'lead', part: 'id', detail },
});

/** What one person asks for and another one agrees to. */
export class Approvals {
  readonly #options: ApprovalOptions;
  readonly #records: RecordStore;

  constructor(options: ApprovalOptions) {
    this.#options = options;
    this.#records = options.records.shelf({ name: 'approvals', keptForMs, most: mostApprovals });
  }

  /** Whoever asks was found to be somebody who may: see needsSecond. */
  async request(reviewer: Reviewer, what: Agreement): Promise<Approval> {
    const { clock, newId = () => `ap-${randomBytes(12).toString('base64url')}` } = this.#options;
    const atMs = clock.nowMs();
    const approval: Approval = {
      id: newId(),
      what,
      by: reviewer.name,
      atMs,
      expiresAtMs: atMs + openForMs,
      state: 'open',
      decidedBy: '',
      decidedAtMs: null,
      decisionNote: '',
      blockId: null,
      problem: '',
    };
    await this.#records.put({ id: approval.id, text: JSON.stringify(approval), ifRevision: 0 });
    await this.#tell(approval);
    return approval;
  }

  /** Null: none in reach. */
  async find({ tenants }: Reviewer, id: string): Promise<Approval | null> {
    const record = await this.#records.get(id);
    return record && this.#seen(record, tenants);
  }

  /** Those made last first. */
  async list(
    { tenants }: Reviewer,
    { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  ): Promise<{ readonly approvals: readonly Approval[]; readonly nextCursor: string | null }> {
    const { records, nextCursor } = await this.#records.newest(limit, cursor);
    const seen = records.map((record) => this.#seen(record, tenants));
    return { approvals: seen.filter((approval) => approval !== null), nextCursor };
  }

  /**
   * Another person's word on it. Of two who decide at the same time one does; an approval is carried out at once. What was
   * approved by a process that died before it was done is done by whoever approves again.
   */
  async decide(
    reviewer: Reviewer,
    id: string,
    { verdict, note }: { readonly verdict: 'approved' | 'rejected'; readonly note: string },
  ): Promise<DecisionAnswer> {
    const record = await this.#records.get(id);
    const approval = record && this.#seen(record, reviewer.tenants);
    if (record === null || approval === null) return { kind: 'not-found' };
    const forbidden = this.#forbidden(reviewer, approval);
    if (forbidden) return forbidden;
    if (verdict === 'approved' && this.#isLeft(approval)) {
      const { revision } = record;
      return { kind: 'decided', approval: await this.#carryOut({ approval, decided: approval, revision }) };
    }
    if (approval.state !== 'open') return { kind: 'conflict', detail: `It is ${approval.state}.` };
    const decided: Approval = {
      ...approval,
      state: verdict,
      decidedBy: reviewer.name,
      decidedAtMs: this.#options.clock.nowMs(),
      decisionNote: note,
    };
    if (!(await this.#write(decided, record.revision))) {
      return { kind: 'conflict', detail: 'Somebody else was faster: look at it again.' };
    }
    if (verdict === 'rejected') return { kind: 'decided', approval: decided };
    return {
      kind: 'decided',
      approval: await this.#carryOut({ approval, decided, revision: record.revision + 1 }),
    };
  }

  /** Approved, and nothing came of it, not even a problem. */
  #isLeft({ state, blockId, problem, decidedAtMs }: Approval): boolean {
    const isUndone = state === 'approved' && blockId === null && problem === '';
    return isUndone && this.#options.clock.nowMs() - (decidedAtMs ?? 0) >= carryMs;
  }

  async #carryOut({
    approval,
    decided,
    revision,
  }: {
    approval: Approval;
    decided: Approval;
    revision: number;
  }): Promise<Approval> {
    const outcome = await this.#options.carry(decided).catch(async (error: unknown) => {
      // Not done: it is as open as before.
      await this.#write(approval, revision);
      throw error;
    });
    const carried = { ...decided, ...outcome };
    // False: another approval came to the same in the meantime.
    await this.#write(carried, revision);
    return carried;
  }

  #forbidden(reviewer: Reviewer, { by, what, atMs }: Approval): DecisionAnswer | null {
    if (samePerson(by, reviewer.name)) return refusal(`${by} asked for it: somebody else has to agree.`);
    if (!limitsOf(reviewer.role).mayApprove)
      return refusal(`Agreeing needs the role lead; ${reviewer.name} has ${reviewer.role}.`);
    const forMs = what.untilMs === null ? 0 : what.untilMs - atMs;
    const overstep = makingOverstep(reviewer, { subject: what.subject, forMs, isAgreed: true });
    return overstep && { kind: 'forbidden', overstep };
  }

  #seen({ text }: KeptRecord, tenants: Reviewer['tenants']): Approval | null {
    const approval = JSON.parse(text) as Approval;
    const { subject } = approval.what;
    const isSeen = isInReach({ subject, tenant: subject.tenant ?? '' }, tenants);
    return isSeen ? approvalAt(approval, this.#options.clock.nowMs()) : null;
  }

  #write(approval: Approval, ifRevision: number): Promise<boolean> {
    return this.#records.put({ id: approval.id, text: JSON.stringify(approval), ifRevision });
  }

  async #tell({ id, by, atMs, expiresAtMs, what }: Approval): Promise<void> {
    const { notify, logger } = this.#options;
    const { kind, subject, untilMs, note } = what;
    const until = untilMs === null ? null : new Date(untilMs).toISOString();
    const data = {
      by,
      what: kind,
      subject: subjectKeyOf(subject),
      until,
      note,
      expiresAt: new Date(expiresAtMs).toISOString(),
      // Whose it is, where it is one tenant's.
      ...(subject.tenant === undefined ? {} : { tenant: subject.tenant }),
    };
    logger.info({ approval: id, actor: by, subject: data.subject }, 'a second person is asked for');
    try {
      await notify?.({ kind: 'approval.requested', id, at: new Date(atMs).toISOString(), data });
    } catch (error) {
      logger.warn({ err: error, approval: id }, 'nobody could be told that a second person is asked for');
    }
  }
}
