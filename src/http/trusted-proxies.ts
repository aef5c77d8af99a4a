import { type Cidr, isWithin, parseCidr } from '../address.ts';
import type { Problem } from '../errors.ts';
import { refusedOptions } from '../option-checks.ts';

/** Nobody reaches them from outside: loopback, private, shared (RFC 6598), link-local and unique-local networks. */
export const privateNetworks: readonly Cidr[] = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
].flatMap((text) => parseCidr(text) ?? []);

/** The largest public networks that a CDN publishes as its own are a /10 of IPv4 and a /28 of IPv6. */
const widestOfProxies = { ipv4: 10, ipv6: 24 } as const;

const isPrivate = ({ base, prefixLength }: Cidr): boolean =>
  privateNetworks.some((network) => network.prefixLength <= prefixLength && isWithin(base.toString(), [network]));

/** Whether a network is larger than any that proxies stand in, and reachable from outside. */
export const isTooWide = (network: Cidr): boolean =>
  network.prefixLength < widestOfProxies[network.base.kind()] && !isPrivate(network);

const problemWith = (network: Cidr | null): string | null => {
  if (!network) return 'must be an address or a CIDR, such as 10.0.0.0/8';
  return network.prefixLength === 0 ? 'trusts everybody: any client could name its own address' : null;
};

/**
 * Trusted proxies from CIDR texts. Throws CONFIG_INVALID: `true`, a hop count or the whole internet would let any client
 * name its own address.
 */
export const parseTrustedProxies = (texts: readonly unknown[]): readonly Cidr[] => {
  const networks: Cidr[] = [];
  const problems: Problem[] = [];
  for (const [index, text] of texts.entries()) {
    const network = typeof text === 'string' ? parseCidr(text) : null;
    const message = problemWith(network);
    if (network && !message) networks.push(network);
    if (message) problems.push({ path: `trustedProxies[${index}]`, message });
  }
  if (problems.length > 0) throw refusedOptions('The trusted proxies are not valid', problems);
  return networks;
};
