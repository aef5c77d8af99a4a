import type { Clock } from '../clock.ts';
import type { ObservedBlock } from './observed.ts';
import type { Reading } from './watched.ts';

interface Newest {
  eventAtMs: number | null;
  storedAtMs: number | null;
}

/** What is known of a topic's rows from the blocks that were stored here: nobody has to ask the database. */
export class StoredBlocks {
  readonly #clock: Clock;
  readonly #topics = new Map<string, Newest>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Age of the block's oldest event, seconds; null: it holds no row, and says nothing. */
  stored({ topic, rows, minTimeMs, maxTimeMs }: ObservedBlock): number | null {
    if (rows === 0) return null;
    const nowMs = this.#clock.nowMs();
    this.#topicOf(topic).storedAtMs = nowMs;
    this.foundStored(topic, maxTimeMs);
    return Math.max(0, nowMs - minTimeMs) / 1000;
  }

  /** The newest event that was there before. */
  foundStored(topic: string, eventAtMs: number): void {
    const newest = this.#topicOf(topic);
    // A clock that runs ahead somewhere must not make everything look fresh until that day comes.
    newest.eventAtMs = Math.max(newest.eventAtMs ?? 0, Math.min(eventAtMs, this.#clock.nowMs()));
  }

  *read(): Generator<Reading> {
    const nowMs = this.#clock.nowMs();
    const ageS = (atMs: number): number => Math.max(0, nowMs - atMs) / 1000;
    for (const [topic, { eventAtMs, storedAtMs }] of this.#topics) {
      const attributes = { 'tidegate.topic': topic };
      if (eventAtMs !== null) yield { instrument: 'ingestFreshness', value: ageS(eventAtMs), attributes };
      if (storedAtMs !== null) yield { instrument: 'ingestLastBlockAge', value: ageS(storedAtMs), attributes };
    }
  }

  #topicOf(topic: string): Newest {
    const known = this.#topics.get(topic);
    if (known) return known;
    const made: Newest = { eventAtMs: null, storedAtMs: null };
    this.#topics.set(topic, made);
    return made;
  }
}
