import { type Cidr, canonicalAddress, isWithin, networkOf } from '../address.ts';
import type { Client } from '../client.ts';
import { privateNetworks } from './trusted-proxies.ts';

/** All that a middleware wants to know of an address. */
export interface KnownAddress {
  /** In its one spelling. */
  readonly address: string;
  /** Who it counts as: itself, IPv6 by /64. */
  readonly client: Client;
  /** Whether it is a proxy whose word is taken. */
  readonly isTrusted: boolean;
  /** Whether it is of a network that nobody reaches from outside. */
  readonly isPrivate: boolean;
}

/** Addresses come again and again; whoever sends each from another one costs what it costs to read one. */
const maxKnown = 4096;

/** Reads each address once, for as long as it is among the last few thousand. */
export class AddressBook {
  readonly #trusted: readonly Cidr[];
  readonly #known = new Map<string, KnownAddress>();

  constructor(trusted: readonly Cidr[] = []) {
    this.#trusted = trusted;
  }

  /** Addresses that need not be read again. */
  get size(): number {
    return this.#known.size;
  }

  /** Null when the text is no address. */
  find(text: string): KnownAddress | null {
    return this.#known.get(text) ?? this.#read(text);
  }

  #read(text: string): KnownAddress | null {
    const address = canonicalAddress(text);
    const network = address === null ? null : networkOf(address);
    if (address === null || network === null) return null;
    const known = {
      address,
      client: { kind: 'ip', id: network },
      isTrusted: isWithin(address, this.#trusted),
      isPrivate: isWithin(address, privateNetworks),
    } as const;
    const oldest = this.#known.keys().next();
    if (this.#known.size >= maxKnown && !oldest.done) this.#known.delete(oldest.value);
    this.#known.set(text, known);
    return known;
  }
}
