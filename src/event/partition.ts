import { neighbourPrefixLengths, networkOf } from '../address.ts';
import type { Client, ClientKind } from '../client.ts';
import { stableHash } from '../stable-hash.ts';

/** Nearly all addresses there are: their network is read off, not worked out. */
const plainAddress = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** What an address client goes by: its /24 or /64. */
const neighbourhoodOf = (id: string): string => {
  if (plainAddress.test(id)) return `${id.slice(0, id.lastIndexOf('.'))}.0/24`;
  // A network is what it is.
  return id.includes('/') ? id : (networkOf(id, neighbourPrefixLengths) ?? id);
};

const hashOfKind: Readonly<Record<ClientKind, number>> = {
  key: stableHash('key:'),
  user: stableHash('user:'),
  ip: stableHash('ip:'),
};

/**
 * The partition of a client. All of a client's events share one, so that one detector sees its whole history; addresses
 * go by their /24 or /64, so that it sees neighbours too.
 */
export const partitionOf = ({ kind, id }: Client, partitions: number): number =>
  stableHash(kind === 'ip' ? neighbourhoodOf(id) : id, hashOfKind[kind]) % partitions;
