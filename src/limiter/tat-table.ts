/** Rows a new table has room for. */
const firstRows = 1024;

/** One counter as a call knows it. It gets a row when something is written to it. */
export interface TatCounter {
  readonly policy: string;
  /** What the policy counts by, as one string. */
  readonly subject: string;
  /** Where its TAT is; -1: nowhere yet. Holds until the table is next swept, which gives rows away. */
  row: number;
}

/**
 * TATs by policy and subject. Keyed in two steps, so that a look-up builds no string; the numbers lie in one array, so that
 * a write makes no garbage.
 */
export class TatTable {
  readonly #rowsByPolicy = new Map<string, Map<string, number>>();
  #tatsUs = new Float64Array(firstRows);
  readonly #freeRows: number[] = [];
  /** Rows ever given out; the free ones are among them. */
  #usedRows = 0;
  #sweeper = this.#everything();

  /** Live counters. */
  get size(): number {
    return this.#usedRows - this.#freeRows.length;
  }

  find(policy: string, subject: string): TatCounter {
    return { policy, subject, row: this.#rowsByPolicy.get(policy)?.get(subject) ?? -1 };
  }

  /** 0 when there is none. */
  read({ row }: TatCounter): number {
    return row < 0 ? 0 : (this.#tatsUs[row] ?? 0);
  }

  write(counter: TatCounter, tatUs: number): void {
    if (counter.row < 0) counter.row = this.#place(counter);
    this.#tatsUs[counter.row] = tatUs;
  }

  /** Looks at `steps` counters, each time the next ones, and forgets those whose TAT is not after `untilUs`. */
  sweep(steps: number, untilUs: number): void {
    for (let step = 0; step < steps; step += 1) {
      const next = this.#sweeper.next();
      if (next.done) {
        this.#sweeper = this.#everything();
        return;
      }
      const { rows, subject, row } = next.value;
      if ((this.#tatsUs[row] ?? 0) > untilUs) continue;
      rows.delete(subject);
      this.#freeRows.push(row);
    }
  }

  clear(): void {
    this.#rowsByPolicy.clear();
    this.#tatsUs = new Float64Array(firstRows);
    this.#freeRows.length = 0;
    this.#usedRows = 0;
    this.#sweeper = this.#everything();
  }

  *#everything(): Generator<{ rows: Map<string, number>; subject: string; row: number }, undefined> {
    for (const [policy, rows] of this.#rowsByPolicy) {
      for (const [subject, row] of rows) yield { rows, subject, row };
      if (rows.size === 0) this.#rowsByPolicy.delete(policy);
    }
    return undefined;
  }

  #place({ policy, subject }: TatCounter): number {
    const row = this.#freeRows.pop() ?? this.#usedRows++;
    if (row >= this.#tatsUs.length) {
      const grown = new Float64Array(this.#tatsUs.length * 2);
      grown.set(this.#tatsUs);
      this.#tatsUs = grown;
    }
    const rows = this.#rowsByPolicy.get(policy);
    if (rows) rows.set(subject, row);
    else this.#rowsByPolicy.set(policy, new Map([[subject, row]]));
    return row;
  }
}
