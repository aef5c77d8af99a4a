import { randomBytes } from 'node:crypto';
import type { BlockReview } from '../blocklist/block-review.ts';
import { checkTransition } from '../blocklist/checks.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { countOverstep, type Overstep, wishOverstep } from './authority.ts';
import { actOn, takeBack } from './batch-steps.ts';
import { type Batch, type BatchStore, batchAt, type HeldBatch, nothingTallied, type Tally } from './batches.ts';
import { type BulkAct, type BulkTargets, findTargets, type Preview, previewOf } from './bulk-targets.ts';
import type { Desk } from './desk.ts';
import { limitsOf, mostAtOnce } from './limits.ts';
import type { Reviewer } from './roles.ts';
import { Turns } from './turns.ts';
import { type StepOutcome, walk } from './walk.ts';

export interface BulkOptions {
  readonly blockList: BlockReview;
  readonly desk: Desk;
  readonly batches: BatchStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a request waits for its batch before it is told of one that still runs. Default 2 s. */
  readonly patienceMs?: number;
  /** Default: 96 random bits. */
  readonly newId?: () => string;
}

export interface BulkRequest {
  readonly targets: BulkTargets;
  readonly act: BulkAct;
  /** What the preview counted: much more or less by now, and nothing is done. */
  readonly expected?: number;
}

export type BulkRefusal =
  | { readonly kind: 'forbidden'; readonly overstep: Overstep }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'too-many' }
  /** Other than the preview said, running elsewhere, or undone already. */
  | { readonly kind: 'conflict'; readonly detail: string };

export type BulkAnswer = { readonly kind: 'batch'; readonly batch: Batch } | BulkRefusal;

const mostRunning = 4;
const tooManyLook: BulkRefusal = {
  kind: 'conflict',
  detail: 'Too many look for blocks to change here already: ask again in a moment.',
};
const defaultPatienceMs = 2000;

/** What a preview may be off by: blocks come and go while somebody reads. */
const isNear = (count: number, expected: number): boolean => Math.abs(count - expected) <= expected * 0.1 + 10;

/** One change to many blocks, which can be taken back as a whole. */
export class Bulk {
  readonly #options: BulkOptions;
  readonly #running = new Set<Promise<Batch>>();
  /** Those that were let in and do not run yet: until then lie questions to the store. */
  #beginning = 0;
  /** To look for ten thousand blocks is work for a store that gates ask at the same time. */
  readonly #looks = new Turns();
  #isClosed = false;

  constructor(options: BulkOptions) {
    this.#options = options;
  }

