import type { Algorithm } from '../policy/policy.ts';
import { arithmeticOf } from './algorithms/arithmetic.ts';
import type { Arithmetic, Counter } from './algorithms/counter.ts';
import type { Places } from './algorithms/places.ts';
import type { LimitTerms } from './limit-store.ts';

/** Rows a new table has room for. */
const firstRows = 1024;

interface PolicyRows {
  /** As last asked by: how long a counter is worth keeping depends on it. */
  terms: LimitTerms;
  readonly bySubject: Map<string, number>;
}

/**
 * Counters of one algorithm by policy and subject. Found in two steps, so that a look-up builds no string; their numbers lie
 * in one array, so that a write makes no garbage.
 */
export class CounterTable {
  readonly #arithmetic: Arithmetic;
  readonly #policies = new Map<string, PolicyRows>();
  readonly #freeRows: number[] = [];
  readonly #places = new Map<number, Places>();
  readonly #counter: Counter;
  readonly #saved: Float64Array;
  /** Rows ever given out; the free ones are among them. */
  #usedRows = 0;
  #sweeper = this.#everything();

  constructor(algorithm: Algorithm) {
    this.#arithmetic = arithmeticOf[algorithm];
    this.#counter = { cells: new Float64Array(firstRows * this.#arithmetic.width), at: 0, places: null, grants: null };
    this.#saved = new Float64Array(this.#arithmetic.width);
  }

  /** Live counters. */
  get size(): number {
    return this.#usedRows - this.#freeRows.length;
  }

  /** The row of a counter, or -1. It holds until the table is next swept, which gives rows away. */
  find(policy: string, subject: string): number {
    return this.#policies.get(policy)?.bySubject.get(subject) ?? -1;
  }

  /** Gives a counter a row of zeros. */
  place(policy: string, subject: string, terms: LimitTerms): number {
    const row = this.#freeRows.pop() ?? this.#usedRows++;
    const { width } = this.#arithmetic;
    this.#makeRoom((row + 1) * width);
    this.#counter.cells.fill(0, row * width, (row + 1) * width);
    const rows = this.#policies.get(policy);
    if (rows) {
      rows.terms = terms;
      rows.bySubject.set(subject, row);
    } else this.#policies.set(policy, { terms, bySubject: new Map([[subject, row]]) });
    return row;
  }

  /** Forgets a counter of which nothing is left. */
  drop(policy: string, subject: string, row: number): void {
    this.#policies.get(policy)?.bySubject.delete(subject);
    this.#free(row);
  }

  /** The counter of a row. One and the same object each time: it is good until the next call. */
  counterAt(row: number): Counter {
    this.#counter.at = row * this.#arithmetic.width;
    this.#counter.places = this.#places.size === 0 ? null : (this.#places.get(row) ?? null);
    return this.#counter;
  }

  /** Notes the numbers of the counter last given out, for {@link restore}: one at a time, and nothing is made for it. */
  save(): void {
    const { cells, at } = this.#counter;
    for (let cell = 0; cell < this.#saved.length; cell += 1) this.#saved[cell] = cells[at + cell] ?? 0;
  }

  /** Puts the numbers back that were there at the last {@link save}. */
  restore(): void {
    const { cells, at } = this.#counter;
    for (let cell = 0; cell < this.#saved.length; cell += 1) cells[at + cell] = this.#saved[cell] ?? 0;
  }

  /** Keeps what a counter has besides its numbers. */
  keepPlaces(row: number, { places }: Counter): void {
    if (places && places.size > 0) this.#places.set(row, places);
    else this.#places.delete(row);
  }

  /** Whether a request holds a place of this row. */
  holdsPlace(row: number, permit: string): boolean {
    return this.#places.get(row)?.has(permit) === true;
  }

  /** Looks at `steps` counters, each time the next ones, and forgets those of which nothing is left at `untilUs`. */
  sweep(steps: number, untilUs: number): void {
    if (this.#policies.size === 0) return;
    for (let step = 0; step < steps; step += 1) {
      const next = this.#sweeper.next();
      if (next.done) {
        this.#sweeper = this.#everything();
        return;
      }
      const { rows, subject, row } = next.value;
      if (this.#arithmetic.endsAtUs(this.counterAt(row), rows.terms) > untilUs) continue;
      rows.bySubject.delete(subject);
      this.#free(row);
    }
  }

  clear(): void {
    this.#policies.clear();
    this.#places.clear();
    this.#counter.cells = new Float64Array(firstRows * this.#arithmetic.width);
    this.#freeRows.length = 0;
    this.#usedRows = 0;
    this.#sweeper = this.#everything();
  }

  #free(row: number): void {
    this.#places.delete(row);
    this.#freeRows.push(row);
  }

  #makeRoom(length: number): void {
    const { cells } = this.#counter;
    if (length <= cells.length) return;
    this.#counter.cells = new Float64Array(cells.length * 2);
    this.#counter.cells.set(cells);
  }

  *#everything(): Generator<{ rows: PolicyRows; subject: string; row: number }, undefined> {
    for (const [policy, rows] of this.#policies) {
      for (const [subject, row] of rows.bySubject) yield { rows, subject, row };
      if (rows.bySubject.size === 0) this.#policies.delete(policy);
    }
    return undefined;
  }
}
