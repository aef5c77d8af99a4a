import type { LimitKey } from './limit-store.ts';

/** Counters that share their leading part. More are refused: a walk along them must stay short, whoever makes up the ids. */
const maxChain = 32;

interface Node<Value> {
  readonly key: LimitKey;
  value: Value;
  next: Node<Value> | null;
}

/** The part that tells most counters apart. */
const leadOf = ({ client, address, network, route, tenant, plan, service }: LimitKey): string =>
  client ?? address ?? network ?? route ?? tenant ?? plan ?? service ?? '';

const sameCounter = (a: LimitKey, b: LimitKey): boolean =>
  a.policy === b.policy &&
  a.client === b.client &&
  a.route === b.route &&
  a.tenant === b.tenant &&
  a.address === b.address &&
  a.network === b.network &&
  a.plan === b.plan &&
  a.service === b.service;

/**
 * Something per counter. Asked for on every request, so a look-up builds no string: one step by the leading part of the key,
 * the rest compared along a short chain.
 */
export class CounterMap<Value> {
  readonly #chains = new Map<string, Node<Value>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: LimitKey): Value | undefined {
    let node = this.#chains.get(leadOf(key));
    while (node) {
      if (sameCounter(node.key, key)) return node.value;
      node = node.next ?? undefined;
    }
    return undefined;
  }

  /** Adds or replaces. False: too many counters share the leading part, and it was not kept. */
  set(key: LimitKey, value: Value): boolean {
    const lead = leadOf(key);
    const first = this.#chains.get(lead) ?? null;
    let length = 0;
    for (let node = first; node; node = node.next) {
      if (sameCounter(node.key, key)) {
        node.value = value;
        return true;
      }
      length += 1;
    }
    if (length >= maxChain) return false;
    this.#chains.set(lead, { key, value, next: first });
    this.#size += 1;
    return true;
  }

  delete(key: LimitKey): boolean {
    const lead = leadOf(key);
    let before: Node<Value> | null = null;
    for (let node = this.#chains.get(lead) ?? null; node; before = node, node = node.next) {
      if (!sameCounter(node.key, key)) continue;
      if (before) before.next = node.next;
      else if (node.next) this.#chains.set(lead, node.next);
      else this.#chains.delete(lead);
      this.#size -= 1;
      return true;
    }
    return false;
  }

  /** Drops every counter that shares its leading part with the one that was added first. Answers how many. */
  dropOldest(): number {
    const oldest = this.#chains.keys().next();
    return oldest.done ? 0 : this.#drop(oldest.value);
  }

  /** Drops every counter that shares this key's leading part. Answers how many. */
  dropLike(key: LimitKey): number {
    return this.#drop(leadOf(key));
  }

  *values(): Generator<Value, undefined> {
    for (const first of this.#chains.values()) {
      for (let node: Node<Value> | null = first; node; node = node.next) yield node.value;
    }
    return undefined;
  }

  #drop(lead: string): number {
    let dropped = 0;
    for (let node = this.#chains.get(lead) ?? null; node; node = node.next) dropped += 1;
    this.#chains.delete(lead);
    this.#size -= dropped;
    return dropped;
  }
}
