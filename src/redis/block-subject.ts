import { keysAround, prefixesAround, rangeOf, rangesInside, sortKeyOf } from '../blocklist/subject.ts';
import { type BlockSubject, digestOf, subjectKeyOf } from '../client.ts';
import { stableHash } from '../stable-hash.ts';

/**
 * A million entries in so many hashes are 61 in each: Redis keeps hashes of at most 128 short fields as one packed list, a
 * quarter of the size.
 */
export const shortShards = 16_384;
/** A field of more than 64 bytes unpacks its hash. Long ones are kept apart, so that they unpack no other's. */
export const longShards = 1024;
const maxPackedLength = 64;

const addressPart = /^[0-9a-f.:/]+$/;

/** How Redis keeps a subject: without the `ip:` of an address, which most of them are. No other kind is spelled in hex. */
export const storedOf = (subjectKey: string): string => {
  const id = subjectKey.slice(3);
  return subjectKey.startsWith('ip:') && addressPart.test(id) ? id : subjectKey;
};

export const subjectKeyFrom = (stored: string): string => (addressPart.test(stored) ? `ip:${stored}` : stored);

/** Where its entry lies. */
export const shardOf = (stored: string): number =>
  Buffer.byteLength(stored) <= maxPackedLength
    ? stableHash(stored) % shortShards
    : shortShards + (stableHash(stored) % longShards);

/** What scripts are told of a subject. */
export const placed = (subject: BlockSubject) => {
  const stored = storedOf(subjectKeyOf(subject));
  return { subject: stored, shard: shardOf(stored) };
};

/** All that holds for a subject, its own first, and where to find what lies inside it. */
export const surroundings = (subject: BlockSubject) => ({
  around: keysAround(subject).map((key) => {
    const stored = storedOf(key);
    return [stored, shardOf(stored)] as const;
  }),
  inside: rangesInside(subject),
});

/** The same, and where to find who was served behind an address or a network. */
export const protectors = (subject: BlockSubject) => ({
  ...surroundings(subject),
  addresses: addressesOf(subject),
  scopes: prefixesAround(subject.tenant),
});

/** As who a key or a user is noted behind addresses; '' for what is an address itself. */
export const senderOf = ({ kind, id, tenant }: BlockSubject): string =>
  kind === 'key' || kind === 'user' ? `${prefixesAround(tenant)[0]}${identityDigest(subjectKeyOf({ kind, id }))}` : '';

/** '' for what is no address. */
export const sortKey = (subject: BlockSubject): string => sortKeyOf(subject) ?? '';

/** Identities are kept by /24 and /64: so many digits of an address. */
const networkDigits = (family: string): number => (family === '4' ? 6 : 16);

/** Where the identities behind an address or a network are; undefined: it is neither. */
export const addressesOf = (subject: BlockSubject) => {
  const range = rangeOf(subject);
  if (range === null) return undefined;
  const { family, from, to } = range;
  const digits = networkDigits(family);
  return {
    from: family + from,
    to: family + to,
    first: family + from.slice(0, digits),
    last: family + to.slice(0, digits),
  };
};

/** Of the identity only so much of its digest as tells those of one network apart. */
export const identityDigest = (clientKey: string): string => digestOf(clientKey).slice(0, 12);
