import { type Clock, systemClock, systemRandom } from '../clock.ts';
import type { Decision } from '../decision/decision.ts';
import { TidegateError } from '../errors.ts';
import type { Gate, GateRequest } from '../gate/gate.ts';
import type { LateIdentity } from '../gate/late-identity.ts';
import { isMadeInRequest, type MisuseOptions, watchMisuse } from '../misuse.ts';
import {
  answeredAtOnce,
  callback,
  checkOptions,
  flag,
  having,
  type OptionCheck,
  oneOf,
  optional,
  record,
} from '../option-checks.ts';
import { AddressBook, type KnownAddress } from './address-book.ts';
import { type RefundWhen, settleFor } from './after-response.ts';
import { type Answer, answerTo, type BlockStatus, blockStatuses } from './answer.ts';
import { clientAddress } from './client-address.ts';
import { type HeaderOptions, parseHeaderOptions } from './header-fields.ts';
import { checkVouched, clientsAt, clientsOf, type VouchedIdentity } from './identity.ts';
import { createRequestChecks, type HeaderReader } from './request-checks.ts';
import { isTooWide, parseTrustedProxies } from './trusted-proxies.ts';

/** What every middleware takes. `Args` is what its host hands it for one request. */
export interface LimitOptions<Args extends readonly unknown[]> extends MisuseOptions {
  readonly gate: Gate;
  /**
   * What the host knows of the caller, from credentials that it has checked. Not called for a request whose address is
   * blocked or has used up a limit by address. Default: nothing, so that clients are told apart by address.
   */
  readonly identify?: (...request: Args) => VouchedIdentity | Promise<VouchedIdentity>;
  /** Proxies whose X-Forwarded-For is believed: addresses or CIDRs. Default: none. */
  readonly trustedProxies?: readonly string[];
  /** Units that this request spends. Default: each policy's own. */
  readonly cost?: (...request: Args) => number | undefined;
  /** Requests that are not decided on, such as health checks. Default: none. */
  readonly skip?: (...request: Args) => boolean;
  /**
   * Whether the units of a request are given back once its response has been sent whole, such as
   * `({ status }) => status < 400` where only failed logins count. Default: never.
   */
  readonly refundWhen?: RefundWhen;
  /** What clients are told in header fields. Default: the standard ones. */
  readonly headers?: HeaderOptions;
  /**
   * What a client that is on the block list is answered with: 429, or 403 for hosts whose clients, proxies or alerts take 429
   * for a limit that waiting helps with. Body and `Retry-After` are the same. Default 429.
   */
  readonly blockStatus?: BlockStatus;
  /** True where a request meets several middlewares on purpose; each counts. Say it at all of them. Default false. */
  readonly layered?: boolean;
  /** 0 ≤ random() < 1: spreads retry times. */
  readonly random?: () => number;
  /** Holds back what has to queue, and gives the time of a reset in `epoch-seconds`. Default: the machine's. */
  readonly clock?: Clock;
}

/** What a host tells of a request. */
export interface RequestFacts {
  readonly method: string;
  /** The target as it came, before anything was mounted or rewritten. */
  readonly path: string;
  /** Address of the connection's other end; absent where it has none. */
  readonly peer: string | null | undefined;
  /** Template of the route; absent where none is known. */
  readonly route: string | undefined;
  /** What the route itself says that it costs. */
  readonly cost?: number | undefined;
  /** What the route itself says of refunds. */
  readonly refundWhen?: RefundWhen | undefined;
}

/** How a middleware reads its host's requests. */
export interface HttpHost<Args extends readonly unknown[]> {
  /** Null: this request is skipped. */
  factsOf(...request: Args): RequestFacts | null;
  /** A field by its name in lower case. */
  headerOf(name: string, request: Args[0]): string | undefined;
  /** The object that everybody sees who handles this request. */
  rawOf(request: Args[0]): object;
}

/**
 * How to answer one request; null when it is skipped. At once where nothing has to be waited for. Throws or rejects when
 * a callback of the host fails or makes no sense.
 */
export type Answerer<Args extends readonly unknown[]> = (...request: Args) => Answer | null | Promise<Answer | null>;

/** A field as Node gives it. */
export const nodeHeader = (
  name: string,
  { headers }: { readonly headers: Readonly<Record<string, string | string[] | undefined>> },
): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : value;
};

/** What is no error would let the request pass: `next(undefined)`, `next('route')`. */
export const errorFrom = (cause: unknown): Error =>
  cause instanceof Error
    ? cause
    : new TidegateError('INPUT_INVALID', 'A callback of the limiter threw something that is no error', { cause });

type Mutable<T> = { -readonly [name in keyof T]: T[name] };

