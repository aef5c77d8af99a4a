import { createHash } from 'node:crypto';
import { networkOf } from '../address.ts';
import { type Client, clientOf } from '../client.ts';

/** What the host vouches for. A credential that it has not checked is no identity: anyone can make one up. */
export interface VouchedIdentity {
  /** An API key that the host knows. Kept as 16 bytes of its SHA-256, never as it is. */
  readonly key?: string;
  readonly user?: string;
  readonly tenant?: string;
}

const keyDigestLength = 22;

/** Every identity of a request, most specific first: key, user, then the address (IPv6 by /64). */
export const clientsOf = ({ key, user }: VouchedIdentity, address: string | null): Client[] => {
  const clients: Client[] = [];
  if (key !== undefined && key !== '') {
    clients.push(clientOf('key', createHash('sha256').update(key).digest('base64url').slice(0, keyDigestLength)));
  }
  if (user !== undefined && user !== '') clients.push(clientOf('user', user));
  const network = address === null ? null : networkOf(address);
  if (network !== null) clients.push({ kind: 'ip', id: network });
  // A peer on a UNIX socket that nobody vouches for still has to be limited as someone.
  if (clients.length === 0) clients.push({ kind: 'ip', id: 'local' });
  return clients;
};
