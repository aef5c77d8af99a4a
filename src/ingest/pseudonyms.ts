import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { clientPrefixLengths, networkOf } from '../address.ts';
import { type Client, otherClientId } from '../client.ts';
import { TidegateError } from '../errors.ts';

/** One secret under which pseudonyms are made. */
export interface PseudonymKey {
  /** Stands in every pseudonym it makes: 1 to 16 characters of a-z, 0-9 and -. */
  readonly id: string;
  /** At least {@link minSecretBytes} random bytes. */
  readonly secret: Uint8Array;
}

export interface PseudonymOptions {
  /** The first one signs; the others are for finding again what they signed. 1 to {@link maxKeys}, with ids of their own. */
  readonly keys: readonly PseudonymKey[];
  /** `keep`: the pseudonym of an address says which network it is in, /24 or /48. Default `drop`. */
  readonly networks?: 'drop' | 'keep';
}

/** What is replaced: a client of any kind (an address is the client `ip`), or the id of a verdict or block. */
export type Subject = string;

export const minSecretBytes = 32;
export const maxKeys = 20;
/** Where an erased client's rows go. No client can be called so: see clientOf. */
export const erasedClientId = '~erased';

const keyIdPattern = /^[a-z0-9][a-z0-9-]{0,15}$/;
/** Half of the hash, as RFC 2104 asks for at least. */
const pseudonymBytes = 16;
/** What a pseudonym looks like; ids that clientOf replaces hold no point. */
const pseudonymPattern = /^~[a-z0-9][a-z0-9-]{0,15}\.[A-Za-z0-9_-]{22}(?:@[0-9a-f.:]+\/\d{1,3})?$/;
const shownPrefixLengths = { v4: 24, v6: 48 } as const;

interface SigningKey {
  readonly id: string;
  readonly secret: KeyObject;
}

/** Says nobody's name: nobody's, everybody's, or one that is a pseudonym already. */
const isNobody = (id: string): boolean => id === '' || id === otherClientId || id === erasedClientId;

export const isPseudonym = (id: string): boolean => pseudonymPattern.test(id);

const signingKeyOf = ({ id, secret }: PseudonymKey): SigningKey => {
  if (!keyIdPattern.test(id)) {
    throw new TidegateError('CONFIG_INVALID', 'A pseudonym key has an id of 1 to 16 characters of a-z, 0-9 and -');
  }
  if (secret.length < minSecretBytes) {
    throw new TidegateError('CONFIG_INVALID', `Pseudonym key ${id} needs ${minSecretBytes} bytes or more`);
  }
  return { id, secret: createSecretKey(secret) };
};

/** `2001:db8::1` and `2001:db8::/64` are one client: what a household is given. */
const addressOf = (id: string): string => (id.includes(':') ? (networkOf(id, clientPrefixLengths) ?? id) : id);

const shownNetworkOf = (id: string): string | null => networkOf(id.split('/', 1)[0] ?? '', shownPrefixLengths);

/**
 * Keyed pseudonyms of clients: `~<key id>.<HMAC-SHA-256 of kind and id, 128 bits, base64url>`. One client has one under
 * each key, so its rows still belong together; without the key nobody can say whose they are, or try out whose they might
 * be. Never logged, never serialised: the secrets are in private fields.
 */
export class Pseudonyms {
  readonly #keys: readonly SigningKey[];
  readonly #keepsNetworks: boolean;

  /** Throws CONFIG_INVALID. */
  constructor({ keys, networks = 'drop' }: PseudonymOptions) {
    if (keys.length === 0 || keys.length > maxKeys || new Set(keys.map(({ id }) => id)).size < keys.length) {
      throw new TidegateError('CONFIG_INVALID', `Pseudonyms need 1 to ${maxKeys} keys, each with an id of its own`);
    }
    this.#keys = keys.map(signingKeyOf);
    this.#keepsNetworks = networks === 'keep';
  }

  /** The pseudonym under the signing key. What names nobody ('', `~other`, `~erased`) stays as it is. */
  of(subject: Subject, id: string): string {
    const [key] = this.#keys;
    if (isNobody(id) || !key) return id;
    return this.#sign(key, subject, id) + (this.#keepsNetworks ? suffixOf(subject, id) : '');
  }

  /** Every id under which this client may be stored: its own, and its pseudonyms under all keys, networks kept or not. */
  all({ kind, id }: Client): readonly string[] {
    return this.allOf(kind, id);
  }

  /** The same for the id of a verdict or block. */
  allOf(subject: Subject, id: string): readonly string[] {
    if (isNobody(id) || isPseudonym(id)) return [id];
    const ids = this.#keys.flatMap((key) => {
      const bare = this.#sign(key, subject, id);
      const suffix = suffixOf(subject, id);
      return suffix === '' ? [bare] : [bare, bare + suffix];
    });
    return [id, ...ids];
  }

  #sign(key: SigningKey, subject: Subject, id: string): string {
    const named = `${subject}:${subject === 'ip' ? addressOf(id) : id}`;
    const digest = createHmac('sha256', key.secret).update(named).digest();
    return `~${key.id}.${digest.toString('base64url', 0, pseudonymBytes)}`;
  }
}

const suffixOf = (subject: Subject, id: string): string => {
  const network = subject === 'ip' ? shownNetworkOf(id) : null;
  return network === null ? '' : `@${network}`;
};
