import { type Clock, systemClock, systemRandom } from '../clock.ts';
import type { Gate } from '../gate/gate.ts';
import { type Answer, answerTo } from './answer.ts';
import { clientAddress, parseTrustedProxies } from './client-address.ts';
import { type HeaderOptions, parseHeaderOptions } from './header-fields.ts';
import { clientsOf, type VouchedIdentity } from './identity.ts';

/** What every middleware takes. `Args` is what its host hands it for one request. */
export interface LimitOptions<Args extends readonly unknown[]> {
  readonly gate: Gate;
  /**
   * What the host knows of the caller, from credentials that it has checked. Default: nothing, so that clients are told
   * apart by address.
   */
  readonly identify?: (...request: Args) => VouchedIdentity | Promise<VouchedIdentity>;
  /** Proxies whose X-Forwarded-For is believed: addresses or CIDRs. Default: none. */
  readonly trustedProxies?: readonly string[];
  /** Units that this request spends. Default: each policy's own. */
  readonly cost?: (...request: Args) => number | undefined;
  /** Requests that are not decided on, such as health checks. Default: none. */
  readonly skip?: (...request: Args) => boolean;
  /** What clients are told in header fields. Default: the standard ones. */
  readonly headers?: HeaderOptions;
  /** 0 ≤ random() < 1: spreads retry times. */
  readonly random?: () => number;
  /** Gives the time that a reset in `epoch-seconds` is written in. Default: the machine's. */
  readonly clock?: Clock;
}

/** What a host tells of a request. */
export interface RequestFacts {
  readonly method: string;
  /** The target as it came, before anything was mounted or rewritten. */
  readonly path: string;
  /** Address of the connection's other end; absent where it has none. */
  readonly peer: string | null | undefined;
  readonly forwardedFor: string | undefined;
  /** Template of the route; absent where none is known. */
  readonly route: string | undefined;
}

/** How to answer one request; null when it is skipped. Rejects when a callback of the host fails or makes no sense. */
export type Answerer<Args extends readonly unknown[]> = (...request: Args) => Promise<Answer | null>;

/** X-Forwarded-For as Node gives it. */
export const forwardedForOf = (
  headers: Readonly<Record<string, string | string[] | undefined>>,
): string | undefined => {
  const value = headers['x-forwarded-for'];
  return Array.isArray(value) ? value.join(',') : value;
};

/** From the facts of a request to its answer: what all middlewares share. Throws CONFIG_INVALID. */
export const createAnswerer = <Args extends readonly unknown[]>(
  options: LimitOptions<Args>,
  factsOf: (...request: Args) => RequestFacts,
): Answerer<Args> => {
  const { gate, identify, cost, skip, random = systemRandom, clock = systemClock } = options;
  const trusted = parseTrustedProxies([options.trustedProxies ?? []].flat());
  const headers = parseHeaderOptions(options.headers);
  return async (...request) => {
    if (skip?.(...request)) return null;
    // Before anything is awaited: a connection that closes meanwhile no longer knows its address.
    const { method, path, peer, forwardedFor, route } = factsOf(...request);
    const address = clientAddress(peer ?? undefined, forwardedFor, trusted);
    const vouched = (await identify?.(...request)) ?? {};
    const units = cost?.(...request);
    const decision = await gate.check({
      clients: clientsOf(vouched, address),
      method,
      path,
      ...(address === null ? {} : { address }),
      ...(vouched.tenant === undefined ? {} : { tenant: vouched.tenant }),
      ...(route === undefined ? {} : { route }),
      ...(units === undefined ? {} : { cost: units }),
    });
    return answerTo(decision, { headers, random, nowMs: clock.nowMs() });
  };
};
