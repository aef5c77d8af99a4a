import { type MisuseOptions, type MisuseWatch, watchMisuse } from '../misuse.ts';
import type { KnownAddress } from './address-book.ts';
import { type VouchedIdentity, vouchedFields } from './identity.ts';

/** Looks whether what arrives fits how the middleware was set up. */
export interface RequestChecks {
  /** A request that is about to be decided on. Throws MISUSED where that is asked for. */
  arrived(request: ArrivedRequest): void;
  /** What the host vouches for. Throws MISUSED where that is asked for. */
  vouched(identity: VouchedIdentity, headerOf: HeaderReader): void;
}

export type HeaderReader = (name: string) => string | undefined;

export interface ArrivedRequest {
  /** The same for everybody who sees this request. */
  readonly raw: object;
  /** Of the connection's other end. */
  readonly peer: KnownAddress | null;
  readonly forwardedFor: string | undefined;
  readonly headerOf: HeaderReader;
}

export interface RequestCheckOptions extends MisuseOptions {
  /** Whether this middleware is one of several on purpose. */
  readonly layered: boolean;
  readonly trustsProxies: boolean;
}

/** Registered, so that two copies of this package see each other's. */
const decidedMark = Symbol.for('tidegate.decided');

type Marked = { [decidedMark]?: boolean };

/** Whether another middleware counts this request as well, and one of them does not know. Leaves a mark of its own. */
const isCountedTwice = (raw: Marked, layered: boolean): boolean => {
  const mark = raw[decidedMark];
  // One that takes no mark cannot be told from its first time.
  if (mark === undefined && !Object.isExtensible(raw)) return false;
  raw[decidedMark] = layered && mark !== false;
  return mark !== undefined && !(layered && mark);
};

/** Shorter ones may be the name of anything. */
const leastSecretLength = 16;
const credentialHeaders = ['authorization', 'x-api-key', 'api-key', 'cookie', 'proxy-authorization'];
const token = /^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*$/;

const isRawSecret = (id: string | undefined, headerOf: HeaderReader): boolean => {
  if (id === undefined || id.length < leastSecretLength) return false;
  return token.test(id) || credentialHeaders.some((name) => headerOf(name)?.endsWith(id));
};

const checkProxies = (watch: MisuseWatch, arrived: ArrivedRequest, trustsProxies: boolean): void => {
  const { peer, forwardedFor, headerOf } = arrived;
  // Anyone may send these fields: only from a neighbour do they say how the host is set up.
  if (!peer?.isPrivate && !peer?.isTrusted) return;
  if (!trustsProxies && forwardedFor !== undefined && watch.looksFor('TIDEGATE_PROXY_NOT_TRUSTED')) {
    watch.found('TIDEGATE_PROXY_NOT_TRUSTED', `from ${peer.address}`);
  }
  if (
    forwardedFor === undefined &&
    headerOf('forwarded') !== undefined &&
    watch.looksFor('TIDEGATE_FORWARDED_IGNORED')
  ) {
    watch.found('TIDEGATE_FORWARDED_IGNORED', `from ${peer.address}`);
  }
};

/** Throws CONFIG_INVALID. */
export const createRequestChecks = ({ layered, trustsProxies, ...options }: RequestCheckOptions): RequestChecks => {
  const watch = watchMisuse(options);
  return {
    arrived: (request) => {
      if (watch.looksFor('TIDEGATE_COUNTED_TWICE') && isCountedTwice(request.raw, layered)) {
        watch.found('TIDEGATE_COUNTED_TWICE');
      }
      checkProxies(watch, request, trustsProxies);
    },
    vouched: (identity, headerOf) => {
      if (watch.looksFor('TIDEGATE_IDENTITY_UNREAD')) {
        const given = Object.keys(identity);
        if (given.length > 0 && !vouchedFields.some((name) => given.includes(name)))
          watch.found('TIDEGATE_IDENTITY_UNREAD', given.join(', '));
      }
      const { user, tenant } = identity;
      if (!watch.looksFor('TIDEGATE_RAW_SECRET')) return;
      const name = isRawSecret(user, headerOf) ? 'user' : isRawSecret(tenant, headerOf) ? 'tenant' : null;
      // What was seen is a secret: it must not stand in a log for that.
      if (name !== null) watch.found('TIDEGATE_RAW_SECRET', name);
    },
  };
};
