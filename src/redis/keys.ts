import { createHash } from 'node:crypto';
import type { LimitKey } from '../limiter/limit-store.ts';
import { stableHash } from '../stable-hash.ts';

/** Starts every key. The `1` is the version of the stored form: two releases can share one Redis during an upgrade. */
export const keyPrefix = (namespace: string): string => `tg1:${namespace}:`;

const maxPartLength = 64;

/**
 * Parts come from clients: no braces (they would choose the cluster slot), no separators, bounded. Ordinary ids, networks
 * and routes stand as they are, so that a person can read a key; the rest is hashed.
 */
const safePart = (part: string): string =>
  part.length <= maxPartLength && /^[A-Za-z0-9 ._~@+=:/-]+$/.test(part)
    ? part
    : `#${createHash('sha256').update(part).digest('base64url').slice(0, 27)}`;

/** One of 256 hash tags: a tag per client would leave nothing to batch, one for all would make one hot shard. */
const tagOf = (subject: string): number => stableHash(subject) & 0xff;

/** The key of one counter. Keys of one client share a hash tag, so that one script can ask several of its limits. */
export const limitKey = (prefix: string, key: LimitKey): string => {
  const subject = key.client ?? key.tenant ?? key.route ?? '';
  const partOf = (part: string | undefined): string => (part === undefined ? '' : safePart(part));
  const parts = `${partOf(key.client)}|${partOf(key.tenant)}|${partOf(key.route)}`;
  return `${prefix}{${tagOf(subject)}}:${key.policy}|${parts}`;
};
