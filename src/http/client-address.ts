import { type Cidr, canonicalAddress, isWithin, parseCidr } from '../address.ts';
import { TidegateError } from '../errors.ts';

/** Proxies in one chain; a longer header is an attack or a loop. */
const maxHops = 32;

/**
 * Trusted proxies from CIDR texts. Throws CONFIG_INVALID: `true` or a hop count would let any client name its own
 * address.
 */
export const parseTrustedProxies = (texts: readonly unknown[]): readonly Cidr[] => {
  const networks: Cidr[] = [];
  const problems = texts.flatMap((text, index) => {
    const network = typeof text === 'string' ? parseCidr(text) : null;
    if (network) networks.push(network);
    return network
      ? []
      : [{ path: `trustedProxies[${index}]`, message: 'must be an address or a CIDR, such as 10.0.0.0/8' }];
  });
  if (problems.length > 0) throw new TidegateError('CONFIG_INVALID', 'The trusted proxies are not valid', { problems });
  return networks;
};

/** Some proxies write the port as well: `203.0.113.9:50000`, `[2001:db8::1]:50000`. */
const withoutPort = (hop: string): string =>
  /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop;

/**
 * The client's address: the peer, or, while that is a trusted proxy, the right-most untrusted entry of X-Forwarded-For.
 * Null when the peer has none (a UNIX socket).
 */
export const clientAddress = (
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: readonly Cidr[],
): string | null => {
  let address = peer === undefined ? null : canonicalAddress(peer);
  if (address === null || forwardedFor === undefined || trusted.length === 0) return address;
  const hops = forwardedFor.slice(-4096).split(',').slice(-maxHops);
  for (let hop = hops.pop(); hop !== undefined && isWithin(address, trusted); hop = hops.pop()) {
    const next = canonicalAddress(withoutPort(hop.trim()));
    // What is no address was not written by a proxy of ours: the last one known speaks for it.
    if (next === null) return address;
    address = next;
  }
  return address;
};