  /** What it would come to. INPUT_INVALID as of the act itself. */
  async preview(
    reviewer: Reviewer,
    { targets, act }: BulkRequest,
  ): Promise<{ readonly kind: 'preview'; readonly preview: Preview } | BulkRefusal> {
    const refusal = this.#refuse(reviewer, act);
    if (refusal) return refusal;
    const found = await this.#looks.take(() => findTargets(this.#options, { reviewer, act, targets }));
    if (found === null) return tooManyLook;
    return { kind: 'preview', preview: previewOf(found, { reviewer, act, nowMs: this.#options.clock.nowMs() }) };
  }

  /** Does it; the batch as it is when all is done, or patience ends. Each block's step carries the id of the batch. */
  async run(reviewer: Reviewer, { targets, act, expected }: BulkRequest): Promise<BulkAnswer> {
    const refusal = this.#refuse(reviewer, act);
    if (refusal) return refusal;
    const blockIds = await this.#idsOf(reviewer, act, targets);
    if (!Array.isArray(blockIds)) return blockIds;
    const overstep = countOverstep(reviewer, blockIds.length);
    if (overstep) return { kind: 'forbidden', overstep };
    if (expected !== undefined && !isNear(blockIds.length, expected)) {
      const detail = `The preview counted ${expected} blocks, and by now there are ${blockIds.length}: look again.`;
      return { kind: 'conflict', detail };
    }
    const { batches, clock } = this.#options;
    const batch: Batch = {
      ...nothingTallied,
      id: this.#options.newId?.() ?? `bt-${randomBytes(12).toString('base64url')}`,
      act: act.kind,
      note: act.note,
      by: reviewer.name,
      tenants: reviewer.tenants,
      atMs: clock.nowMs(),
      total: blockIds.length,
      state: 'running',
      beatMs: clock.nowMs(),
      undo: null,
    };
    return this.#begin(
      () => batches.open(batch, blockIds),
      (id) => actOn(this.#options, reviewer, { id, act: { ...act, batchId: batch.id } }),
    );
  }

  /** Null: none in reach. */
  async find({ tenants }: Reviewer, batchId: string): Promise<Batch | null> {
    const held = await this.#options.batches.find(batchId, tenants);
    return held && batchAt(held.batch, this.#options.clock.nowMs());
  }

  async list(
    { tenants }: Reviewer,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<{ readonly batches: readonly Batch[]; readonly nextCursor: string | null }> {
    const { batches, nextCursor } = await this.#options.batches.list(tenants, page);
    const nowMs = this.#options.clock.nowMs();
    return { batches: batches.map((batch) => batchAt(batch, nowMs)), nextCursor };
  }

  /** Takes back what the batch changed and nobody has touched since; the rest is told as `changed-since`. */
  async undo(reviewer: Reviewer, batchId: string, note: string): Promise<BulkAnswer> {
    const { batches, clock } = this.#options;
    const held = await batches.find(batchId, reviewer.tenants);
    if (held === null) return { kind: 'not-found' };
    const nowMs = clock.nowMs();
    const batch = batchAt(held.batch, nowMs);
    const overstep = this.#undoOverstep(reviewer, batch);
    if (overstep) return { kind: 'forbidden', overstep };
    if (batch.state !== 'done' && batch.state !== 'interrupted') {
      return { kind: 'conflict', detail: `The batch is ${batch.state}.` };
    }
    const undo = { ...nothingTallied, by: reviewer.name, note, atMs: nowMs };
    return this.#begin(
      () => batches.save({ ...held, batch: { ...batch, state: 'undoing', beatMs: nowMs, undo } }),
      (id) => takeBack(this.#options, reviewer, { id, batchId, note }),
    );
  }

  /** Stops what runs after the block it is at; it can be undone as far as it came. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
  }

  #refuse(reviewer: Reviewer, act: BulkAct): BulkRefusal | null {
    const nowMs = this.#options.clock.nowMs();
    checkTransition({ ...act, actor: reviewer.name }, nowMs);
    const overstep = wishOverstep(reviewer, act, nowMs);
    return overstep && { kind: 'forbidden', overstep };
  }

  #busy(): BulkRefusal | null {
    if (this.#isClosed) return { kind: 'conflict', detail: 'This process is about to end: ask again.' };
    if (this.#running.size + this.#beginning < mostRunning) return null;
    return { kind: 'conflict', detail: `${mostRunning} batches run here already: wait for one to end.` };
  }

  #undoOverstep(reviewer: Reviewer, batch: Batch): Overstep | null {
    const overstep = countOverstep(reviewer, batch.total);
    if (overstep || batch.by === reviewer.name || limitsOf(reviewer.role).mayUndoOthers) return overstep;
    return { needs: 'lead', part: 'id', detail: `Taking back what ${batch.by} did needs the role lead.` };
  }

  async #idsOf(reviewer: Reviewer, act: BulkAct, targets: BulkTargets): Promise<string[] | BulkRefusal> {
    if ('ids' in targets) return targets.ids.length > mostAtOnce ? { kind: 'too-many' } : [...new Set(targets.ids)];
    const found = await this.#looks.take(() => findTargets(this.#options, { reviewer, act, targets }));
    if (found === null) return tooManyLook;
    return found.isExact ? found.blocks.map(({ id }) => id) : { kind: 'too-many' };
  }

  /** `open` null: somebody else was faster. */
  async #begin(
    open: () => Promise<HeldBatch | null>,
    step: (blockId: string) => Promise<StepOutcome>,
  ): Promise<BulkAnswer> {
    const busy = this.#busy();
    if (busy) return busy;
    this.#beginning += 1;
    try {
      const held = await open();
      if (held === null) return { kind: 'conflict', detail: 'Somebody else was faster: look at it again.' };
      // Not awaited: from here on it counts as running.
      return this.#follow(held.batch, this.#work(held, step));
    } finally {
      this.#beginning -= 1;
    }
  }

  /** The batch when it is over, or as it was when patience ended. */
  async #follow(begun: Batch, work: Promise<Batch>): Promise<BulkAnswer> {
    const { clock, patienceMs = defaultPatienceMs, batches } = this.#options;
    this.#running.add(work);
    const over = work.finally(() => this.#running.delete(work));
    const finished = await within(clock, patienceMs, over);
    if (finished !== null) return { kind: 'batch', batch: finished };
    const held = await batches.find(begun.id, null);
    return { kind: 'batch', batch: held?.batch ?? begun };
  }

  /** Never rejects: what cannot be kept is logged, and the batch reads as interrupted. */
  async #work(begun: HeldBatch, step: (blockId: string) => Promise<StepOutcome>): Promise<Batch> {
    const { batches, clock, logger } = this.#options;
    let held = begun;
    const save = async (tally: Tally, state: Batch['state'] = begun.batch.state): Promise<boolean> => {
      const progress = held.batch.undo ? { undo: { ...held.batch.undo, ...tally } } : tally;
      const next = await batches.save({
        ...held,
        batch: { ...held.batch, ...progress, state, beatMs: clock.nowMs() },
      });
      if (next) held = next;
      return next !== null;
    };
    try {
      const blockIds = await batches.blockIds(begun.batch.id);
      const isStopped = (): boolean => this.#isClosed;
      const { tally, isWhole } = await walk({ blockIds, step, save, isStopped, clock, logger });
      const over = begun.batch.undo ? 'undone' : 'done';
      await save(tally, isWhole ? over : 'interrupted');
    } catch (error) {
      logger.warn({ err: error, batch: begun.batch.id }, 'a bulk change was interrupted');
    }
    return batchAt(held.batch, clock.nowMs());
  }
}

/** Null: it takes longer. */
const within = async <T>(clock: Clock, patienceMs: number, work: Promise<T>): Promise<T | null> => {
  let timer: Timer | null = null;
  const patience = new Promise<null>((resolve) => {
    timer = clock.schedule(patienceMs, () => resolve(null));
  });
  try {
    return await Promise.race([work, patience]);
  } finally {
    (timer as Timer | null)?.cancel();
  }
};
