import type { FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { mayDo, type Reviewer } from '../review/roles.ts';
import { type Authenticator, type Finding, type Holder, maxTokenLength, unknownToken } from './authenticator.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { RequestFailure } from './problem.ts';
import { type Api, nobody } from './routing.ts';
import { TokenTable } from './tokens.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** When the token of the request ends, milliseconds since the epoch; null: never, or there is none. */
    tokenExpiresAtMs: number | null;
  }
}

export interface AccessOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** `token` or `name=token`, of the configuration: see {@link TokenTable}. */
  readonly tokens: readonly string[];
  /** The other kinds of tokens. Each token is of one kind. Default: none. */
  readonly authenticators?: readonly Authenticator[];
  /**
   * Who asks for this machine by a loopback name needs no token to read; to change something everybody does. Whoever sends a
   * token all the same is who it says. Default false.
   */
  readonly openReads?: boolean;
}

/** A page of elsewhere that has its own name resolve to this machine sends that name. */
const isLoopbackName = (hostname: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i.test(hostname);

const bearer = new RegExp(`^Bearer +(\\S{1,${maxTokenLength}})$`, 'i');

/** How to send a token, where there is none, or none that can be read. */
const askForToken = (isAny: boolean): RequestFailure => {
  const how = 'send it as `Authorization: Bearer <token>`.';
  const detail = isAny
    ? 'Send a token as `Authorization: Bearer <token>`.'
    : `No token is configured. Set TIDEGATE_API_TOKENS or apiTokensFile, or make one with \`tidegate tokens create\`, and ${how}`;
  return new RequestFailure('unauthorized', detail);
};

const failureFor = (finding: Exclude<Finding, { kind: 'holder' }>): RequestFailure => {
  switch (finding.kind) {
    case 'unknown':
      return new RequestFailure('unauthorized', finding.detail);
    case 'expired':
      return new RequestFailure('token-expired', finding.detail);
    case 'forbidden':
      return new RequestFailure('forbidden', finding.detail);
    case 'away':
      return new RequestFailure('unavailable', finding.detail);
    case 'held-back':
      return new RequestFailure('too-many-requests', 'Too many bad tokens came from this address. Wait a minute.');
  }
};

/** Throws where the role, or the tenants, are not enough for the route. */
const checkGrant = (reviewer: Reviewer, request: FastifyRequest): void => {
  const { needs, allTenants = false } = request.routeOptions.config;
  if (needs !== undefined && !mayDo(reviewer.role, needs)) {
    throw new RequestFailure('forbidden', `This needs the role ${needs}; ${reviewer.name} has ${reviewer.role}.`);
  }
  if (allTenants && reviewer.tenants !== null) {
    const only = reviewer.tenants.join(', ');
    throw new RequestFailure('forbidden', `All tenants share this; ${reviewer.name} is for ${only}.`);
  }
};

/** Asks whose the token is, and keeps count of those that nobody knows. Never says a token, not even in the log. */
class Doorkeeper {
  readonly #table: TokenTable;
  readonly #authenticators: readonly Authenticator[];
  readonly #failed: FailedAttempts;
  readonly #logger: Logger;

  constructor({ clock, logger = silentLogger, tokens, authenticators = [] }: AccessOptions) {
    this.#table = new TokenTable(tokens);
    this.#authenticators = authenticators;
    this.#failed = new FailedAttempts(clock);
    this.#logger = logger;
  }

  get knowsAny(): boolean {
    return !this.#table.isEmpty || this.#authenticators.length > 0;
  }

  async holderOf(token: string, request: FastifyRequest): Promise<Holder> {
    const configured = this.#table.holderOf(token);
    if (configured !== null) return configured;
    const finding = await this.#ask(token, this.#failed.isSuspect(request.ip));
    if (finding.kind === 'holder') return finding.holder;
    if (finding.kind === 'unknown' && this.#failed.count(request.ip)) {
      const fields = { address: request.ip, route: request.routeOptions.url, detail: finding.detail };
      this.#logger.warn(fields, 'a token was refused');
    }
    throw failureFor(finding);
  }

  #ask(token: string, isSuspect: boolean): Finding | Promise<Finding> {
    const mine = this.#authenticators.find((one) => one.isMine(token));
    return mine ? mine.identify(token, isSuspect) : unknownToken();
  }
}

/**
 * Routes that say what they need ({@link FastifyContextConfig}) answer to the holder of a token alone, known to them as
 * `request.reviewer`. Call it before the routes are added.
 */
export const addAccess = (api: Api, options: AccessOptions): void => {
  const doorkeeper = new Doorkeeper(options);
  // Every request gets its own below; Fastify wants to know the shape beforehand, and shares no objects.
  api.decorateRequest('reviewer', null as unknown as Reviewer);
  api.decorateRequest('tokenExpiresAtMs', null);
  api.addHook('onRequest', async (request) => {
    request.reviewer = nobody;
    const { needs } = request.routeOptions.config;
    if (needs === undefined) return;
    const { authorization } = request.headers;
    const isOpen = options.openReads === true && request.method === 'GET' && isLoopbackName(request.hostname);
    if (authorization === undefined && isOpen && mayDo('viewer', needs)) return;
    const token = bearer.exec(authorization ?? '')?.[1];
    if (token === undefined) throw askForToken(doorkeeper.knowsAny);
    const { reviewer, expiresAtMs } = await doorkeeper.holderOf(token, request);
    checkGrant(reviewer, request);
    request.reviewer = reviewer;
    request.tokenExpiresAtMs = expiresAtMs;
  });
};
