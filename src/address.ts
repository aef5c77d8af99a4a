import ipaddr from 'ipaddr.js';

/** A network: `203.0.113.0/24`. Holds its parsed form, so that matching parses nothing. */
export interface Cidr {
  readonly text: string;
  readonly base: ipaddr.IPv4 | ipaddr.IPv6;
  readonly prefixLength: number;
}

/** RFC 6052 well-known prefix: an IPv4 host behind a translator. */
const nat64: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('64:ff9b::'), 96];
const maxAddressLength = 64;

const unwrap = (address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 => {
  if (!(address instanceof ipaddr.IPv6)) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  if (address.match(nat64)) return new ipaddr.IPv4(address.toByteArray().slice(12));
  return address;
};

const parse = (text: string): ipaddr.IPv4 | ipaddr.IPv6 | null => {
  if (text.length > maxAddressLength) return null;
  const bare = text.split('%', 1)[0] ?? '';
  // Only the four-part form: `1` and `0x7f.1` are addresses to a C library, but never to a peer socket or a proxy.
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare);
  if (!bare.includes(':') || !ipaddr.IPv6.isValid(bare)) return null;
  return unwrap(ipaddr.IPv6.parse(bare));
};

/** One spelling per address: IPv4-mapped and NAT64 addresses become IPv4, zone ids go. Null when it is no address. */
export const canonicalAddress = (text: string): string | null => parse(text)?.toString() ?? null;

/** How many leading bits of an address tell clients apart. */
export interface PrefixLengths {
  /** Default 32. */
  readonly v4: number;
  /** Default 64: what one customer of an access network is given. */
  readonly v6: number;
}

export const clientPrefixLengths: PrefixLengths = { v4: 32, v6: 64 };
/** What one site of a provider's customer is given: who has it can use any /64 in it. */
export const sitePrefixLengths: PrefixLengths = { v4: 32, v6: 48 };
/** Neighbours that one detector must see together. */
export const neighbourPrefixLengths: PrefixLengths = { v4: 24, v6: 64 };

/**
 * The network that an address counts as: the address itself for a full-length prefix, else `base/length`. Null when the
 * text is no address.
 */
export const networkOf = (text: string, lengths: PrefixLengths = clientPrefixLengths): string | null => {
  const address = parse(text);
  if (!address) return null;
  const full = address.kind() === 'ipv4' ? 32 : 128;
  const length = address.kind() === 'ipv4' ? lengths.v4 : lengths.v6;
  if (length >= full) return address.toString();
  const base =
    address.kind() === 'ipv4'
      ? ipaddr.IPv4.networkAddressFromCIDR(`${address.toString()}/${length}`)
      : ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/${length}`);
  return `${base.toString()}/${length}`;
};

/** A network from text; a bare address is a network of one. Null when it is neither. */
export const parseCidr = (text: string): Cidr | null => {
  const [addressText = '', lengthText, ...rest] = text.split('/');
  if (rest.length > 0) return null;
  const wide = !addressText.includes(':') ? 32 : 128;
  const address =
    wide === 32 ? parse(addressText) : ipaddr.IPv6.isValid(addressText) ? ipaddr.IPv6.parse(addressText) : null;
  if (!address) return null;
  if (lengthText !== undefined && !/^\d{1,3}$/.test(lengthText)) return null;
  const prefixLength = lengthText === undefined ? wide : Number(lengthText);
  return prefixLength <= wide ? { text, base: address, prefixLength } : null;
};

/** Whether an address lies in one of the networks. */
export const isWithin = (text: string, networks: readonly Cidr[]): boolean => {
  const address = parse(text);
  return (
    address !== null &&
    networks.some(({ base, prefixLength }) => base.kind() === address.kind() && address.match(base, prefixLength))
  );
};

/**
 * Whether an address is one that everybody on the internet reaches: not of this machine, of a private or shared network, of a
 * link, of many at once, or kept for something else. A form that wraps another address (6to4, Teredo) is none.
 */
export const isPublicAddress = (text: string): boolean => parse(text)?.range() === 'unicast';
