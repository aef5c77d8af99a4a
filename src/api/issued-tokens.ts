import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import {
  type IssuedToken,
  isWholeToken,
  looksIssued,
  type TokenStore,
  tokenHashOf,
  usedEveryMs,
} from '../review/tokens.ts';
import { type Authenticator, type Finding, unknownToken } from './authenticator.ts';
import { BoundedMap } from './bounded-map.ts';

/** A revoked token is refused everywhere within this and the time that one question takes. */
const freshMs = 1000;
/** How long a token that was known goes on while the store is away. */
const longestAgeMs = 5 * 60_000;
/** After a failure the store is left alone for so long: what is known goes on without waiting for it. */
const awayMs = 1000;
const mostKnown = 1000;
const mostUnknown = 1000;
/** A token that nobody knew is random: nobody will make the same one later. */
const unknownMs = 60_000;
/** Questions about tokens that this process has not seen before: so many at once, and so many a second. */
const burst = 50;
const perSecond = 20;

interface Known {
  readonly token: IssuedToken;
  readonly askedAtMs: number;
}

const away: Finding = { kind: 'away', detail: 'The store of the tokens does not answer. Try again.' };

const expired = ({ expiresAtMs }: IssuedToken): Finding => ({
  kind: 'expired',
  detail: `The token ended at ${new Date(expiresAtMs).toISOString()}. Ask for a new one.`,
});

export interface IssuedTokensOptions {
  readonly store: TokenStore;
  readonly clock: Clock;
  readonly logger?: Logger;
}

/**
 * Tokens that were made with `tidegate tokens create`. Remembers each for a second, asks about it once however many requests
 * carry it, and asks nobody about what is no whole token: a flood of made-up tokens stays in this process.
 */
export class IssuedTokens implements Authenticator {
  readonly #store: TokenStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #known = new BoundedMap<Known>(mostKnown);
  /** Hash → until when nobody is asked again. */
  readonly #unknown = new BoundedMap<number>(mostUnknown);
  readonly #asking = new Map<string, Promise<Finding>>();
  /** By id: what is told to the store. */
  readonly #usedAtMs = new BoundedMap<number>(mostKnown);
  #awayUntilMs = 0;
  /** Questions left, and as of when. */
  #questions = burst;
  #refilledAtMs: number;

  constructor({ store, clock, logger = silentLogger }: IssuedTokensOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
    this.#refilledAtMs = clock.nowMs();
  }

  isMine(token: string): boolean {
    return looksIssued(token);
  }

  identify(text: string, isSuspect: boolean): Finding | Promise<Finding> {
    if (!isWholeToken(text)) return unknownToken('The token is not whole. Copy all of it.');
    const nowMs = this.#clock.nowMs();
    const hash = tokenHashOf(text);
    const known = this.#known.get(hash);
    if (known && nowMs - known.askedAtMs < freshMs) return this.#told(known.token);
    if (nowMs < this.#awayUntilMs) return this.#withoutStore(hash);
    if (!known) {
      if ((this.#unknown.get(hash) ?? 0) > nowMs) return unknownToken();
      if (isSuspect || !this.#mayAskAboutNew(nowMs)) return { kind: 'held-back' };
    }
    const asking = this.#asking.get(hash) ?? this.#ask(hash).finally(() => this.#asking.delete(hash));
    this.#asking.set(hash, asking);
    return asking;
  }

  async #ask(hash: string): Promise<Finding> {
    const askedAtMs = this.#clock.nowMs();
    try {
      const token = await this.#store.byHash(hash);
      if (token === null) {
        this.#known.delete(hash);
        this.#unknown.set(hash, askedAtMs + unknownMs);
        return unknownToken();
      }
      this.#known.set(hash, { token, askedAtMs });
      return this.#told(token);
    } catch (error) {
      this.#awayUntilMs = this.#clock.nowMs() + awayMs;
      this.#logger.warn(
        { err: messageOf(error) },
        'tokens cannot be looked up: those that are known go on for a while',
      );
      return this.#withoutStore(hash);
    }
  }

  #withoutStore(hash: string): Finding {
    const known = this.#known.get(hash);
    const isGood = known !== undefined && this.#clock.nowMs() - known.askedAtMs < longestAgeMs;
    return isGood ? this.#told(known.token) : away;
  }

  #told(token: IssuedToken): Finding {
    const { name, role, tenants, expiresAtMs } = token;
    if (expiresAtMs <= this.#clock.nowMs()) return expired(token);
    this.#noteUse(token);
    return { kind: 'holder', holder: { reviewer: { name, role, tenants }, expiresAtMs } };
  }

  /** Now and then. That a token is used is worth no failed request. */
  #noteUse({ id, lastUsedAtMs }: IssuedToken): void {
    const nowMs = this.#clock.nowMs();
    const told = Math.max(lastUsedAtMs ?? 0, this.#usedAtMs.get(id) ?? 0);
    if (nowMs - told < usedEveryMs) return;
    this.#usedAtMs.set(id, nowMs);
    this.#store.noteUse(id, nowMs).catch((error: unknown) => {
      this.#logger.debug({ err: messageOf(error), id }, 'the use of a token is not noted');
    });
  }

  #mayAskAboutNew(nowMs: number): boolean {
    const gained = (Math.max(0, nowMs - this.#refilledAtMs) * perSecond) / 1000;
    this.#questions = Math.min(burst, this.#questions + gained);
    this.#refilledAtMs = nowMs;
    if (this.#questions < 1) return false;
    this.#questions -= 1;
    return true;
  }
}
