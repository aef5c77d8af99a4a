import { createHash, timingSafeEqual } from 'node:crypto';
import type { Reviewer } from '../review/roles.ts';

interface Token {
  readonly holder: string;
  readonly hash: Buffer;
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
/** A bare token may end in `=` itself: only what a whole token follows is a name. */
const nameAndToken = /^([A-Za-z0-9._-]{1,64})=([A-Za-z0-9._~+/-]{16,512}=*)$/;

/** Who may do what needs a token. Holds hashes alone. */
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

  /** Whose token an Authorization header carries; null: nobody's. Takes as long for a wrong token as for a right one. */
  reviewerOf(authorization: string | undefined): Reviewer | null {
    const token = /^Bearer +(\S{1,1024})$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return null;
    const hash = hashOf(token);
    let holder: string | null = null;
    for (const known of this.#tokens) if (timingSafeEqual(known.hash, hash)) holder = known.holder;
    return holder === null ? null : { name: holder, role: 'admin', tenants: null };
  }
}