const optionChecks = {
  gate: having('check', 'be the gate that createGate() gave, as in app.use(tidegate({ gate }))'),
  identify: optional(callback),
  cost: optional(callback),
  skip: optional(callback),
  refundWhen: optional(callback),
  route: optional(callback),
  random: optional(callback),
  headers: optional(record),
  blockStatus: optional(oneOf(blockStatuses)),
  layered: optional(flag),
};

/** Throws CONFIG_INVALID. `more` is what one kind of host needs beside. */
export const checkLimitOptions = (options: unknown, more: Readonly<Record<string, OptionCheck>> = {}): void =>
  checkOptions('tidegate', options, { ...optionChecks, ...more });

/** Options that were given wrongly, or that trust more than they should. Throws CONFIG_INVALID, MISUSED. */
const readOptions = <Args extends readonly unknown[]>(options: LimitOptions<Args>) => {
  const trusted = parseTrustedProxies([options.trustedProxies ?? []].flat());
  const watch = watchMisuse(options);
  const wide = trusted.filter(isTooWide).map(({ text }) => text);
  if (wide.length > 0) watch.found('TIDEGATE_TRUSTS_TOO_MUCH', wide.join(', '));
  if (watch.looksFor('TIDEGATE_MADE_PER_REQUEST') && isMadeInRequest()) {
    watch.found('TIDEGATE_MADE_PER_REQUEST', 'a middleware');
  }
  const { layered = false } = options;
  return {
    book: new AddressBook(trusted),
    checks: createRequestChecks({ ...options, layered, trustsProxies: trusted.length > 0 }),
    headers: parseHeaderOptions(options.headers),
  };
};

const requestFor = (
  facts: RequestFacts,
  known: KnownAddress | null,
  cost: number | undefined,
): Mutable<GateRequest> => {
  const request: Mutable<GateRequest> = { clients: clientsAt(known), method: facts.method, path: facts.path };
  if (known !== null) request.address = known.address;
  if (facts.route !== undefined) request.route = facts.route;
  if (cost !== undefined) request.cost = cost;
  return request;
};

const identityFor = (vouched: VouchedIdentity, known: KnownAddress | null): LateIdentity => {
  const identity: Mutable<LateIdentity> = { clients: clientsOf(vouched, known) };
  if (vouched.tenant !== undefined) identity.tenant = vouched.tenant;
  if (vouched.plan !== undefined) identity.plan = vouched.plan;
  return identity;
};

/** Promises of other libraries are promises, too: taken for an identity they would vouch for nobody. */
const isPromiseLike = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';

/** From the facts of a request to its answer: what all middlewares share. Throws CONFIG_INVALID, MISUSED. */
export const createAnswerer = <Args extends readonly unknown[]>(
  options: LimitOptions<Args>,
  host: HttpHost<Args>,
): Answerer<Args> => {
  checkLimitOptions(options);
  const { gate, identify, cost, skip, random = systemRandom, clock = systemClock, logger, blockStatus = 429 } = options;
  const { book, checks, headers } = readOptions(options);

  const decide = (asked: GateRequest, refundWhen: RefundWhen | undefined): Answer | Promise<Answer> => {
    const answered = (decision: Decision): Answer => {
      const told = answerTo(decision, { headers, blockStatus, random, nowMs: clock.nowMs() });
      return {
        decision,
        headers: told.headers,
        refusal: told.refusal,
        holdMs: decision.outcome === 'allowed' ? decision.delayMs : 0,
        settle: settleFor(decision, { gate, refundWhen, logger }),
      };
    };
    const decision = gate.check(asked);
    return decision instanceof Promise ? decision.then(answered) : answered(decision);
  };

  return (...request) => {
    if (skip && answeredAtOnce('skip', skip(...request))) return null;
    const facts = host.factsOf(...request);
    if (!facts) return null;
    const headerOf: HeaderReader = (name) => host.headerOf(name, request[0]);
    // Before anything is awaited: a connection that closes meanwhile no longer knows its address.
    const peer = facts.peer ? book.find(facts.peer) : null;
    const forwardedFor = headerOf('x-forwarded-for');
    const known = clientAddress(peer, forwardedFor, book);
    checks.arrived({ raw: host.rawOf(request[0]), peer, forwardedFor, headerOf });
    const refundWhen = facts.refundWhen ?? options.refundWhen;
    const asked = requestFor(facts, known, facts.cost ?? cost?.(...request));
    if (identify) {
      const identified = (given: VouchedIdentity | null | undefined): LateIdentity => {
        const vouched = checkVouched(given);
        checks.vouched(vouched, headerOf);
        return identityFor(vouched, known);
      };
      asked.identify = () => {
        const vouched = identify(...request);
        return isPromiseLike(vouched) ? Promise.resolve(vouched).then(identified) : identified(vouched);
      };
    }
    return decide(asked, refundWhen);
  };
};
