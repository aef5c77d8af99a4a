import type { Notice } from '../alert/notice.ts';
import { type Delivery, type Outbox, type OutboxFigures, outboxBounds } from '../alert/outbox.ts';
import type { Cursor } from '../blocklist/block-feed.ts';
import type { Clock } from '../clock.ts';

interface Waiting extends Delivery {
  readonly dueAtMs: number;
}

/** An outbox in this process: what waits in it ends with it. */
export class MemoryOutbox implements Outbox {
  readonly #clock: Clock;
  /** Id → when it was put. */
  readonly #seen = new Map<string, number>();
  readonly #inbox = new Map<string, Notice>();
  readonly #queues = new Map<string, Map<string, Waiting>>();
  readonly #disabled = new Set<string>();
  #lead: { readonly holder: string; readonly untilMs: number } | null = null;
  #cursor: Cursor | null = null;
  #dropped = 0;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  async put(notices: readonly Notice[]): Promise<number> {
    this.#forgetSeen();
    const fresh = notices.filter(({ id }) => {
      if (this.#seen.has(id)) return false;
      this.#seen.set(id, this.#clock.nowMs());
      return true;
    });
    for (const notice of fresh) this.#inbox.set(notice.id, notice);
    this.#trim(this.#inbox, outboxBounds.inbox);
    return fresh.length;
  }

  async inbox(most: number): Promise<readonly Notice[]> {
    return [...this.#inbox.values()].slice(0, most);
  }

  async handOut(noticeId: string, endpoints: readonly string[]): Promise<void> {
    const notice = this.#inbox.get(noticeId);
    if (!notice) return;
    this.#inbox.delete(noticeId);
    for (const endpoint of endpoints) {
      const queue = this.#queues.get(endpoint) ?? new Map<string, Waiting>();
      this.#queues.set(endpoint, queue);
      queue.set(noticeId, { notice, failures: 0, dueAtMs: this.#clock.nowMs() });
      this.#trim(queue, outboxBounds.perEndpoint);
    }
  }

  async due(endpoint: string, most: number): Promise<readonly Delivery[]> {
    const nowMs = this.#clock.nowMs();
    return [...(this.#queues.get(endpoint)?.values() ?? [])]
      .filter(({ dueAtMs }) => dueAtMs <= nowMs)
      .sort((left, right) => left.dueAtMs - right.dueAtMs)
      .slice(0, most)
      .map(({ notice, failures }) => ({ notice, failures }));
  }

  async remove(endpoint: string, noticeId: string): Promise<void> {
    this.#queues.get(endpoint)?.delete(noticeId);
  }

  async postpone(endpoint: string, noticeId: string, untilMs: number): Promise<void> {
    const queue = this.#queues.get(endpoint);
    const waiting = queue?.get(noticeId);
    if (waiting) queue?.set(noticeId, { ...waiting, failures: waiting.failures + 1, dueAtMs: untilMs });
  }

  async disable(endpoint: string): Promise<void> {
    this.#disabled.add(endpoint);
  }

  async enable(endpoint: string): Promise<boolean> {
    return this.#disabled.delete(endpoint);
  }

  async disabled(): Promise<ReadonlySet<string>> {
    return new Set(this.#disabled);
  }

  async lead(holder: string, ttlMs: number): Promise<boolean> {
    const nowMs = this.#clock.nowMs();
    if (this.#lead !== null && this.#lead.holder !== holder && this.#lead.untilMs > nowMs) return false;
    this.#lead = { holder, untilMs: nowMs + ttlMs };
    return true;
  }

  async cursor(): Promise<Cursor | null> {
    return this.#cursor;
  }

  async markCursor(cursor: Cursor): Promise<void> {
    this.#cursor = cursor;
  }

  async figures(): Promise<OutboxFigures> {
    const queued = [...this.#queues.values()].reduce((sum, queue) => sum + queue.size, 0);
    return { waiting: queued, dropped: this.#dropped };
  }

  /** The oldest go. */
  #trim(held: Map<string, unknown>, most: number): void {
    for (const id of [...held.keys()].slice(0, Math.max(0, held.size - most))) {
      held.delete(id);
      this.#dropped += 1;
    }
  }

  #forgetSeen(): void {
    const nowMs = this.#clock.nowMs();
    for (const [id, atMs] of this.#seen) {
      if (this.#seen.size <= outboxBounds.seen && atMs + outboxBounds.seenMs > nowMs) break;
      this.#seen.delete(id);
    }
  }
}
