import { createHash, randomBytes } from 'node:crypto';
import type { Grant } from './roles.ts';

/** A token that was made for somebody. The token itself is shown once and kept nowhere. */
export interface IssuedToken {
  /** `t-` and 12 hexadecimal digits: what lists show and what is revoked by. */
  readonly id: string;
  /** Recorded as who did it. */
  readonly name: string;
  readonly role: Grant;
  /** See Reviewer. */
  readonly tenants: readonly string[] | null;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** To within {@link usedEveryMs}; null: never. */
  readonly lastUsedAtMs: number | null;
}

/** What is stored of a token besides its hash. */
export type NewToken = Omit<IssuedToken, 'lastUsedAtMs'>;

/** How exact `lastUsedAtMs` is: a write for each request would be a write for each request. */
export const usedEveryMs = 5 * 60_000;
/** How long one that has ended is still known, so that its holder is told so. */
export const endedKeptMs = 7 * 86_400_000;
/** In one namespace, ended ones that are still known included. */
export const mostTokens = 1000;

/** Tokens by their hash. Failures: TidegateError STORE_FAILED, STORE_TIMEOUT. */
export interface TokenStore {
  /** False: there are {@link mostTokens} already. */
  add(token: NewToken, hash: string): Promise<boolean>;
  /** One that has ended is told for {@link endedKeptMs}; null: unknown, or revoked. */
  byHash(hash: string): Promise<IssuedToken | null>;
  /** Newest first, ended ones included as long as they are known. */
  list(): Promise<readonly IssuedToken[]>;
  /** As it was; null: there is none. */
  revoke(id: string): Promise<IssuedToken | null>;
  /** Ids that nobody knows are left out. */
  noteUse(id: string, atMs: number): Promise<void>;
}

/** What a token is stored and looked up by. Its 256 random bits need no salt and no slow hash. */
export const tokenHashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

const prefix = 'tgt_';
const checkLength = 6;
const form = new RegExp(`^${prefix}[A-Za-z0-9_-]{43}[a-f0-9]{${checkLength}}$`);

const checkOf = (secret: string): string => tokenHashOf(`${prefix}${secret}`).slice(0, checkLength);

/** A new token: a prefix that scanners of leaked secrets can look for, 256 random bits, and six digits that tell a typo. */
export const generateIssuedToken = (): string => {
  const secret = randomBytes(32).toString('base64url');
  return `${prefix}${secret}${checkOf(secret)}`;
};

/** Whether it was meant to be an issued token. */
export const looksIssued = (token: string): boolean => token.startsWith(prefix);

/** Whether it is whole: what somebody made up or mistyped needs no store to be refused. */
export const isWholeToken = (token: string): boolean =>
  form.test(token) && checkOf(token.slice(prefix.length, -checkLength)) === token.slice(-checkLength);

export const newTokenId = (): string => `t-${randomBytes(6).toString('hex')}`;

const dayMs = 86_400_000;
export const tokenTermMs = { usual: 30 * dayMs, longest: 366 * dayMs } as const;

/** Who does it in the log when no person does: nobody else may be called that. */
export const reservedNames: readonly string[] = ['detector', 'quality', 'tidegate'];
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@:|+/=-]{0,63}$/;
export const nameMust = 'must be 1 to 64 of A-Z a-z 0-9 . _ @ : | + / = -, beginning with a letter or digit';

/** Names stand in logs, audits and pages: nothing that a terminal or a reader takes for something else. */
export const nameProblem = (name: string): string | null => {
  if (!namePattern.test(name)) return nameMust;
  return reservedNames.includes(name.toLowerCase()) ? 'is the name of no person' : null;
};

/** As tenants are named in events: no `/`, which ends a tenant in a subject. */
const tenantPattern = /^[^\s/\p{C}]{1,128}$/u;
export const isTenant = (text: string): boolean => tenantPattern.test(text);
export const mostTenants = 100;
