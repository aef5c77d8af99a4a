import { neighbourPrefixLengths, networkOf } from '../address.ts';
import type { Client } from '../client.ts';
import { stableHash } from '../stable-hash.ts';

/**
 * The partition of a client. All of a client's events share one, so that one detector sees its whole history; addresses
 * go by their /24 or /64, so that it sees neighbours too.
 */
export const partitionOf = (client: Client, partitions: number): number => {
  const subject = client.kind === 'ip' ? (networkOf(client.id, neighbourPrefixLengths) ?? client.id) : client.id;
  return stableHash(`${client.kind}:${subject}`) % partitions;
};
