import { canonicalAddress, networkOf } from '../address.ts';
import type { ClientTable } from '../analytics/client-data.ts';
import { type Client, otherClientId } from '../client.ts';
import { TidegateError } from '../errors.ts';
import { erasedClientId, type Pseudonyms } from '../ingest/pseudonyms.ts';
import type { QueryParams } from './engine.ts';

/** In which rows a client is, as conditions with parameters: its id stands in no statement's text. */
export interface ClientMatch {
  /** Ids of its own and pseudonyms. */
  readonly ids: readonly string[];
  /** The row is the client's own. */
  readonly owned: string;
  /** It is the address beside another client; '0' where that cannot be. Of `decisions_raw` alone. */
  readonly beside: string;
  readonly params: QueryParams;
}

const networkText = /^([0-9A-Fa-f:.]+)\/(\d{1,3})$/;

/** An address in every spelling under which it may be a client: as given, canonical, and as the network it counts as. */
const spellingsOf = ({ kind, id }: Client): string[] => {
  if (kind !== 'ip') return [id];
  const [base = id] = id.split('/', 1);
  const others = id.includes('/') ? [] : [canonicalAddress(id), networkOf(base)];
  return [...new Set([id, ...others.filter((one) => one !== null)])];
};

/** Every address of a network of IPv6: a client that is a household has many. */
const within =
  "(position(address, ':') > 0 AND toIPv6OrDefault(address) BETWEEN IPv6CIDRToRange(toIPv6({base:String}), {length:UInt8}).1 AND IPv6CIDRToRange(toIPv6({base:String}), {length:UInt8}).2)";

/** Throws INPUT_INVALID for what is everybody's or nobody's. */
export const clientIds = (client: Client, pseudonyms: Pseudonyms | null): readonly string[] => {
  const { kind, id } = client;
  if (id === '' || id === otherClientId || id === erasedClientId) {
    throw new TidegateError('INPUT_INVALID', `${kind}:${id} is no client: the rows of many are under it`);
  }
  const spellings = spellingsOf(client);
  return [...new Set(spellings.flatMap((one) => pseudonyms?.all({ kind, id: one }) ?? [one]))];
};

export const matchOf = (client: Client, pseudonyms: Pseudonyms | null): ClientMatch => {
  const ids = clientIds(client, pseudonyms);
  const owned = 'client_kind = {kind:String} AND client IN {ids:Array(String)}';
  const params = { kind: client.kind, ids };
  if (client.kind !== 'ip') return { ids, owned, beside: '0', params };
  const [, base, length] = networkText.exec(client.id) ?? [];
  const isNetwork = base?.includes(':') === true && canonicalAddress(base) !== null;
  if (!isNetwork) return { ids, owned, beside: 'address IN {ids:Array(String)}', params };
  const beside = `(address IN {ids:Array(String)} OR ${within})`;
  return { ids, owned, beside, params: { ...params, base, length: Number(length) } };
};

/** The rows of a table that hold the client. */
export const holding = (table: ClientTable, { owned, beside }: ClientMatch): string =>
  table === 'decisions_raw' ? `((${owned}) OR ${beside})` : `(${owned})`;
