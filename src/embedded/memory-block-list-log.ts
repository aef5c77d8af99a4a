import type { Block } from '../blocklist/block.ts';
import type { Change, Changes, Cursor } from '../blocklist/block-feed.ts';
import type { LoggedChanges } from '../blocklist/change-log.ts';
import type { StepTaken } from '../blocklist/steps.ts';

type WithoutSequence<T> = T extends unknown ? Omit<T, 'sequence'> : never;
/** What a write tells gates. */
export type NewChange = WithoutSequence<Change>;

interface ChangeRecord {
  readonly change: Change;
  readonly timeMs: number;
  readonly block: Block;
  readonly step: StepTaken | null;
}

export interface ChangeRecordsOptions {
  readonly epoch: string;
  readonly maxRecords: number;
  /** Of all records together. */
  readonly maxEntries: number;
}

/** Entries that one record holds at most. */
export const entriesPerRecord = 1000;

const entriesIn = ({ change }: ChangeRecord): number =>
  change.kind === 'added' || change.kind === 'removed' ? change.entries.length : 0;

/** The change log: one record per change, numbered without a gap; the oldest are trimmed. */
export class ChangeRecords {
  readonly #options: ChangeRecordsOptions;
  #records: ChangeRecord[] = [];
  /** Records before this index are trimmed; they are cut off in slabs, or each change would copy the log. */
  #first = 0;
  #entries = 0;
  #sequence = 0;
  #relayed: Cursor | null = null;
  #lead: { readonly holder: string; readonly untilMs: number } | null = null;

  constructor(options: ChangeRecordsOptions) {
    this.#options = options;
  }

  get epoch(): string {
    return this.#options.epoch;
  }

  get sequence(): number {
    return this.#sequence;
  }

  append(change: NewChange, block: Block, { timeMs, step = null }: { timeMs: number; step?: StepTaken | null }): void {
    this.#sequence += 1;
    const record: ChangeRecord = { change: { ...change, sequence: this.#sequence }, block, timeMs, step };
    this.#records.push(record);
    this.#entries += entriesIn(record);
    this.#trim();
  }

  after(cursor: Cursor, maxChanges: number): Changes {
    if (!this.#follows(cursor)) return { kind: 'gap' };
    const changes = this.#from(cursor.sequence + 1, maxChanges).map(({ change }) => change);
    const sequence = changes.at(-1)?.sequence ?? cursor.sequence;
    return { kind: 'changes', cursor: { epoch: this.epoch, sequence }, changes };
  }

  loggedAfter(cursor: Cursor | null, maxChanges: number): LoggedChanges {
    const begin: Cursor = { epoch: this.epoch, sequence: this.#oldest - 1 };
    if (cursor !== null && !this.#follows(cursor)) {
      const read = cursor.epoch === this.epoch ? Math.min(cursor.sequence, begin.sequence) : 0;
      return { kind: 'gap', cursor: begin, lost: begin.sequence - read };
    }
    const from = cursor ?? begin;
    const records = this.#from(from.sequence + 1, maxChanges);
    const changes = records.map(({ change: { sequence }, timeMs, block, step }) => ({
      sequence,
      timeMs,
      block,
      ...(step && { step }),
    }));
    return { kind: 'changes', cursor: { epoch: this.epoch, sequence: from.sequence + changes.length }, changes };
  }

  get relayed(): Cursor | null {
    return this.#relayed;
  }

  markRelayed(cursor: Cursor): void {
    this.#relayed = cursor;
  }

  lead(holder: string, { ttlMs, nowMs }: { readonly ttlMs: number; readonly nowMs: number }): boolean {
    if (this.#lead !== null && this.#lead.holder !== holder && this.#lead.untilMs > nowMs) return false;
    this.#lead = { holder, untilMs: nowMs + ttlMs };
    return true;
  }

  get #oldest(): number {
    return this.#sequence - (this.#records.length - this.#first) + 1;
  }

  /** Whether everything behind the cursor is still here. */
  #follows({ epoch, sequence }: Cursor): boolean {
    return epoch === this.epoch && sequence <= this.#sequence && sequence + 1 >= this.#oldest;
  }

  #from(sequence: number, maxChanges: number): readonly ChangeRecord[] {
    const from = this.#first + sequence - this.#oldest;
    return this.#records.slice(from, from + maxChanges);
  }

  /** The newest record stays, however many entries it has. */
  #trim(): void {
    const { maxRecords, maxEntries } = this.#options;
    while (this.#records.length - this.#first > 1) {
      const record = this.#records[this.#first];
      const isFull = this.#records.length - this.#first > maxRecords || this.#entries > maxEntries;
      if (record === undefined || !isFull) break;
      this.#entries -= entriesIn(record);
      this.#first += 1;
    }
    if (this.#first < 1024 || this.#first * 2 < this.#records.length) return;
    this.#records = this.#records.slice(this.#first);
    this.#first = 0;
  }
}
