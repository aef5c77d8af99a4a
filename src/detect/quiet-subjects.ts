import type { TrackedSubject } from './shared-tally.ts';

/**
 * Subjects that were denied nothing, in two generations: when the younger one holds half of what may be, the older one
 * is dropped. Who is seen again in time stays, and nothing is moved while it is seen in the younger one.
 */
export class QuietSubjects {
  readonly #most: number;
  #young = new Map<string, TrackedSubject>();
  #old = new Map<string, TrackedSubject>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string): TrackedSubject | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** Whether others were forgotten for it. */
  put(tracked: TrackedSubject): boolean {
    if (this.#young.has(tracked.key)) return false;
    this.#old.delete(tracked.key);
    const isFull = this.#young.size >= Math.ceil(this.#most / 2);
    const forgets = isFull && this.#old.size > 0;
    if (isFull) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(tracked.key, tracked);
    return forgets;
  }

  /** Takes one out, because it is quiet no more. */
  take(key: string): TrackedSubject | undefined {
    const tracked = this.get(key);
    if (!this.#young.delete(key)) this.#old.delete(key);
    return tracked;
  }

  forget(isGone: (tracked: TrackedSubject) => boolean): void {
    for (const generation of [this.#young, this.#old]) {
      for (const [key, tracked] of generation) if (isGone(tracked)) generation.delete(key);
    }
  }
}
