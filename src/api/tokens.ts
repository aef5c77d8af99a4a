import { createHash, timingSafeEqual } from 'node:crypto';
import type { Holder } from './authenticator.ts';

interface Token {
  readonly holder: string;
  readonly hash: Buffer;
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
/** A bare token may end in `=` itself: only what a whole token follows is a name. */
const nameAndToken = /^([A-Za-z0-9._-]{1,64})=([A-Za-z0-9._~+/-]{16,512}=*)$/;

/** The tokens of the configuration: admins of all tenants, for as long as they stand there. Holds hashes alone. */
export class TokenTable {
  readonly #tokens: readonly Token[];

  /** Each entry `token`, or `name=token`; a token without a name is held by `api`. */
  constructor(entries: readonly string[]) {
    this.#tokens = entries.map((entry) => {
      const [, name = 'api', token = entry] = nameAndToken.exec(entry) ?? [];
      return { holder: name, hash: hashOf(token) };
    });
  }

  get isEmpty(): boolean {
    return this.#tokens.length === 0;
  }

  /** Whose token it is; null: nobody's. Takes as long for a wrong token as for a right one. */
  holderOf(token: string): Holder | null {
    const hash = hashOf(token);
    let holder: string | null = null;
    for (const known of this.#tokens) if (timingSafeEqual(known.hash, hash)) holder = known.holder;
    return holder === null ? null : { reviewer: { name: holder, role: 'admin', tenants: null }, expiresAtMs: null };
  }
}
