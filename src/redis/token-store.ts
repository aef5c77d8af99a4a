import { messageOf, TidegateError } from '../errors.ts';
import { endedKeptMs, type IssuedToken, mostTokens, type NewToken, type TokenStore } from '../review/tokens.ts';
import type { RedisConnection } from './client.ts';
import { keyPrefix } from './keys.ts';
import { loadScript, runScript } from './scripts.ts';

export interface RedisTokenStoreOptions {
  readonly redis: RedisConnection;
  /** Default `default`. */
  readonly namespace?: string;
  /** Replaces the clock of the server. For tests. */
  readonly nowMs?: () => number;
}

/** Of the stored form: another one lies under other keys. */
const storedForm = 1;

/** Tokens in Redis, in one slot: all processes of a namespace know the same ones. */
export class RedisTokenStore implements TokenStore {
  readonly #redis: RedisConnection;
  readonly #nowMs: () => number;
  readonly #keys: readonly string[];
  readonly #script = loadScript('tokens');

  constructor({ redis, namespace = 'default', nowMs = () => 0 }: RedisTokenStoreOptions) {
    this.#redis = redis;
    this.#nowMs = nowMs;
    const prefix = `${keyPrefix(namespace)}{bl}:tokens${storedForm}:`;
    this.#keys = ['records', 'hashes', 'uses', 'ends'].map((name) => `${prefix}${name}`);
  }

  async add(token: NewToken, hash: string): Promise<boolean> {
    const forgottenAtMs = token.expiresAtMs + endedKeptMs;
    const [done] = await this.#run('add', hash, token.id, JSON.stringify(token), forgottenAtMs, mostTokens);
    return done === 1;
  }

  async byHash(hash: string): Promise<IssuedToken | null> {
    return tokensFrom(await this.#run('find', hash))[0] ?? null;
  }

  async list(): Promise<readonly IssuedToken[]> {
    const tokens = tokensFrom(await this.#run('list'));
    return tokens.sort((left, right) => right.createdAtMs - left.createdAtMs);
  }

  async revoke(id: string): Promise<IssuedToken | null> {
    return tokensFrom(await this.#run('revoke', id))[0] ?? null;
  }

  async noteUse(id: string, atMs: number): Promise<void> {
    await this.#run('use', id, atMs);
  }

  async #run(...asked: readonly (string | number)[]): Promise<readonly unknown[]> {
    try {
      const args = [this.#nowMs(), ...asked];
      return (await runScript(this.#redis, this.#script, { keys: this.#keys, args })) as readonly unknown[];
    } catch (cause) {
      throw new TidegateError('STORE_FAILED', `Redis: ${messageOf(cause)}`, { cause, retryable: true });
    }
  }
}

const tokensFrom = (flat: readonly unknown[]): IssuedToken[] => {
  const tokens: IssuedToken[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const token = JSON.parse(String(flat[at])) as NewToken;
    const used = String(flat[at + 1]);
    tokens.push({ ...token, lastUsedAtMs: used === '' ? null : Number(used) });
  }
  return tokens;
};
