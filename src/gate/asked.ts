import { clientPrefixLengths, networkOf, sitePrefixLengths } from '../address.ts';
import type { Client } from '../client.ts';

/** A request as the gate has understood it. */
export interface Asked {
  readonly nowMs: number;
  readonly client: Client;
  readonly clientKey: string;
  readonly tenant: string;
  /** Empty: none. */
  readonly plan: string;
  /** The gate's own; empty: none. */
  readonly service: string;
  readonly method: string;
  /** As requested. */
  readonly path: string;
  /** The host's own name for what was asked for: `/orders/:id`, `/*`. */
  readonly template?: string;
  /** What events call it: `GET /orders/:id`. */
  readonly route: string;
  /** What limits go by that have the route in their scope. */
  readonly limitRoute: string;
  /** Empty: none is known. */
  readonly address: string;
  /** Absent: each policy's own. */
  readonly cost?: number;
}

/** What stands for an address that is not known: those who have none share a counter. */
const noAddress = 'local';

/** What limits by address go by: what a client without credentials would be known by. */
export const addressOf = ({ address }: Asked): string => networkOf(address, clientPrefixLengths) ?? noAddress;

/** The /48 of an IPv6 address, what one site is given; an IPv4 address stands for itself. */
export const siteOf = ({ address }: Asked): string => networkOf(address, sitePrefixLengths) ?? noAddress;
