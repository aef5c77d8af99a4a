import type { Block, BlockAction } from '../blocklist/block.ts';
import type { AddResult, BlockReview } from '../blocklist/block-review.ts';
import { longestMs, maxNoteLength } from '../blocklist/checks.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import { type Approval, type Approvals, type Carry, maxAgreementNote } from './approvals.ts';
import { deedOverstep, makingOverstep, needsSecond, type Overstep } from './authority.ts';
import type { Desk, DeskRefusal } from './desk.ts';
import type { Reviewer } from './roles.ts';

/** Why a person blocks somebody. */
export const makingReasons = ['abuse', 'attack', 'scraping', 'fraud', 'legal', 'other'] as const;
export type MakingReason = (typeof makingReasons)[number];

/** A block by hand, as a person asks for it. */
export interface Making {
  readonly subject: BlockSubject;
  readonly action: BlockAction;
  /** Null: as long as anything may last. Two people have to agree on that. */
  readonly untilMs: number | null;
  readonly reason: MakingReason;
  readonly note: string;
}

export type MakingAnswer =
  | { readonly kind: 'done'; readonly block: Block }
  | { readonly kind: 'asked'; readonly approval: Approval }
  | { readonly kind: 'forbidden'; readonly overstep: Overstep }
  | Extract<AddResult, { kind: 'refused' }>;

export interface MakingParts {
  readonly blockList: BlockReview;
  readonly desk: Desk;
  readonly clock: Clock;
  /** Null: nothing that needs two people can be done here. */
  readonly approvals: Approvals | null;
}

/** Clocks differ: what is computed here must not be too late for the clock of the list. */
const slackMs = 300_000;

export const noteOf = (reason: string, note: string): string => `${reason}: ${note}`;

const unfit = (message: string): TidegateError =>
  new TidegateError('INPUT_INVALID', `note ${message}`, { problems: [{ path: 'note', message }] });

const noSecond: Overstep = {
  needs: null,
  part: 'until',
  detail: 'A block as long as that needs two people, and this process keeps no approvals.',
};

const tooLong = (most: number): TidegateError => unfit(`must be at most ${most} characters here`);

/** As whoever asks may ask a second person for: null is as long as the limit is. */
const forMsOf = (untilMs: number | null, nowMs: number): number => (untilMs === null ? longestMs : untilMs - nowMs);

/** Blocks by hand, and ends that are later than one person may choose. */
export class MakingDesk {
  readonly #parts: MakingParts;

  constructor(parts: MakingParts) {
    this.#parts = parts;
  }

  /** Throws INPUT_INVALID as the list does. What one person may not do alone waits for a second. */
  async make(reviewer: Reviewer, making: Making): Promise<MakingAnswer> {
    const { blockList, clock } = this.#parts;
    const { subject, action, untilMs, reason, note } = making;
    const forMs = forMsOf(untilMs, clock.nowMs());
    const isAgreed = needsSecond(reviewer, forMs);
    const alone = makingOverstep(reviewer, { subject, forMs, isAgreed });
    // What nobody may do alone, some may with a second person: say who.
    const overstep =
      alone?.needs === null ? (makingOverstep(reviewer, { subject, forMs, isAgreed: true }) ?? alone) : alone;
    if (overstep) return { kind: 'forbidden', overstep };
    if (isAgreed || untilMs === null) {
      return this.#ask(reviewer, { kind: 'create', blockId: '', subject, action, untilMs, reason, note });
    }
    const whole = noteOf(reason, note);
    if (whole.length > maxNoteLength) throw tooLong(maxNoteLength - noteOf(reason, '').length);
    const result = await blockList.add({ subject, action, untilMs, actor: reviewer.name, note: whole });
    return result.kind === 'added' ? { kind: 'done', block: result.block } : result;
  }

