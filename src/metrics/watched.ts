import type { InstrumentId } from './instruments.ts';

/** How the numbers of several sources of one kind become one. Totals never go back: a source that is gone keeps its part. */
export type Combination = 'total' | 'sum' | 'largest';

export interface Figure<Stats> {
  readonly instrument: InstrumentId;
  readonly combination: Combination;
  /** Null: there is no such number now. */
  readonly of: (stats: Stats) => number | null;
}

export interface WatchedOptions<Source, Stats> {
  readonly look: (source: Source) => Stats;
  readonly figures: readonly Figure<Stats>[];
}

interface Entry<Source extends object> {
  readonly source: WeakRef<Source>;
  /** Of each figure, what was last read. */
  lastRead: readonly (number | null)[];
}

/**
 * Sources of numbers that are read when a host collects. They are held weakly: what nobody uses any more must not live
 * on because it was measured, and is forgotten when it is gone.
 */
export class Watched<Source extends object, Stats> {
  readonly #options: WatchedOptions<Source, Stats>;
  readonly #entries = new Set<Entry<Source>>();
  /** Of each figure, the totals of sources that are gone. */
  readonly #retired: number[];
  readonly #gone = new FinalizationRegistry<Entry<Source>>((entry) => this.#retire(entry));

  constructor(options: WatchedOptions<Source, Stats>) {
    this.#options = options;
    this.#retired = options.figures.map(() => 0);
  }

  /** Sources not known to be gone. */
  get size(): number {
    return this.#entries.size;
  }

  /** Reads this source from now on. Returns the way to stop; its totals stay. */
  add(source: Source): () => void {
    const entry: Entry<Source> = { source: new WeakRef(source), lastRead: [] };
    this.#entries.add(entry);
    this.#gone.register(source, entry, entry);
    return () => {
      this.#gone.unregister(entry);
      this.#refresh(entry);
      this.#retire(entry);
    };
  }

  /** The numbers as they are now; a figure that nobody has is left out. */
  read(): ReadonlyMap<InstrumentId, number> {
    for (const entry of this.#entries) if (!this.#refresh(entry)) this.#retire(entry);
    const numbers = new Map<InstrumentId, number>();
    for (const [index, figure] of this.#options.figures.entries()) {
      const number = this.#combined(figure, index);
      if (number !== null) numbers.set(figure.instrument, number);
    }
    return numbers;
  }

  #combined({ combination }: Figure<Stats>, index: number): number | null {
    const values = [...this.#entries].map(({ lastRead }) => lastRead[index] ?? null).filter((value) => value !== null);
    const retired = combination === 'total' ? (this.#retired[index] ?? 0) : 0;
    if (values.length === 0) return retired > 0 ? retired : null;
    return combination === 'largest' ? Math.max(...values) : values.reduce((sum, value) => sum + value, retired);
  }

  #refresh(entry: Entry<Source>): boolean {
    const source = entry.source.deref();
    if (source === undefined) return false;
    const stats = this.#options.look(source);
    entry.lastRead = this.#options.figures.map((figure) => figure.of(stats));
    return true;
  }

  #retire(entry: Entry<Source>): void {
    if (!this.#entries.delete(entry)) return;
    for (const [index, value] of entry.lastRead.entries())
      this.#retired[index] = (this.#retired[index] ?? 0) + (value ?? 0);
  }
}
