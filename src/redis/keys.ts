import { createHash } from 'node:crypto';
import type { LimitKey } from '../limiter/limit-store.ts';
import type { Algorithm } from '../policy/policy.ts';
import { stableHash } from '../stable-hash.ts';

/** Starts every key. The `1` is the version of the stored form: two releases can share one Redis during an upgrade. */
export const keyPrefix = (namespace: string): string => `tg1:${namespace}:`;

/** In a key's name: a policy that changes its algorithm starts a new counter instead of reading another one's numbers. */
const letterOf: Readonly<Record<Algorithm, string>> = {
  'token-bucket': 'b',
  'leaky-bucket': 'q',
  'fixed-window': 'f',
  'sliding-window': 's',
  concurrency: 'c',
};

const maxPartLength = 64;
const ordinary = /^[A-Za-z0-9 ._~@+=:/-]+$/;

/**
 * Parts come from clients: no braces (they would choose the cluster slot), no separators, bounded. Ordinary ids, networks
 * and routes stand as they are, so that a person can read a key; the rest is hashed.
 */
const safePart = (part: string): string =>
  part.length <= maxPartLength && ordinary.test(part)
    ? part
    : `#${createHash('sha256').update(part).digest('base64url').slice(0, 27)}`;

/** One of 256 hash tags: a tag per client would leave nothing to batch, one for all would make one hot shard. */
export const tagOf = ({ client, address, tenant, plan, service, network, route }: LimitKey): number => {
  if (client !== undefined) return stableHash(client) & 0xff;
  // Where the client is its address, a limit by address lies beside its others.
  if (address !== undefined) return stableHash(`ip:${address}`) & 0xff;
  return stableHash(tenant ?? plan ?? service ?? network ?? route ?? '') & 0xff;
};

/** Two bars: what follows one is a client, whatever it looks like. */
const named = (name: string, part: string | undefined): string =>
  part === undefined ? '' : `||${name}=${safePart(part)}`;

/** The key of one counter. Keys of one client share a hash tag, so that one script can ask several of its limits. */
export const limitKey = (prefix: string, key: LimitKey, algorithm: Algorithm): string => {
  const { client, tenant, plan, service, route, address, network } = key;
  const parts =
    named('plan', plan) +
    named('tenant', tenant) +
    named('service', service) +
    named('route', route) +
    named('address', address) +
    named('network', network);
  return `${prefix}{${tagOf(key)}}:${letterOf[algorithm]}:${key.policy}${client === undefined ? '' : `|${safePart(client)}`}${parts}`;
};
