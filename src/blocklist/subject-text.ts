import { canonicalAddress, clientPrefixLengths, networkOf } from '../address.ts';
import { type BlockSubject, clientOf, subjectFromKey } from '../client.ts';

/** What a person wrote as a subject, or what is wrong with it: a phrase, and the spelling that was probably meant. */
export type ReadSubject =
  | { readonly subject: BlockSubject }
  | { readonly problem: string; readonly instead: string | null };

/** Networks that hold more addresses than anybody can mean. */
export const widestPrefixLengths = { v4: 8, v6: 16 } as const;

const wrong = (problem: string, instead: string | null = null): ReadSubject => ({ problem, instead });
const isV6 = (address: string): boolean => address.includes(':');

const readNetwork = (base: string, length: number, kind?: 'ip' | 'network'): ReadSubject => {
  const address = canonicalAddress(base);
  if (address === null) return wrong(`${base} is no address`);
  const v6 = isV6(address);
  if (isV6(base) && !v6) return wrong('is a network of IPv4 addresses in IPv6 spelling', `${address}/${length - 96}`);
  const full = v6 ? 128 : 32;
  if (length > full) return wrong(`has a prefix of ${length} bits, and an address has ${full}`);
  const widest = v6 ? widestPrefixLengths.v6 : widestPrefixLengths.v4;
  if (length < widest) {
    return wrong(length === 0 ? 'is every address there is' : `is wider than /${widest}: nobody is meant by so many`);
  }
  const network = networkOf(address, { v4: length, v6: length }) ?? address;
  const canonical = network.includes('/') ? network : `${network}/${length}`;
  if (canonical !== `${address}/${length}`) return wrong('has bits set behind its prefix', canonical);
  const single = v6 ? clientPrefixLengths.v6 : clientPrefixLengths.v4;
  // A rule that blocks networks means the same addresses by another name.
  if (kind === 'network' && v6 && length === single) return { subject: { kind, id: canonical } };
  if (length === single || length === full) return { subject: { kind: 'ip', id: networkOf(address) ?? address } };
  if (length > single) {
    return wrong(`is narrower than /${single}, and that is how IPv6 clients are told apart`, networkOf(address));
  }
  return { subject: { kind: 'network', id: canonical } };
};

const readAddress = (text: string, kind?: 'ip' | 'network'): ReadSubject => {
  const [base = '', length, ...rest] = text.split('/');
  if (length !== undefined) {
    return rest.length === 0 && /^\d{1,3}$/.test(length)
      ? readNetwork(base, Number(length), kind)
      : wrong('has no number of bits behind /');
  }
  const client = networkOf(text);
  return client === null ? wrong('is no address') : { subject: { kind: 'ip', id: client } };
};

/**
 * Who is meant by `ip:203.0.113.9`, `203.0.113.9`, `203.0.113.0/24`, `user:alice` or `key:…`, in canonical spelling: an IPv6
 * address is its /64, as gates know it. `acme/user:alice`, or a tenant of its own: only within that tenant.
 */
export const readSubject = (text: string, tenant?: string): ReadSubject => {
  const keyed = subjectFromKey(text);
  const read = ((): ReadSubject => {
    if (keyed === null) {
      const looksLikeAddress = /^[0-9a-f.:]+(?:%[^/]*)?(?:\/\d+)?$/i.test(text);
      return looksLikeAddress ? readAddress(text) : wrong('must be ip:…, user:…, key:…, an address or a network');
    }
    const { kind, id } = keyed;
    if (kind === 'ip' || kind === 'network') return readAddress(id, kind);
    // A pseudonym of an id that was too long to be kept is taken as it is.
    return { subject: id.startsWith('~') ? { kind, id } : clientOf(kind, id) };
  })();
  const within = tenant ?? keyed?.tenant;
  if (within?.isWellFormed() === false) return wrong('is within a tenant whose name holds half of a surrogate pair');
  return 'subject' in read && within !== undefined ? { subject: { ...read.subject, tenant: within } } : read;
};
