import { type Client, clientOf, digestOf } from '../client.ts';
import { TidegateError } from '../errors.ts';
import { kindOf } from '../option-checks.ts';
import type { KnownAddress } from './address-book.ts';

/** What the host vouches for. A credential that it has not checked is no identity: anyone can make one up. */
export interface VouchedIdentity {
  /** An API key that the host knows. Kept as 16 bytes of its SHA-256, never as it is. */
  readonly key?: string;
  readonly user?: string;
  readonly tenant?: string;
  /** What the client has booked, such as `free` or `pro`: policies may be for one plan alone. */
  readonly plan?: string;
}

export const vouchedFields = ['key', 'user', 'tenant', 'plan'] as const;

/** Nothing is nobody; whatever else is no identity would be limited as someone else. Throws INPUT_INVALID. */
export const checkVouched = (vouched: VouchedIdentity | null | undefined): VouchedIdentity => {
  if (vouched === undefined || vouched === null) return {};
  if (typeof vouched !== 'object') {
    throw new TidegateError('INPUT_INVALID', `identify() gave ${kindOf(vouched)}; it gives { user } or the like`);
  }
  for (const name of vouchedFields) {
    const value = vouched[name];
    if (value === undefined || typeof value === 'string') continue;
    throw new TidegateError(
      'INPUT_INVALID',
      `identify() gave ${kindOf(value)} as \`${name}\`; it must be text or absent`,
    );
  }
  return vouched;
};

const keyDigestLength = 22;
/** A peer on a UNIX socket that nobody vouches for still has to be limited as someone. */
const local: Client = { kind: 'ip', id: 'local' };

/** Those that nobody vouches for, by address alone. */
export const clientsAt = (known: KnownAddress | null): readonly Client[] => [known?.client ?? local];

/**
 * Every identity of a request, most specific first: key, user, then the address (IPv6 by /64). A key is hashed each time:
 * remembering its digest would mean to keep the key.
 */
export const clientsOf = ({ key, user }: VouchedIdentity, known: KnownAddress | null): readonly Client[] => {
  const clients: Client[] = [];
  if (key !== undefined && key !== '') {
    clients.push(clientOf('key', digestOf(key).slice(0, keyDigestLength)));
  }
  if (user !== undefined && user !== '') clients.push(clientOf('user', user));
  if (known !== null) clients.push(known.client);
  if (clients.length === 0) clients.push(local);
  return clients;
};
