import { neighbourPrefixLengths, networkOf } from '../address.ts';
import type { Client } from '../client.ts';

/** FNV-1a, 32 bit: stable across releases, because it decides where a client's history lives. */
export const stableHash = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
};

/**
 * The partition of a client. All of a client's events share one, so that one detector sees its whole history; addresses
 * go by their /24 or /64, so that it sees neighbours too.
 */
export const partitionOf = (client: Client, partitions: number): number => {
  const subject = client.kind === 'ip' ? (networkOf(client.id, neighbourPrefixLengths) ?? client.id) : client.id;
  return stableHash(`${client.kind}:${subject}`) % partitions;
};
