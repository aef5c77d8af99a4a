import { hash } from 'node:crypto';
import { networkOf } from './address.ts';
import { TidegateError } from './errors.ts';
import { kindOf } from './option-checks.ts';

/** What a client was recognised by, most specific first. */
export type ClientKind = 'key' | 'user' | 'ip';
export const clientKinds = ['key', 'user', 'ip'] as const;

/** The actor that is limited and that can be blocked. */
export interface Client {
  readonly kind: ClientKind;
  /** At most {@link maxClientIdLength} characters, no control characters: see {@link clientOf}. */
  readonly id: string;
}

export const maxClientIdLength = 128;

/** Where decisions of clients go that are folded together for lack of room. Never evidence against anyone. */
export const otherClientId = '~other';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafeId = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Code units, after a byte that begins no UTF-8. */
const codeUnitsOf = (text: string): Uint8Array => {
  const bytes = new Uint8Array(1 + 2 * text.length);
  bytes[0] = 0xff;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    bytes[1 + 2 * index] = unit & 0xff;
    bytes[2 + 2 * index] = unit >> 8;
  }
  return bytes;
};

/**
 * SHA-256 of a text, base64url. Lone surrogates have no UTF-8, in which they would all be alike: a text that has some is
 * hashed by its code units.
 */
export const digestOf = (text: string): string =>
  hash('sha256', text.isWellFormed() ? text : codeUnitsOf(text), 'base64url');

/** Nearly all addresses there are. */
const plainAddress = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * A client from an untrusted id. An address becomes what gates know it by: `::ffff:203.0.113.9`, as sockets tell it, is
 * 203.0.113.9, and an IPv6 address is its /64. Ids that are longer than {@link maxClientIdLength} or hold control characters
 * are replaced by `~` and 43 characters of their SHA-256, so that they still tell clients apart. Throws INPUT_INVALID where
 * the id is no text, or there is no such kind.
 */
export const clientOf = (kind: ClientKind, id: string): Client => {
  if (typeof id !== 'string') {
    throw new TidegateError('INPUT_INVALID', `clientOf(): the id must be text, is ${kindOf(id)}`);
  }
  if (!clientKinds.includes(kind)) {
    throw new TidegateError('INPUT_INVALID', `clientOf(): the kind must be one of ${clientKinds.join(', ')}`);
  }
  if (kind === 'ip' && !plainAddress.test(id)) {
    const network = networkOf(id);
    if (network !== null) return { kind, id: network };
  }
  const safe =
    id.length > 0 && id.length <= maxClientIdLength && id[0] !== '~' && !unsafeId.test(id) && id.isWellFormed();
  return safe ? { kind, id } : { kind, id: `~${digestOf(id)}` };
};

/** `ip:203.0.113.9`: one string per client, the id last so that any id is allowed. */
export const clientKeyOf = (client: Client): string => `${client.kind}:${client.id}`;

/** The inverse of {@link clientKeyOf}; null when the text is not of that form. */
export const clientFromKey = (key: string): Client | null => {
  const colon = key.indexOf(':');
  const kind = clientKinds.find((known) => known === key.slice(0, colon));
  return kind && colon + 1 < key.length ? { kind, id: key.slice(colon + 1) } : null;
};

/** What a block can be about: a client, or every address of a network. */
export const subjectKinds = [...clientKinds, 'network'] as const;
export type SubjectKind = (typeof subjectKinds)[number];

/** Who is blocked, allowed or reviewed. */
export interface BlockSubject {
  readonly kind: SubjectKind;
  /** Of a network `203.0.113.0/24`, in canonical spelling; else the id of the client. */
  readonly id: string;
  /** Set: only within this tenant. Ids of users may mean somebody else in another one. */
  readonly tenant?: string;
}

/** `ip:203.0.113.9`, `network:203.0.113.0/24`; with a tenant `acme/user:alice`. The tenant's `/`, `%` and `:` are escaped. */
export const subjectKeyOf = ({ kind, id, tenant }: BlockSubject): string =>
  tenant === undefined ? `${kind}:${id}` : `${tenant.replace(/[%/:]/g, encodeURIComponent)}/${kind}:${id}`;

/** Null: a `%` that escapes nothing. */
const tenantFrom = (escaped: string): string | null => {
  try {
    return decodeURIComponent(escaped);
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
};

/** The inverse of {@link subjectKeyOf}; null when the text is not of that form. */
export const subjectFromKey = (key: string): BlockSubject | null => {
  const colon = key.indexOf(':');
  const slash = key.lastIndexOf('/', colon);
  const kind = subjectKinds.find((known) => known === key.slice(slash + 1, colon));
  if (!kind || colon + 1 >= key.length) return null;
  const subject = { kind, id: key.slice(colon + 1) };
  if (slash < 0) return subject;
  const tenant = tenantFrom(key.slice(0, slash));
  return tenant === null ? null : { ...subject, tenant };
};
