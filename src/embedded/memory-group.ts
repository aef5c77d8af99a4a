import type { Clock } from '../clock.ts';
import type { Committed, RecordHandler } from '../event/event-log.ts';
import type { Logger } from '../logger.ts';
import { type LeaseTerms, MemoryLease } from './memory-lease.ts';
import type { MemoryTopic } from './memory-topic.ts';

export interface MemoryGroupOptions {
  readonly name: string;
  readonly topic: MemoryTopic;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retryPauseMs: number;
}

/** The readers that share a topic's partitions, and how far they have come together. */
export class MemoryGroup {
  readonly options: MemoryGroupOptions;
  readonly #committed: Committed[];
  readonly #leases: (MemoryLease | null)[];
  /** Also those that were closed, but whose last handler still runs. */
  readonly #unended = new Set<MemoryLease>();
  #members: RecordHandler[] = [];

  constructor(options: MemoryGroupOptions) {
    this.options = options;
    this.#committed = Array.from({ length: options.topic.partitions }, () => ({ offset: null, metadata: '' }));
    this.#leases = Array.from({ length: options.topic.partitions }, () => null);
  }

  committed(partition: number): Committed {
    return this.#committed[partition] ?? { offset: null, metadata: '' };
  }

  commit(partition: number, committed: Committed): void {
    this.#committed[partition] = committed;
    this.options.topic.trim(partition);
  }

  wake(partition: number): void {
    this.#leases[partition]?.wake();
  }

  leasesOf(member: RecordHandler): readonly MemoryLease[] {
    return this.#leases.flatMap((lease) => (lease?.isOpen && lease.handler === member ? [lease] : []));
  }

  /** Resolves when the newcomer holds its share. */
  async join(member: RecordHandler): Promise<void> {
    this.#members = [...this.#members, member];
    this.#rebalance();
    await Promise.all(this.leasesOf(member).map((lease) => lease.ready));
  }

  /** Resolves when its running handlers have ended. */
  async leave(member: RecordHandler): Promise<void> {
    this.#members = this.#members.filter((other) => other !== member);
    this.#rebalance();
    const held = [...this.#unended].filter((lease) => lease.handler === member);
    await Promise.all(held.map((lease) => lease.ended));
  }

  #rebalance(): void {
    for (const [partition, lease] of this.#leases.entries()) {
      const next = this.#members[partition % Math.max(1, this.#members.length)] ?? null;
      if (lease?.isOpen && lease.handler === next) continue;
      lease?.close();
      if (next !== null) this.#leases[partition] = this.#lease({ partition, handler: next, after: lease });
    }
  }

  #lease(terms: LeaseTerms): MemoryLease {
    const lease = new MemoryLease(this, terms);
    this.#unended.add(lease);
    void lease.ended.then(() => this.#unended.delete(lease));
    return lease;
  }
}
