import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/api/authenticator.ts';
import { IssuedTokens } from '../../../src/api/issued-tokens.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryTokenStore } from '../../../src/embedded/memory-token-store.ts';
import {
  generateIssuedToken,
  isWholeToken,
  type NewToken,
  nameProblem,
  newTokenId,
  tokenHashOf,
  usedEveryMs,
} from '../../../src/review/tokens.ts';

const dayMs = 86_400_000;

class WatchedStore extends MemoryTokenStore {
  isAway = false;
  asked = 0;
  noted = 0;

  override async byHash(hash: string) {
    this.asked += 1;
    if (this.isAway) throw new Error('away');
    return super.byHash(hash);
  }

  override async noteUse(id: string, atMs: number) {
    this.noted += 1;
    return super.noteUse(id, atMs);
  }
}

const stage = async (more: Partial<NewToken> = {}) => {
  const clock = new ManualClock();
  const store = new WatchedStore({ clock });
  const issued = new IssuedTokens({ store, clock });
  const text = generateIssuedToken();
  const token: NewToken = {
    id: newTokenId(),
    name: 'anna',
    role: 'reviewer',
    tenants: ['acme'],
    createdBy: 'root',
    createdAtMs: clock.nowMs(),
    expiresAtMs: clock.nowMs() + dayMs,
    ...more,
  };
  await store.add(token, tokenHashOf(text));
  const ask = async (given = text, isSuspect = false): Promise<Finding> => issued.identify(given, isSuspect);
  return { clock, store, issued, text, token, ask };
};

const kindOf = async (finding: Promise<Finding>) => (await finding).kind;

describe('issued tokens', () => {
  it('say who holds them, in which role, for which tenants and how long', async () => {
    const { ask, token } = await stage();
    expect(await ask()).toEqual({
      kind: 'holder',
      holder: {
        reviewer: { name: 'anna', role: 'reviewer', tenants: ['acme'] },
        expiresAtMs: token.expiresAtMs,
      },
    });
  });

  it('are asked about once a second, and once however many requests carry one at a time', async () => {
    const { ask, store, clock } = await stage();
    await Promise.all(Array.from({ length: 20 }, () => ask()));
    expect(store.asked).toBe(1);
    clock.advance(999);
    await ask();
    expect(store.asked).toBe(1);
    clock.advance(1);
    await ask();
    expect(store.asked).toBe(2);
  });

  it('are refused within two seconds after they are revoked', async () => {
    const { ask, store, clock, token } = await stage();
    expect(await kindOf(ask())).toBe('holder');
    await store.revoke(token.id);
    clock.advance(1999);
    expect(await kindOf(ask())).toBe('unknown');
  });

  it('are told to have expired from their very end, also between two questions to the store', async () => {
    const { ask, clock } = await stage({ expiresAtMs: new ManualClock().nowMs() + 500 });
    clock.advance(499);
    expect(await kindOf(ask())).toBe('holder');
    clock.advance(1);
    expect(await ask()).toMatchObject({ kind: 'expired', detail: expect.stringContaining('2025-06-15T15:06:40.500Z') });
  });

  it('go on for five minutes while the store is away, if they are known; others are told that it is away', async () => {
    const { ask, store, clock, issued } = await stage();
    await ask();
    store.isAway = true;
    clock.advance(299_999);
    expect(await kindOf(ask())).toBe('holder');
    expect(await kindOf(ask(generateIssuedToken()))).toBe('away');
    clock.advance(1);
    expect(await kindOf(ask())).toBe('away');
    store.isAway = false;
    clock.advance(1000);
    expect((await issued.identify(generateIssuedToken(), false)).kind).toBe('unknown');
    expect(await kindOf(ask())).toBe('holder');
  });

  it('do not wait for a store that has just failed', async () => {
    const { ask, store, clock } = await stage();
    await ask();
    store.isAway = true;
    clock.advance(1000);
    for (let n = 0; n < 50; n += 1) await ask();
    expect(store.asked).toBe(2);
  });

  it('have their use noted every few minutes, not with every request', async () => {
    const { ask, store, clock } = await stage();
    for (let n = 0; n < 50; n += 1) {
      await ask();
      clock.advance(2000);
    }
    expect(store.noted).toBe(1);
    clock.advance(usedEveryMs);
    await ask();
    expect(store.noted).toBe(2);
    expect((await store.list())[0]?.lastUsedAtMs).toBe(clock.nowMs());
  });
});

describe('a flood of tokens that nobody knows', () => {
  it('reaches the store not at all when they are made up', async () => {
    const { ask, store } = await stage();
    for (let n = 0; n < 1000; n += 1) expect(await kindOf(ask(`tgt_${'x'.repeat(43)}${100_000 + n}`))).toBe('unknown');
    expect(store.asked).toBe(0);
  });

  it('reaches the store at most a few dozen times when they are well-formed, and stops nobody who is known', async () => {
    const { ask, store, clock } = await stage();
    await ask();
    const kinds = new Set<string>();
    for (let n = 0; n < 5000; n += 1) kinds.add(await kindOf(ask(generateIssuedToken())));
    expect(store.asked).toBeLessThanOrEqual(51);
    expect(kinds).toEqual(new Set(['unknown', 'held-back']));
    clock.advance(1500);
    expect(await kindOf(ask())).toBe('holder');
    clock.advance(1000);
    expect(await kindOf(ask(generateIssuedToken()))).toBe('unknown');
  });

  it('asks once about the same token', async () => {
    const { ask, store } = await stage();
    const same = generateIssuedToken();
    for (let n = 0; n < 100; n += 1) await ask(same);
    expect(store.asked).toBe(1);
  });

  it('asks about nothing new from an address that is suspect, and goes on with who is known', async () => {
    const { ask, store, text, clock } = await stage();
    expect(await kindOf(ask(text, true))).toBe('held-back');
    expect(store.asked).toBe(0);
    await ask();
    clock.advance(5000);
    expect(await kindOf(ask(text, true))).toBe('holder');
  });
});

describe('what a token looks like', () => {
  it('tells a typo in any place', () => {
    const text = generateIssuedToken();
    expect(isWholeToken(text)).toBe(true);
    for (let at = 0; at < text.length; at += 1) {
      const typo = `${text.slice(0, at)}${text[at] === '0' ? '1' : '0'}${text.slice(at + 1)}`;
      expect(isWholeToken(typo), typo).toBe(false);
    }
    expect(isWholeToken(text.slice(0, -1))).toBe(false);
  });

  it.each(['', '-a', 'a b', 'a\nb', '<b>', 'détecteur', 'detector', 'Detector', 'quality', 'a'.repeat(65), "o'hara"])(
    'gives nobody the name %j',
    (name) => {
      expect(nameProblem(name)).not.toBeNull();
    },
  );

  it.each(['anna', 'anna@example.com', 'auth0|5f7c', 'svc-edge.1'])('gives somebody the name %j', (name) => {
    expect(nameProblem(name)).toBeNull();
  });
});
