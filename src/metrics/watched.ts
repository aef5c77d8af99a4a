import type { Attributes } from '@opentelemetry/api';
import type { AttributeName, InstrumentId } from './instruments.ts';

/** How the numbers of several sources of one kind become one. Totals never go back: a source that is gone keeps its part. */
export type Combination = 'total' | 'sum' | 'largest';

/** One number as it is now. */
export interface Reading {
  readonly instrument: InstrumentId;
  readonly value: number;
  readonly attributes: Attributes;
}

/** Several numbers of one kind, by the value of the attribute that tells them apart. */
export interface Numbers {
  readonly by: AttributeName;
  /** `more`: what else is always said with this value. */
  readonly numbers: Iterable<readonly [value: string, number: number, more?: Attributes]>;
}

export interface Figure<Stats> {
  readonly instrument: InstrumentId;
  readonly combination: Combination;
  /** Null: there is no such number now. */
  readonly of: (stats: Stats) => number | null | Numbers;
}

export interface WatchedOptions<Source, Stats> {
  readonly look: (source: Source) => Stats;
  readonly figures: readonly Figure<Stats>[];
}

interface Value {
  readonly attributes: Attributes;
  readonly number: number;
}

/** Of one figure, its values by their attributes. */
type Values = ReadonlyMap<string, Value>;

interface Entry<Source extends object> {
  readonly source: WeakRef<Source>;
  /** What tells this source apart from others of its kind. */
  readonly attributes: Attributes;
  /** Of each figure, what was last read. */
  lastRead: readonly Values[];
}

const keyOf = (attributes: Attributes): string => JSON.stringify(Object.entries(attributes));

const valuesOf = (read: number | null | Numbers, own: Attributes): Values => {
  if (read === null) return new Map();
  if (typeof read === 'number') return new Map([[keyOf(own), { attributes: own, number: read }]]);
  const values = new Map<string, Value>();
  for (const [value, number, more] of read.numbers) {
    const attributes = { ...own, [read.by]: value, ...more };
    values.set(keyOf(attributes), { attributes, number });
  }
  return values;
};

const combine = (into: Map<string, Value>, values: Values, combination: Combination): void => {
  for (const [key, { attributes, number }] of values) {
    const before = into.get(key)?.number;
    const both = (held: number): number => (combination === 'largest' ? Math.max(held, number) : held + number);
    into.set(key, { attributes, number: before === undefined ? number : both(before) });
  }
};

/**
 * Sources of numbers that are read when a host collects. They are held weakly: what nobody uses any more must not live
 * on because it was measured, and is forgotten when it is gone.
 */
export class Watched<Source extends object, Stats> {
  readonly #options: WatchedOptions<Source, Stats>;
  readonly #entries = new Set<Entry<Source>>();
  /** Of each figure, the totals of sources that are gone. */
  readonly #retired: readonly Map<string, Value>[];
  readonly #gone = new FinalizationRegistry<Entry<Source>>((entry) => this.#retire(entry));

  constructor(options: WatchedOptions<Source, Stats>) {
    this.#options = options;
    this.#retired = options.figures.map(() => new Map());
  }

  /** Sources not known to be gone. */
  get size(): number {
    return this.#entries.size;
  }

  /** Reads this source from now on. Returns the way to stop; its totals stay. */
  add(source: Source, attributes: Attributes = {}): () => void {
    const entry: Entry<Source> = { source: new WeakRef(source), attributes, lastRead: [] };
    this.#entries.add(entry);
    this.#gone.register(source, entry, entry);
    return () => {
      this.#gone.unregister(entry);
      this.#refresh(entry);
      this.#retire(entry);
    };
  }

  /** The numbers as they are now; a figure that nobody has is left out. */
  *read(): Generator<Reading> {
    for (const entry of this.#entries) if (!this.#refresh(entry)) this.#retire(entry);
    for (const [index, { instrument, combination }] of this.#options.figures.entries()) {
      const combined = new Map(this.#retired[index]);
      for (const { lastRead } of this.#entries) combine(combined, lastRead[index] ?? new Map(), combination);
      for (const { attributes, number } of combined.values()) yield { instrument, value: number, attributes };
    }
  }

  #refresh(entry: Entry<Source>): boolean {
    const source = entry.source.deref();
    if (source === undefined) return false;
    const stats = this.#options.look(source);
    entry.lastRead = this.#options.figures.map((figure) => valuesOf(figure.of(stats), entry.attributes));
    return true;
  }

  #retire(entry: Entry<Source>): void {
    if (!this.#entries.delete(entry)) return;
    for (const [index, { combination }] of this.#options.figures.entries()) {
      const retired = this.#retired[index];
      if (combination === 'total' && retired) combine(retired, entry.lastRead[index] ?? new Map(), 'sum');
    }
  }
}
