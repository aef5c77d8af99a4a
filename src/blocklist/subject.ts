import { type BlockSubject, subjectKeyOf } from '../client.ts';
import { TidegateError } from '../errors.ts';
import { AddressReader, fourText, prefixMask, sixText } from './address-number.ts';
import { readSubject, widestPrefixLengths } from './subject-text.ts';

/** The addresses of a subject, sortable: two of one family compare as texts the way they compare as numbers. */
export interface AddressRange {
  /** `4` or `6`. */
  readonly family: string;
  /** First and last address, lower-case hex: 8 digits of IPv4; the upper 64 bits, 16 digits, of IPv6. */
  readonly from: string;
  readonly to: string;
  readonly prefixLength: number;
}

const reader = new AddressReader();

/** The upper 64 bits of an address; of IPv4 the upper 32 are all there is. */
interface Bits {
  readonly isV4: boolean;
  readonly words: readonly [number, number];
  readonly prefixLength: number;
}

/** Null: no address and no network. */
const bitsOf = ({ kind, id }: BlockSubject): Bits | null => {
  if (kind !== 'ip' && kind !== 'network') return null;
  let family = reader.read(id);
  if (family === 0) {
    // Not as gates spell it, which must not hide whom it speaks of.
    const read = readSubject(`${kind}:${id}`);
    family = 'subject' in read ? reader.read(read.subject.id) : 0;
  }
  if (family === 0) return null;
  const isV4 = family === 4;
  const prefixLength = Math.min(reader.prefixLength, isV4 ? 32 : 64);
  return { isV4, words: [reader.word0, reader.word1], prefixLength };
};

const hexOf = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');

const readRange = (subject: BlockSubject): AddressRange | null => {
  const bits = bitsOf(subject);
  if (bits === null) return null;
  const { isV4, words, prefixLength } = bits;
  const masks = [prefixMask(prefixLength), prefixMask(prefixLength - 32)] as const;
  const from = hexOf(words[0] & masks[0]) + (isV4 ? '' : hexOf(words[1] & masks[1]));
  const to = hexOf(words[0] | ~masks[0]) + (isV4 ? '' : hexOf(words[1] | ~masks[1]));
  return { family: isV4 ? '4' : '6', from, to, prefixLength };
};

/** Subjects never change: each is read once, however many others it is compared with. */
const ranges = new WeakMap<BlockSubject, AddressRange | null>();

/** Null: it is no address and no network. */
export const rangeOf = (subject: BlockSubject): AddressRange | null => {
  const known = ranges.get(subject);
  if (known !== undefined) return known;
  const range = readRange(subject);
  ranges.set(subject, range);
  return range;
};

/** `acme/` within a tenant, `//` for all: no tenant's name can be spelled like it. */
const scopeOf = (tenant: string | undefined): string =>
  tenant === undefined ? '//' : subjectKeyOf({ kind: 'key', id: '', tenant }).slice(0, -'key:'.length);

/**
 * Where a subject stands among all addresses and networks: a text to sort by, of its first address. Null: it has none.
 * A sorted set whose members are `sortKeyOf(subject) + ' ' + subjectKeyOf(subject)`, all with the same score, answers what
 * lies inside another by {@link rangesInside}.
 */
export const sortKeyOf = (subject: BlockSubject): string | null => {
  const range = rangeOf(subject);
  return range && scopeOf(subject.tenant) + range.family + range.from;
};

/** Bounds of sort keys, both included. As lexical bounds of a sorted set: `[from` and `[to` + `\xff`. */
export interface SortRange {
  readonly from: string;
  readonly to: string;
}

/**
 * Where everything lies that a subject holds: one range within its tenant and one of what holds for all tenants; empty when it
 * is no address and no network. Networks either lie inside each other or apart, so that all that is found in a range lies
 * inside the subject, is the subject, or is a network around it that begins at the same address: it hits the subject
 * anyway.
 */
export const rangesInside = (subject: BlockSubject): readonly SortRange[] => {
  const range = rangeOf(subject);
  if (range === null) return [];
  const scopes = subject.tenant === undefined ? [undefined] : [subject.tenant, undefined];
  return scopes.map((tenant) => {
    const scope = scopeOf(tenant) + range.family;
    return { from: scope + range.from, to: scope + range.to };
  });
};

