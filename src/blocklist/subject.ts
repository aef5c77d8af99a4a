import { networkOf, parseCidr } from '../address.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import { TidegateError } from '../errors.ts';
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

const digitsOf = (bits: number): number => bits / 4;

/** The first `bits` bits of `hex`, the rest all zeros or all ones. */
const filled = (hex: string, bits: number, one: boolean): string => {
  const whole = Math.floor(bits / 4);
  const left = bits % 4;
  if (whole >= hex.length) return hex;
  const mask = 0xf >> left;
  const digit = Number.parseInt(hex.charAt(whole), 16);
  const edge = one ? digit | mask : digit & ~mask & 0xf;
  return hex.slice(0, whole) + edge.toString(16) + (one ? 'f' : '0').repeat(hex.length - whole - 1);
};

const hexOf = (bytes: readonly number[]): string => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');

const readRange = ({ kind, id }: BlockSubject): AddressRange | null => {
  if (kind !== 'ip' && kind !== 'network') return null;
  const cidr = parseCidr(id);
  if (cidr === null) return null;
  const isV4 = cidr.base.kind() === 'ipv4';
  const bits = isV4 ? 32 : 64;
  const prefixLength = Math.min(cidr.prefixLength, bits);
  const hex = hexOf(cidr.base.toByteArray()).slice(0, digitsOf(bits));
  const [from, to] = [filled(hex, prefixLength, false), filled(hex, prefixLength, true)];
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

/** Its own id, and the ids of the networks around it, from the narrowest to the widest that there may be. */
const subjectsAround = (subject: BlockSubject): readonly BlockSubject[] => {
  const { kind, id } = subject;
  const range = rangeOf(subject);
  if (range === null) return [{ kind, id }];
  const [base = ''] = id.split('/', 1);
  const widest = range.family === '4' ? widestPrefixLengths.v4 : widestPrefixLengths.v6;
  const around: BlockSubject[] = [{ kind, id }];
  // The /64 of an IPv6 client is a client to one rule and a network to another.
  if (range.prefixLength === 64) around.push({ kind: kind === 'ip' ? 'network' : 'ip', id });
  for (let length = range.prefixLength - 1; length >= widest; length -= 1) {
    const network = networkOf(base, { v4: length, v6: length });
    if (network !== null) around.push({ kind: 'network', id: network });
  }
  return around;
};

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

/**
 * A subject in its one spelling. Throws INPUT_INVALID: no address, a network that is wider than anybody can mean (/0 above
 * all) or narrower than clients are told apart, bits behind the prefix, an empty id.
 */
export const canonicalSubject = (subject: BlockSubject): BlockSubject => {
  if (subject.kind === 'ip' && plainIPv4.test(subject.id)) return subject;
  const read = readSubject(`${subject.kind}:${subject.id}`, subject.tenant);
  if ('subject' in read) return read.subject;
  const meant = read.instead === null ? '' : `: ${read.instead}?`;
  throw new TidegateError('INPUT_INVALID', `${subject.kind} ${subject.id} ${read.problem}${meant}`, {
    problems: [{ path: 'subject', message: read.problem }],
  });
};
