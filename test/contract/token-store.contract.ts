import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock.ts';
import {
  endedKeptMs,
  generateIssuedToken,
  mostTokens,
  type NewToken,
  newTokenId,
  type TokenStore,
  tokenHashOf,
} from '../../src/review/tokens.ts';

const dayMs = 86_400_000;

/** What every store of tokens has to do. */
export const tokenStoreContract = (open: (clock: ManualClock) => TokenStore): void => {
  const stage = () => {
    const clock = new ManualClock();
    const tokenOf = (more: Partial<NewToken> = {}): NewToken => ({
      id: newTokenId(),
      name: 'anna',
      role: 'reviewer',
      tenants: ['acme', 'näh-"{}'],
      createdBy: 'root',
      createdAtMs: clock.nowMs(),
      expiresAtMs: clock.nowMs() + dayMs,
      ...more,
    });
    return { clock, store: open(clock), tokenOf };
  };
  const hash = () => tokenHashOf(generateIssuedToken());

  describe('a store of tokens', () => {
    it('gives back by its hash what was added, and nothing for another hash', async () => {
      const { store, tokenOf } = stage();
      const token = tokenOf();
      const own = hash();
      expect(await store.add(token, own)).toBe(true);
      expect(await store.byHash(own)).toEqual({ ...token, lastUsedAtMs: null });
      expect(await store.byHash(hash())).toBeNull();
    });

    it('lists the newest first, and knows tokens for all tenants', async () => {
      const { store, clock, tokenOf } = stage();
      const first = tokenOf({ tenants: null });
      await store.add(first, hash());
      clock.advance(1000);
      const second = tokenOf({ role: 'enforcer' });
      await store.add(second, hash());
      expect(await store.list()).toEqual([
        { ...second, lastUsedAtMs: null },
        { ...first, lastUsedAtMs: null },
      ]);
    });

    it('does not know a token any more from the moment it is revoked', async () => {
      const { store, tokenOf } = stage();
      const [token, other] = [tokenOf(), tokenOf()];
      const own = hash();
      await store.add(token, own);
      await store.add(other, hash());
      expect(await store.revoke(token.id)).toEqual({ ...token, lastUsedAtMs: null });
      expect(await store.byHash(own)).toBeNull();
      expect((await store.list()).map(({ id }) => id)).toEqual([other.id]);
      expect(await store.revoke(token.id)).toBeNull();
    });

    it('tells of one that has ended for a week, and then has forgotten it', async () => {
      const { store, clock, tokenOf } = stage();
      const token = tokenOf();
      const own = hash();
      await store.add(token, own);
      clock.advance(dayMs + endedKeptMs - 1);
      expect((await store.byHash(own))?.id).toBe(token.id);
      clock.advance(1);
      expect(await store.byHash(own)).toBeNull();
      expect(await store.list()).toEqual([]);
    });

    it('notes the latest use, and none of a token that is gone', async () => {
      const { store, clock, tokenOf } = stage();
      const token = tokenOf();
      const own = hash();
      await store.add(token, own);
      await store.noteUse(token.id, clock.nowMs() + 5000);
      await store.noteUse(token.id, clock.nowMs() + 3000);
      expect((await store.byHash(own))?.lastUsedAtMs).toBe(clock.nowMs() + 5000);
      await store.revoke(token.id);
      await store.noteUse(token.id, clock.nowMs() + 9000);
      expect(await store.list()).toEqual([]);
    });

    it('holds no more than it may, and has room again when some have ended', async () => {
      const { store, clock, tokenOf } = stage();
      await Promise.all(Array.from({ length: mostTokens }, () => store.add(tokenOf(), hash())));
      expect(await store.add(tokenOf(), hash())).toBe(false);
      expect(await store.list()).toHaveLength(mostTokens);
      clock.advance(dayMs + endedKeptMs);
      expect(await store.add(tokenOf(), hash())).toBe(true);
      expect(await store.list()).toHaveLength(1);
    });
  });
};