const networkIdOf = ({ isV4, words }: Bits, length: number): string =>
  isV4
    ? `${fourText(words[0] & prefixMask(length))}/${length}`
    : `${sixText([words[0] & prefixMask(length), words[1] & prefixMask(length - 32), 0, 0])}/${length}`;

/** Its own id, and the ids of the networks around it, from the narrowest to the widest that there may be. */
const subjectsAround = (subject: BlockSubject): readonly BlockSubject[] => {
  const { kind, id } = subject;
  const bits = bitsOf(subject);
  if (bits === null) return [{ kind, id }];
  const { isV4, prefixLength } = bits;
  const widest = isV4 ? widestPrefixLengths.v4 : widestPrefixLengths.v6;
  const around: BlockSubject[] = [{ kind, id }];
  // The /64 of an IPv6 client is a client to one rule and a network to another.
  if (prefixLength === 64) around.push({ kind: kind === 'ip' ? 'network' : 'ip', id });
  for (let length = prefixLength - 1; length >= widest; length -= 1) {
    around.push({ kind: 'network', id: networkIdOf(bits, length) });
  }
  return around;
};

/** What keys begin with that hold within a tenant: its own first, then of what holds for all tenants. */
export const prefixesAround = (tenant: string | undefined): readonly [string, ...string[]] =>
  tenant === undefined ? [''] : [scopeOf(tenant), ''];

/**
 * The keys of everything that holds for all of a subject: its own first, then those of the networks around it, in canonical
 * spelling, the narrowest first. Within a tenant each of them there and then for all tenants. At most 100.
 */
export const keysAround = (subject: BlockSubject): readonly string[] =>
  subjectsAround(subject).flatMap((around) =>
    subject.tenant === undefined
      ? [subjectKeyOf(around)]
      : [subjectKeyOf({ ...around, tenant: subject.tenant }), subjectKeyOf(around)],
  );

const holds = (outer: AddressRange, inner: AddressRange): boolean =>
  outer.family === inner.family &&
  outer.prefixLength <= inner.prefixLength &&
  outer.from <= inner.from &&
  inner.to <= outer.to;

/** Whether what is said of `outer` holds for all of `inner`. What holds for all tenants holds in each. */
export const covers = (outer: BlockSubject, inner: BlockSubject): boolean => {
  if (outer.tenant !== undefined && outer.tenant !== inner.tenant) return false;
  if (outer.kind === inner.kind && outer.id === inner.id) return true;
  const [around, within] = [rangeOf(outer), rangeOf(inner)];
  return around !== null && within !== null && holds(around, within);
};

/** Whether a block of `candidate` would hit all or a part of who `other` speaks for. */
export const touches = (candidate: BlockSubject, other: BlockSubject): boolean => {
  if (other.tenant !== undefined && other.tenant !== candidate.tenant) return false;
  if (other.kind === candidate.kind && other.id === candidate.id) return true;
  const [one, two] = [rangeOf(candidate), rangeOf(other)];
  return one !== null && two !== null && (holds(one, two) || holds(two, one));
};

/** Most of a long list: a look instead of a parse makes reading it four times as fast. */
const plainIPv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?=\d)|$)){4}$/;

/** An IPv4 address or network that is spelled as it should be: what long lists are made of. */
const isPlainV4 = ({ kind, id }: BlockSubject): boolean => {
  if ((kind !== 'ip' && kind !== 'network') || reader.read(id) !== 4 || !reader.isAligned()) return false;
  const { prefixLength } = reader;
  return kind === 'ip' ? !id.includes('/') : prefixLength >= widestPrefixLengths.v4 && prefixLength < 32;
};

/**
 * A subject in its one spelling. Throws INPUT_INVALID: no address, a network that is wider than anybody can mean (/0 above
 * all) or narrower than clients are told apart, bits behind the prefix, an empty id.
 */
export const canonicalSubject = (subject: BlockSubject): BlockSubject => {
  const { kind, id, tenant } = subject;
  if (isPlainV4(subject)) return tenant === undefined ? { kind, id } : { kind, id, tenant };
  if (subject.kind === 'ip' && plainIPv4.test(subject.id)) return subject;
  const read = readSubject(`${kind}:${id}`, tenant);
  if ('subject' in read) return read.subject;
  const meant = read.instead === null ? '' : `: ${read.instead}?`;
  throw new TidegateError('INPUT_INVALID', `${kind} ${id} ${read.problem}${meant}`, {
    problems: [{ path: 'subject', message: read.problem }],
  });
};
