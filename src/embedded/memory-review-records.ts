import type { Clock } from '../clock.ts';
import type { KeptRecord, RecordPage, RecordStore, RecordWrite, ReviewRecords, Shelf } from '../review/records.ts';

interface Held extends KeptRecord {
  readonly order: number;
  readonly untilMs: number;
}

/** Records of one kind in this process. */
class MemoryRecordStore implements RecordStore {
  readonly #shelf: Shelf;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #held = new Map<string, Held>();
  #made = 0;

  constructor(shelf: Shelf, clock: Clock) {
    this.#shelf = shelf;
    this.#clock = clock;
  }

  put({ id, text, ifRevision }: RecordWrite): Promise<boolean> {
    const before = this.#find(id);
    if ((before?.revision ?? 0) !== ifRevision) return Promise.resolve(false);
    const { keptForMs, most } = this.#shelf;
    if (before) {
      this.#held.set(id, { ...before, text, revision: ifRevision + 1 });
      return Promise.resolve(true);
    }
    this.#made += 1;
    this.#held.delete(id);
    this.#held.set(id, { id, text, revision: 1, order: this.#made, untilMs: this.#clock.nowMs() + keptForMs });
    const oldest = this.#held.keys().next();
    if (this.#held.size > most && !oldest.done) this.#held.delete(oldest.value);
    return Promise.resolve(true);
  }

  remove(id: string, ifRevision: number): Promise<boolean> {
    const isThere = this.#find(id)?.revision === ifRevision;
    if (isThere) this.#held.delete(id);
    return Promise.resolve(isThere);
  }

  get(id: string): Promise<KeptRecord | null> {
    const held = this.#find(id);
    return Promise.resolve(held ? shown(held) : null);
  }

  newest(limit: number, cursor = ''): Promise<RecordPage> {
    const below = /^\d{1,15}$/.test(cursor) ? Number(cursor) : Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.nowMs();
    const rest = [...this.#held.values()]
      .filter(({ order, untilMs }) => order < below && untilMs > nowMs)
      .sort((left, right) => right.order - left.order);
    const page = rest.slice(0, limit);
    const last = page.at(-1);
    return Promise.resolve({
      records: page.map(shown),
      nextCursor: last !== undefined && rest.length > page.length ? String(last.order) : null,
    });
  }

  #find(id: string): Held | null {
    const held = this.#held.get(id);
    return held !== undefined && held.untilMs > this.#clock.nowMs() ? held : null;
  }
}

const shown = ({ id, text, revision }: Held): KeptRecord => ({ id, text, revision });

/** For one process, for tests and for a first look. */
export class MemoryReviewRecords implements ReviewRecords {
  readonly #clock: Clock;
  readonly #stores = new Map<string, RecordStore>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  shelf(shelf: Shelf): RecordStore {
    const store = this.#stores.get(shelf.name) ?? new MemoryRecordStore(shelf, this.#clock);
    this.#stores.set(shelf.name, store);
    return store;
  }
}