  /** A later end than one person may choose; null: it needs no second person. */
  async askToExtend(
    reviewer: Reviewer,
    blockId: string,
    { untilMs, note }: { readonly untilMs: number | null; readonly note: string },
  ): Promise<Extract<MakingAnswer, { kind: 'asked' }> | DeskRefusal | null> {
    const { desk, clock } = this.#parts;
    const nowMs = clock.nowMs();
    if (untilMs !== null && !needsSecond(reviewer, untilMs - nowMs)) return null;
    const block = await desk.find(reviewer, blockId);
    if (block === null) return { kind: 'not-found' };
    const { subject, action } = block;
    const overstep =
      deedOverstep(reviewer, { block, deed: { kind: 'extend', untilMs: nowMs }, nowMs }) ??
      makingOverstep({ ...reviewer, tenants: null }, { subject, forMs: forMsOf(untilMs, nowMs), isAgreed: true });
    if (overstep) return { kind: 'forbidden', overstep };
    const asked = await this.#ask(reviewer, { kind: 'extend', blockId, subject, action, untilMs, reason: '', note });
    return asked.kind === 'asked' ? asked : { kind: 'forbidden', overstep: noSecond };
  }

  async #ask(reviewer: Reviewer, what: Approval['what']): Promise<MakingAnswer> {
    const { approvals } = this.#parts;
    if (approvals === null) return { kind: 'forbidden', overstep: noSecond };
    if (what.note.length > maxAgreementNote) throw tooLong(maxAgreementNote);
    // The list would refuse it only when somebody has agreed.
    if (!what.note.isWellFormed()) throw unfit('must not hold half of a surrogate pair');
    return { kind: 'asked', approval: await approvals.request(reviewer, what) };
  }
}

const agreedNote = ({ by, what, decidedBy }: Approval): string => {
  const words = what.reason === '' ? what.note : noteOf(what.reason, what.note);
  const length = what.untilMs === null ? 'permanent, ' : '';
  return `${length}asked for by ${by}, agreed by ${decidedBy}: ${words}`.slice(0, maxNoteLength);
};

/** What another try would come to as well. */
const isFinal: ReadonlySet<string> = new Set(['INPUT_INVALID', 'BLOCK_CONFLICT', 'BLOCK_NOT_FOUND']);

const isSameAction = (one: BlockAction, other: BlockAction): boolean =>
  one.kind === 'limit' && other.kind === 'limit'
    ? one.limit === other.limit && one.windowMs === other.windowMs
    : one.kind === other.kind;

/** Agreed was on a limit, say, and by now it is a refusal. */
const changedSince = 'What the block does has changed since somebody asked for this: ask again.';

/** Does to the list what two people agreed on, in the name of the first. Done again it comes to the same. */
export const carrying =
  ({ blockList, clock }: Pick<MakingParts, 'blockList' | 'clock'>): Carry =>
  async (approval) => {
    const { by, what } = approval;
    const act = { actor: by, note: agreedNote(approval) };
    const untilMs = what.untilMs ?? (approval.decidedAtMs ?? clock.nowMs()) + longestMs - slackMs;
    try {
      if (what.kind === 'extend') {
        const block = await blockList.get(what.blockId);
        // Nobody else ends a block at just this millisecond.
        if (block?.expiresAtMs === untilMs) return { blockId: block.id };
        if (block === null || !isSameAction(block.action, what.action)) return { problem: changedSince };
        await blockList.transition(block.id, { kind: 'extend', untilMs, ifVersion: block.version, ...act });
        return { blockId: block.id };
      }
      const result = await blockList.add({
        subject: what.subject,
        action: what.action,
        untilMs,
        key: approval.id,
        ...act,
      });
      if (result.kind === 'added') return { blockId: result.block.id };
      return { problem: `${subjectKeyOf(result.by.subject)} is on the allow list (${result.by.note}).` };
    } catch (error) {
      if (error instanceof TidegateError && isFinal.has(error.code)) return { problem: error.message };
      throw error;
    }
  };
