import type { Reviewer } from '../review/roles.ts';

/** Who holds a token. */
export interface Holder {
  readonly reviewer: Reviewer;
  /** Milliseconds since the epoch; null: it does not end. */
  readonly expiresAtMs: number | null;
}

/** What one kind of token says. All but `holder` say in `detail`, to whoever sent it, what is wrong. */
export type Finding =
  | { readonly kind: 'holder'; readonly holder: Holder }
  | { readonly kind: 'unknown' | 'expired'; readonly detail: string }
  /** Proven, and still good for nothing here. */
  | { readonly kind: 'forbidden'; readonly detail: string }
  /** Whoever could tell is out of reach. */
  | { readonly kind: 'away'; readonly detail: string }
  /** Nobody was asked, because of where it came from. */
  | { readonly kind: 'held-back' };

/** Tells whose a token is, for one kind of tokens. */
export interface Authenticator {
  /** Whether it looks like one of this kind: nobody else is asked about it then. */
  isMine(token: string): boolean;
  /** `isSuspect`: too many bad ones came from there, so that only what is known here already is told. */
  identify(token: string, isSuspect: boolean): Finding | Promise<Finding>;
}

export const unknownToken = (detail = 'Nobody here knows this token.'): Finding => ({ kind: 'unknown', detail });

/** For keys of caches: a token itself is kept nowhere. */
export const maxTokenLength = 8192;
