import type { AddressBook, KnownAddress } from './address-book.ts';

/** Proxies in one chain; a longer header is an attack or a loop. */
const maxHops = 32;

/** Some proxies write the port as well: `203.0.113.9:50000`, `[2001:db8::1]:50000`. */
const withoutPort = (hop: string): string =>
  /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop;

/**
 * The client's address: the peer, or, while that is a trusted proxy, the right-most untrusted entry of X-Forwarded-For.
 * Null when the peer has none (a UNIX socket).
 */
export const clientAddress = (
  peer: KnownAddress | null,
  forwardedFor: string | undefined,
  book: AddressBook,
): KnownAddress | null => {
  let known = peer;
  if (known === null || forwardedFor === undefined || !known.isTrusted) return known;
  const hops = forwardedFor.slice(-4096).split(',').slice(-maxHops);
  for (let hop = hops.pop(); hop !== undefined && known.isTrusted; hop = hops.pop()) {
    const next = book.find(withoutPort(hop.trim()));
    // What is no address was not written by a proxy of ours: the last one known speaks for it.
    if (next === null) return known;
    known = next;
  }
  return known;
};
