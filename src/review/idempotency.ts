import { digestOf } from '../client.ts';
import type { Clock } from '../clock.ts';
import type { RecordStore, ReviewRecords } from './records.ts';

/** An answer as it was given. */
export interface KeptAnswer {
  readonly status: number;
  /** Those that belong to the answer, such as its ETag. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null: it was too long to be kept. */
  readonly body: string | null;
}

export type Beginning =
  /** Nobody has asked this before: do it, then `finish` or `abandon`. */
  | 'started'
  /** It was done: this was the answer. */
  | { readonly replay: KeptAnswer }
  /** Somebody is at it. */
  | 'running'
  /** The same key was used for something else. */
  | 'mismatch';

/** Makes that a request which is sent twice is done once. */
export interface IdempotencyStore {
  /**
   * `key`: who asks, what for and the key that they chose, as one text. `fingerprint`: of everything that would make it another
   * request.
   */
  begin(key: string, fingerprint: string): Promise<Beginning>;
  finish(key: string, answer: KeptAnswer): Promise<void>;
  /** It failed in a way that says nothing: the next try with this key is the first. */
  abandon(key: string): Promise<void>;
}

const dayMs = 86_400_000;
const maxBodyLength = 128 * 1024;
const mostAnswers = 5000;
/** A process that began and has not finished by then is gone. Longer than any request takes. */
const longestRunMs = 120_000;
const maxTries = 5;

interface Entry {
  readonly fingerprint: string;
  readonly sinceMs: number;
  readonly answer: KeptAnswer | null;
}

/** Answers of the last day, the newest 5,000 of them. */
export class KeptAnswers implements IdempotencyStore {
  readonly #records: RecordStore;
  readonly #clock: Clock;

  constructor({ records, clock }: { readonly records: ReviewRecords; readonly clock: Clock }) {
    this.#records = records.shelf({ name: 'answers', keptForMs: dayMs, most: mostAnswers });
    this.#clock = clock;
  }

  async begin(key: string, fingerprint: string): Promise<Beginning> {
    const id = digestOf(key);
    for (let tries = 1; tries <= maxTries; tries += 1) {
      const held = await this.#records.get(id);
      const entry = held === null ? null : (JSON.parse(held.text) as Entry);
      if (entry !== null && entry.fingerprint !== fingerprint) return 'mismatch';
      if (entry?.answer) return { replay: entry.answer };
      const nowMs = this.#clock.nowMs();
      if (entry !== null && entry.sinceMs > nowMs - longestRunMs) return 'running';
      const text = JSON.stringify({ fingerprint, sinceMs: nowMs, answer: null } satisfies Entry);
      if (await this.#records.put({ id, text, ifRevision: held?.revision ?? 0 })) return 'started';
    }
    return 'running';
  }

  async finish(key: string, answer: KeptAnswer): Promise<void> {
    const id = digestOf(key);
    const held = await this.#records.get(id);
    if (held === null) return;
    const entry = JSON.parse(held.text) as Entry;
    const isLong = answer.body !== null && answer.body.length > maxBodyLength;
    const text = JSON.stringify({ ...entry, answer: isLong ? { ...answer, body: null } : answer } satisfies Entry);
    await this.#records.put({ id, text, ifRevision: held.revision });
  }

  async abandon(key: string): Promise<void> {
    const id = digestOf(key);
    const held = await this.#records.get(id);
    if (held !== null && (JSON.parse(held.text) as Entry).answer === null) {
      await this.#records.remove(id, held.revision);
    }
  }
}
