import type { Clock } from '../clock.ts';
import { endedKeptMs, type IssuedToken, mostTokens, type NewToken, type TokenStore } from '../review/tokens.ts';

/** Tokens in this process: they end with it. */
export class MemoryTokenStore implements TokenStore {
  readonly #clock: Clock;
  /** By hash. */
  readonly #tokens = new Map<string, IssuedToken>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  async add(token: NewToken, hash: string): Promise<boolean> {
    this.#sweep();
    if (this.#tokens.size >= mostTokens) return false;
    this.#tokens.set(hash, { ...token, lastUsedAtMs: null });
    return true;
  }

  async byHash(hash: string): Promise<IssuedToken | null> {
    this.#sweep();
    return this.#tokens.get(hash) ?? null;
  }

  async list(): Promise<readonly IssuedToken[]> {
    this.#sweep();
    return [...this.#tokens.values()].sort((left, right) => right.createdAtMs - left.createdAtMs);
  }

  async revoke(id: string): Promise<IssuedToken | null> {
    const [hash, token] = this.#find(id) ?? [];
    if (hash !== undefined) this.#tokens.delete(hash);
    return token ?? null;
  }

  async noteUse(id: string, atMs: number): Promise<void> {
    const [hash, token] = this.#find(id) ?? [];
    if (hash === undefined || token === undefined) return;
    this.#tokens.set(hash, { ...token, lastUsedAtMs: Math.max(atMs, token.lastUsedAtMs ?? 0) });
  }

  #find(id: string): [string, IssuedToken] | undefined {
    this.#sweep();
    return [...this.#tokens].find(([, token]) => token.id === id);
  }

  #sweep(): void {
    const nowMs = this.#clock.nowMs();
    for (const [hash, { expiresAtMs }] of this.#tokens) {
      if (expiresAtMs + endedKeptMs <= nowMs) this.#tokens.delete(hash);
    }
  }
}
