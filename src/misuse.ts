import { TidegateError } from './errors.ts';
import type { Logger } from './logger.ts';
import { refusedOptions } from './option-checks.ts';

/** Ways to set tidegate up that work and still do not do what is meant. `docs/reference/misuse.md` is generated from it. */
export const misuseCatalogue = {
  TIDEGATE_TRUSTS_TOO_MUCH: {
    meaning: 'A trusted proxy is given as a public network larger than any that proxies stand in.',
    harm: 'Whoever has an address in it may name any address as its own, and so has a fresh limit for each request.',
    next: 'Name the addresses of your own proxies in `trustedProxies`, or the ranges that your CDN publishes.',
  },
  TIDEGATE_PROXY_NOT_TRUSTED: {
    meaning: 'X-Forwarded-For arrives from a private address, and no proxy is trusted.',
    harm: 'All clients behind that proxy are one client: they share one limit, and are blocked together.',
    next: 'Name the proxy in `trustedProxies`. Where the field comes from a client in your own network, nothing is wrong.',
  },
  TIDEGATE_FORWARDED_IGNORED: {
    meaning: 'A proxy tells the client in `Forwarded` alone, which is not read.',
    harm: 'All clients behind that proxy are one client: they share one limit, and are blocked together.',
    next: 'Let the proxy set X-Forwarded-For as well, and name it in `trustedProxies`.',
  },
  TIDEGATE_MADE_PER_REQUEST: {
    meaning: 'A gate or a middleware is made while a request is handled.',
    harm: 'Counters in memory begin anew with each one, so that nothing is ever limited; each one also costs memory.',
    next: 'Make it once, where the application starts, and use it for every request.',
  },
  TIDEGATE_MANY_GATES: {
    meaning: 'More gates are open in this process than any set-up needs.',
    harm: 'Each gate has counters, a breaker and a local share of its own: limits apply once per gate, not in all.',
    next: 'Share one gate, and close those that are no longer needed with `gate.close()`.',
  },
  TIDEGATE_COUNTED_TWICE: {
    meaning: 'Two middlewares decide on the same request.',
    harm: 'Each use counts: clients have half of what the policies say, and every event is there twice.',
    next: 'Leave one of them out, or say `layered: true` at both where it is meant.',
  },
  TIDEGATE_RAW_SECRET: {
    meaning: 'identify() gives a credential of the request as `user` or `tenant`, as it came.',
    harm: 'Users and tenants stand in events, logs and counters as they are: whoever reads those can log in.',
    next: 'Give the credential as `key`, of which only a digest is kept, or the id of its owner as `user`.',
  },
  TIDEGATE_IDENTITY_UNREAD: {
    meaning: 'identify() gives an object without any of the fields that are read.',
    harm: 'It vouches for nobody: the client is limited by its address, together with all others there.',
    next: 'Give `key`, `user`, `tenant` or `plan`, and `{}` for nobody.',
  },
  TIDEGATE_REDIS_EVICTS: {
    meaning: 'Redis may evict keys when its memory is full.',
    harm: 'A counter that is gone is a fresh limit, and a block that is gone lets its client in again.',
    next: 'Set `maxmemory-policy noeviction`, or give counters and blocks a Redis of their own.',
  },
  TIDEGATE_REDIS_NEARLY_FULL: {
    meaning: 'Redis has used nine tenths of its `maxmemory`, and evicts nothing.',
    harm: 'Once it is full it refuses to count: every decision is then what `onStoreFailure` says.',
    next: 'Raise `maxmemory`, or find what else fills this Redis.',
  },
  TIDEGATE_CLOCK_APART: {
    meaning: 'The clocks of this process and of Redis differ by more than a second.',
    harm: 'Limits hold, since Redis alone counts time. Ends of blocks, event times and epoch resets are off by as much.',
    next: 'Let both machines synchronise their clocks (NTP, chrony).',
  },
} as const satisfies Record<string, { meaning: string; harm: string; next: string }>;

export type MisuseCode = keyof typeof misuseCatalogue;

export const misuseReactions = ['warn', 'throw', 'ignore'] as const;
/** `warn` says each kind once per process, `throw` throws each time (for tests and staging), `ignore` looks at nothing. */
export type OnMisuse = (typeof misuseReactions)[number];

export interface MisuseOptions {
  /** Where warnings go. Default: `process.emitWarning`, with the code of docs/reference/misuse.md. */
  readonly logger?: Logger;
  /** What happens when a set-up is found that does not do what is meant. Default `warn`. */
  readonly onMisuse?: OnMisuse;
}

/** Looks out for misuse: asked on every request, so that nothing is looked at whose finding would change nothing. */
export interface MisuseWatch {
  /** False once a finding of this kind would not be told any more. */
  looksFor(code: MisuseCode): boolean;
  /** Tells it, once. `seen` says what was found. Throws MISUSED where that is asked for. */
  found(code: MisuseCode, seen?: string): void;
}

const withoutLogger: object = {};
/** Kinds that have been told, by who was told. */
const told = new WeakMap<object, Set<MisuseCode>>();

const toldTo = (listener: object): Set<MisuseCode> => {
  const known = told.get(listener) ?? new Set();
  told.set(listener, known);
  return known;
};

const emit = (message: string, code: MisuseCode): void => {
  // Hosts of the fetch API may have no process; they hear of misuse through a logger.
  globalThis.process?.emitWarning?.(message, { type: 'TidegateWarning', code });
};

/** Frames of Node's own servers, of HTTP/1 and of HTTP/2. */
const serverFrame = /\bnode:(?:_http_server|internal\/http2\/core):/;

/** Whether this runs while a server of Node handles a request, as far as nothing has been awaited since it came in. */
export const isMadeInRequest = (): boolean => {
  const { stackTraceLimit } = Error;
  // A framework's own frames stand between.
  Error.stackTraceLimit = 200;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  return serverFrame.test(stack);
};

/** Throws CONFIG_INVALID: callers without types get told what they wrote. */
export const watchMisuse = ({ logger, onMisuse = 'warn' }: MisuseOptions = {}): MisuseWatch => {
  if (!misuseReactions.includes(onMisuse)) {
    const problems = [{ path: 'onMisuse', message: `must be one of ${misuseReactions.join(', ')}` }];
    throw refusedOptions('The options are not valid', problems);
  }
  const known = toldTo(logger ?? withoutLogger);
  return {
    looksFor: (code) => onMisuse === 'throw' || (onMisuse === 'warn' && !known.has(code)),
    found: (code, seen) => {
      const { meaning, harm, next } = misuseCatalogue[code];
      const message = `${meaning}${seen === undefined ? '' : ` Seen: ${seen}.`} ${harm} ${next}`;
      if (onMisuse === 'throw') throw new TidegateError('MISUSED', `${code}: ${message}`);
      if (onMisuse === 'ignore' || known.has(code)) return;
      known.add(code);
      if (logger) logger.warn({ code }, message);
      else emit(message, code);
    },
  };
};
