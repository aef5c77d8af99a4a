import type { ServerSign } from './counter-watch.ts';

/** What one node of a cluster says of itself. */
export interface NodeSign extends Omit<ServerSign, 'beats'> {
  /** `host:port` */
  readonly address: string;
}

/** Histories remembered; beyond it the oldest goes. A cluster has far fewer nodes. */
const maxHistories = 4096;

const isNone = (id: string): boolean => /^0*$/.test(id);

/**
 * Finds out that a node of a cluster was replaced by its replica, or restarted: what was written to it last may be gone.
 * Nodes that join, slots that move and first replicas are no such thing.
 */
export class NodeWatch {
  /** Every history of writes that a node was seen to have, and whose it was. */
  readonly #addressOf = new Map<string, string>();
  readonly #runIdOf = new Map<string, string>();

  /** How many nodes are no longer the servers they were: each change once. The first call learns who there is. */
  seen(signs: readonly NodeSign[]): number {
    let changed = 0;
    for (const sign of signs) {
      if (isNone(sign.replicationId)) continue;
      if (this.#isChanged(sign)) changed += 1;
      this.#remember(sign);
    }
    return changed;
  }

  #isChanged({ address, runId, replicationId, previousReplicationId }: NodeSign): boolean {
    if (this.#addressOf.has(replicationId)) return false;
    const isPromoted = !isNone(previousReplicationId) && this.#addressOf.has(previousReplicationId);
    const knownRunId = this.#runIdOf.get(address);
    const isRestarted = knownRunId !== undefined && knownRunId !== runId;
    return isPromoted || isRestarted;
  }

  #remember({ address, runId, replicationId }: NodeSign): void {
    const [oldest] = this.#addressOf.keys();
    if (this.#addressOf.size >= maxHistories && oldest !== undefined) {
      this.#runIdOf.delete(this.#addressOf.get(oldest) ?? '');
      this.#addressOf.delete(oldest);
    }
    this.#addressOf.set(replicationId, address);
    this.#runIdOf.set(address, runId);
  }
}
