import { neighbourPrefixLengths, networkOf } from '../address.ts';
import { type BlockSubject, type Client, clientKeyOf, subjectFromKey, subjectKeyOf } from '../client.ts';
import type { Grouping } from './rule.ts';

/** Nearly all addresses there are: their network is read off, not worked out. */
const plainAddress = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** The network that an address is a neighbour in, IPv4 /24 or IPv6 /64; null: it is none. One partition holds it all. */
export const neighbourhoodOf = ({ kind, id }: Client): string | null => {
  if (kind !== 'ip') return null;
  if (plainAddress.test(id)) return `${id.slice(0, id.lastIndexOf('.'))}.0/24`;
  // An IPv6 client is a network already.
  return id.includes('/') ? id : networkOf(id, neighbourPrefixLengths);
};

/** What an event's subject goes by for rules that group like this; null: they block nobody for it. */
export const subjectKeyBy = (by: Grouping, client: Client, tenant: string): string | null => {
  if (by === 'client') return clientKeyOf(client);
  if (by === 'client-in-tenant') return subjectKeyOf({ ...client, tenant });
  return neighbourhoodOf(client);
};

/** The inverse of {@link subjectKeyBy}: kept for hundreds of thousands, needed for a verdict. */
export const subjectOf = (by: Grouping, key: string): BlockSubject => {
  const subject = by === 'network' ? ({ kind: 'network', id: key } as const) : subjectFromKey(key);
  if (subject === null) throw new RangeError(`no subject goes by ${key}`);
  return subject;
};
