/** Requests already on their way cannot know of a denial: only from then on is coming back too early a choice. */
const graceMs = 1000;
const maxWatched = 10_000;

interface Notice {
  readonly sentAtMs: number;
  retryAtMs: number;
}

/** Remembers which client was told to wait how long, to see whether it did. Bounded: the oldest notice goes first. */
export class RetryWatch {
  readonly #notices = new Map<string, Notice>();

  /** Whether no client was told to wait. */
  get isEmpty(): boolean {
    return this.#notices.size === 0;
  }

  /** A denial leaves for the client. Later denials of the same wait keep the time of the first. */
  denied(subject: string, nowMs: number, retryAfterMs: number): void {
    const notice = this.#notices.get(subject);
    if (notice && nowMs < notice.retryAtMs) {
      notice.retryAtMs = Math.max(notice.retryAtMs, nowMs + retryAfterMs);
      return;
    }
    this.#notices.delete(subject);
    const oldest = this.#notices.keys().next();
    if (this.#notices.size >= maxWatched && !oldest.done) this.#notices.delete(oldest.value);
    this.#notices.set(subject, { sentAtMs: nowMs, retryAtMs: nowMs + retryAfterMs });
  }

  /** Whether a request that arrives now ignores what its client was told. */
  isEarly(subject: string, nowMs: number): boolean {
    const notice = this.#notices.get(subject);
    return notice !== undefined && nowMs >= notice.sentAtMs + graceMs && nowMs < notice.retryAtMs;
  }
}
