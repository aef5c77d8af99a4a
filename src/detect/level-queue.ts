/** What stands in a {@link LevelQueue}. The queue alone writes its fields. */
export interface Queued {
  level: number;
  before: Queued | null;
  after: Queued | null;
}

interface Level {
  first: Queued | null;
  last: Queued | null;
  size: number;
}

/** In order of level, and within one in order of arrival. Every step takes the same time, however many there are. */
export class LevelQueue<T extends Queued> {
  readonly #levels: readonly Level[];

  constructor(levels: number) {
    this.#levels = Array.from({ length: levels }, () => ({ first: null, last: null, size: 0 }));
  }

  /** Puts it last in its level. It must not stand in the queue. */
  push(item: T, level: number): void {
    const found = this.#levels[level];
    if (!found) throw new RangeError(`no level ${level}`);
    item.level = level;
    item.before = found.last;
    item.after = null;
    if (found.last) found.last.after = item;
    else found.first = item;
    found.last = item;
    found.size += 1;
  }

  remove(item: T): void {
    const level = this.#levels[item.level];
    if (!level) return;
    if (item.before) item.before.after = item.after;
    else level.first = item.after;
    if (item.after) item.after.before = item.before;
    else level.last = item.before;
    level.size -= 1;
    item.before = null;
    item.after = null;
  }

  /** How many stand below the level. */
  below(level: number): number {
    return this.#levels.slice(0, level).reduce((sum, { size }) => sum + size, 0);
  }

  /** The first of the lowest level that is at least `from` and has any. */
  lowest(from = 0): T | null {
    return (this.#levels.find(({ first }, level) => level >= from && first !== null)?.first as T | undefined) ?? null;
  }
}
