import { expect, it } from 'vitest';
import type { Block } from '../../src/blocklist/block.ts';
import type { Promotion } from '../../src/blocklist/block-promoter.ts';
import { clientA, clientB, duration, sharedFrom } from '../support/promotions.ts';
import {
  ada,
  dayMs,
  goodwill,
  hourMs,
  ip,
  keyOfA,
  minuteMs,
  network,
  type OnStage,
  startMs,
  user,
} from './block-list-stage.ts';

/** What becomes of a verdict. */
export const promotionContract = (onStage: OnStage): void => {
  it('makes an active block of a verdict, with its evidence, and puts the client on the list', async () => {
    const stage = onStage();
    const result = await stage.promote({ id: 'v1' });
    expect(result).toMatchObject({
      kind: 'activated',
      block: {
        id: 'b-v1',
        state: 'active',
        version: 1,
        subject: clientA,
        action: { kind: 'refuse' },
        origin: 'detector',
        rule: 'breadth',
        ruleHash: 'abc',
        verdictId: 'v1',
        owner: 'security',
        blockedAtMs: startMs,
        expiresAtMs: startMs + minuteMs,
        strikes: 1,
        reason: '',
        actor: 'detector',
        evidence: { denied: 240, routes: [{ route: 'POST /login', denied: 200 }, { route: 'GET /' }] },
      },
    });
    expect(await stage.list.get('b-v1')).toEqual('block' in result ? result.block : null);
    expect((await stage.snapshot()).entries).toEqual([
      {
        subjectKey: keyOfA,
        blockId: 'b-v1',
        rule: 'breadth',
        expiresAtMs: startMs + minuteMs,
        action: { kind: 'refuse' },
      },
    ]);
  });

  it('makes one block of fifty parallel promotions of one verdict', async () => {
    const stage = onStage();
    const results = await Promise.all(Array.from({ length: 50 }, () => stage.promote({ id: 'v1' })));
    expect(results.filter(({ kind }) => kind === 'activated')).toHaveLength(1);
    expect(results.filter(({ kind }) => kind === 'already')).toHaveLength(49);
    expect((await stage.list.list({})).blocks).toHaveLength(1);
    expect((await stage.cursor()).sequence).toBe(1);
  });

  it('makes one block of parallel verdicts about one client', async () => {
    const stage = onStage();
    const results = await Promise.all(Array.from({ length: 20 }, () => stage.promote()));
    expect(results.filter(({ kind }) => kind === 'activated')).toHaveLength(1);
  });

  it('answers a known verdict as before, even when the block is over or what suppressed it is gone', async () => {
    const stage = onStage();
    const first = await stage.made({ id: 'v1' });
    await stage.allow(clientB);
    expect(await stage.promote({ id: 'v2', subject: clientB })).toEqual({ kind: 'suppressed', reason: 'allow-list' });
    await stage.list.disallow(clientB, ada);
    stage.clock.advance(minuteMs + 1000);
    expect(await stage.promote({ id: 'v1' })).toEqual({ kind: 'already', blockId: first.id });
    expect(await stage.promote({ id: 'v2', subject: clientB })).toEqual({ kind: 'suppressed', reason: 'allow-list' });
  });

  it('records what a rule in shadow would have done: no entry, no strike, no budget, one change', async () => {
    const stage = onStage();
    const shadow: Partial<Promotion> = { mode: 'shadow' };
    const changes = await stage.told(() => stage.made({ id: 'v1' }, shadow));
    expect(changes.map(({ kind }) => kind)).toEqual(['noted']);
    expect(await stage.list.get('b-v1')).toMatchObject({ state: 'shadow', version: 1, strikes: 1 });
    expect((await stage.list.list({ states: ['shadow'] })).blocks.map(({ id }) => id)).toEqual(['b-v1']);
    expect(await stage.enforced()).toEqual([]);
    expect((await stage.list.standing(clientA)).strikes).toEqual([]);
    expect(await stage.made({ id: 'v2' }, shadow)).toMatchObject({ state: 'shadow', strikes: 1 });
    expect(await stage.made({ id: 'v3' })).toMatchObject({ state: 'active', strikes: 1 });
    const all = (await stage.list.breakers()).find(({ rule }) => rule === '*');
    expect(all?.blocks).toBe(1);
    expect(await stage.list.get('b-v1')).toMatchObject({ state: 'shadow' });
  });

  it('proposes what a rule under review concludes, once per client, and blocks nobody', async () => {
    const stage = onStage();
    const first = await stage.made({}, { mode: 'review' });
    expect(first).toMatchObject({ state: 'proposed', reason: 'rule breadth asks for review' });
    expect(await stage.promote({}, { mode: 'review' })).toEqual({ kind: 'already', blockId: first.id });
    expect(await stage.promote()).toEqual({ kind: 'already', blockId: first.id });
    expect(await stage.enforced()).toEqual([]);
    expect((await stage.list.standing(clientA)).proposalId).toBe(first.id);
  });

  it('takes no notice of a rule that is off', async () => {
    const stage = onStage();
    expect(await stage.promote({}, { mode: 'off' })).toEqual({ kind: 'suppressed', reason: 'off' });
  });

  it('lets the block of a network around a client be enough, and the network’s proposal, within its tenant only', async () => {
    const stage = onStage();
    const wide = await stage.made({ subject: network('203.0.113.0/24', 'acme') });
    const inside = ip('203.0.113.9', 'acme');
    expect(await stage.promote({ subject: inside })).toEqual({ kind: 'already', blockId: wide.id });
    expect((await stage.promote({ subject: ip('203.0.113.9', 'other') })).kind).toBe('activated');
    expect((await stage.promote({ subject: ip('203.0.113.9') })).kind).toBe('activated');
    const v6 = await stage.made({ subject: network('2001:db8::/32') }, { mode: 'review' });
    expect(await stage.promote({ subject: ip('2001:db8:1:2::/64') })).toEqual({ kind: 'already', blockId: v6.id });
    expect((await stage.promote({ subject: ip('2001:db9:1:2::/64') })).kind).toBe('activated');
  });

  it('blocks a user within one tenant apart from the same name in another', async () => {
    const stage = onStage();
    await stage.made({ subject: user('alice', 'acme') });
    await stage.made({ subject: user('alice', 'a/c:m%e') });
    await stage.made({ subject: user('alice') });
    expect(await stage.enforced()).toEqual(['a%2Fc%3Am%25e/user:alice', 'acme/user:alice', 'user:alice']);
    expect((await stage.promote({ subject: user('alice', 'third') })).kind).toBe('already');
  });
};

/** Each step of the order, tried with everything behind it in force as well. */
export const precedenceContract = (onStage: OnStage): void => {
  it('asks in the order of precedence: each reason hides the ones after it', async () => {
    const stage = onStage();
    const subject = clientA;
    const late = startMs - duration.maxMs;
    const shared = sharedFrom(1, { kind: 'suppress' });
    const ask = (verdict = {}, promotion = {}) => stage.promote({ subject, ...verdict }, { shared, ...promotion });

    const block = await stage.made({ id: 'known' });
    await stage.list.noteIdentities([{ address: clientA.id, clientKey: 'user:alice' }]);
    expect(await ask()).toEqual({ kind: 'already', blockId: block.id });
    await stage.list.transition(block.id, { ...goodwill, tombstoneMs: dayMs });
    await stage.add(subject);
    expect(await ask()).toEqual({ kind: 'suppressed', reason: 'tombstone' });
    await stage.allow(network('203.0.113.0/24'), { kind: 'canary' });
    expect(await ask()).toEqual({ kind: 'suppressed', reason: 'canary' });
    await stage.allow(network('203.0.112.0/20'));
    expect(await ask()).toEqual({ kind: 'suppressed', reason: 'allow-list' });
    await stage.list.override({ rule: 'breadth', mode: 'off', untilMs: startMs + hourMs, ...ada });
    expect(await ask()).toEqual({ kind: 'suppressed', reason: 'off' });
    expect(await ask({ atMs: late })).toEqual({ kind: 'suppressed', reason: 'stale' });
    expect(await ask({ id: 'known', atMs: late })).toEqual({ kind: 'already', blockId: block.id });
  });

  it('asks the same of a rule in shadow, where an address that people share is suppressed before a proposal is looked for', async () => {
    const stage = onStage();
    const shared = sharedFrom(1, { kind: 'suppress' });
    const proposed = await stage.made({}, { mode: 'review' });
    await stage.list.noteIdentities([{ address: clientA.id, clientKey: 'user:alice' }]);
    expect(await stage.promote({}, { shared })).toEqual({ kind: 'suppressed', reason: 'shared-address' });
    expect(await stage.promote({}, { shared, mode: 'shadow' })).toEqual({
      kind: 'suppressed',
      reason: 'shared-address',
    });
    expect((await stage.promote({}, { mode: 'shadow' })).kind).toBe('shadow');
    expect(await stage.promote()).toEqual({ kind: 'already', blockId: proposed.id });
    await stage.allow(clientA);
    expect(await stage.promote({}, { mode: 'shadow' })).toEqual({ kind: 'suppressed', reason: 'allow-list' });
  });

  it('caps the mode of a rule by its override, until that ends or is ended; never raises it', async () => {
    const stage = onStage();
    const subjects = Array.from({ length: 6 }, (_, index) => ip(`192.0.2.${index}`));
    const kinds: string[] = [];
    const ask = async (index: number, mode: Promotion['mode']) =>
      kinds.push((await stage.promote({ subject: subjects[index] ?? clientA }, { mode })).kind);
    await stage.list.override({ rule: 'breadth', mode: 'review', untilMs: startMs + minuteMs, ...ada });
    await ask(0, 'enforce');
    await ask(1, 'shadow');
    await stage.list.override({ rule: 'breadth', mode: 'shadow', untilMs: startMs + minuteMs, ...ada });
    await ask(2, 'enforce');
    expect(await stage.list.endOverride('breadth', ada)).toBe(true);
    expect(await stage.list.endOverride('breadth', ada)).toBe(false);
    await ask(3, 'enforce');
    await stage.list.override({ rule: 'breadth', mode: 'off', untilMs: startMs + minuteMs, ...ada });
    expect((await stage.list.overrides()).map(({ mode }) => mode)).toEqual(['off']);
    stage.clock.advance(minuteMs);
    await ask(4, 'enforce');
    expect(await stage.list.overrides()).toEqual([]);
    expect(kinds).toEqual(['proposed', 'shadow', 'shadow', 'activated', 'activated']);
  });
};

/** How long blocks last. */
export const strikeContract = (onStage: OnStage): void => {
  it('gives no strike for a known verdict, and a longer block for every further one, up to the cap', async () => {
    const stage = onStage();
    const blocks: Block[] = [];
    for (const id of ['v1', 'v2', 'v3', 'v4', 'v5']) {
      blocks.push(await stage.made({ id }));
      await stage.promote({ id });
      stage.clock.advance(duration.maxMs);
    }
    const seconds = blocks.map(({ expiresAtMs, blockedAtMs }) => (expiresAtMs - blockedAtMs) / 1000);
    expect(seconds).toEqual([60, 120, 240, 300, 300]);
    expect(blocks.map(({ strikes }) => strikes)).toEqual([1, 2, 3, 4, 5]);
    const { strikes } = await stage.list.standing(clientA);
    expect(strikes.map(({ blockId }) => blockId).sort()).toEqual(['b-v1', 'b-v2', 'b-v3', 'b-v4', 'b-v5']);
  });

  it('forgets a strike when its time is over', async () => {
    const stage = onStage();
    await stage.made();
    stage.clock.advance(duration.strikeTtlMs);
    expect((await stage.list.standing(clientA)).strikes).toEqual([]);
    expect(await stage.made()).toMatchObject({ strikes: 1 });
  });

  it('takes the strike of a false positive back, and leaves that of a goodwill', async () => {
    const stage = onStage();
    const first = await stage.made();
    await stage.list.transition(first.id, goodwill);
    const second = await stage.made();
    expect(second.strikes).toBe(2);
    await stage.list.transition(second.id, { ...goodwill, reason: 'false-positive' });
    expect(await stage.made()).toMatchObject({ strikes: 2 });
  });

  it('shortens a block by its random share only', async () => {
    const stage = onStage({ random: () => 0.5 });
    const block = await stage.made({}, { duration: { ...duration, jitter: 0.2 } });
    expect(block.expiresAtMs).toBe(startMs + 54_000);
  });
};

/** Addresses that people share. */
export const sharedContract = (onStage: OnStage): void => {
  const limited = { kind: 'limit', limit: 30, windowMs: minuteMs } as const;
  const officeOf = async (stage: ReturnType<OnStage>, address: string, people: number) => {
    const notes = Array.from({ length: people }, (_, index) => ({ address, clientKey: `user:u${index}` }));
    await stage.list.noteIdentities([...notes, ...notes]);
  };

  it('tells with the evidence who else an address has, and asks nothing of users', async () => {
    const stage = onStage();
    await officeOf(stage, clientA.id, 3);
    expect((await stage.made()).evidence?.collateral).toEqual({ identities: 3 });
    expect((await stage.made({ subject: clientB })).evidence?.collateral).toEqual({ identities: 0 });
    expect((await stage.made({ subject: user('alice') })).evidence?.collateral).toBeNull();
    expect((await stage.list.get('b-v1'))?.evidence?.collateral).toEqual({ identities: 3 });
  });

  it('suppresses or limits from so many identities on, as the rule says', async () => {
    const stage = onStage();
    await officeOf(stage, clientA.id, 3);
    const few = sharedFrom(4, { kind: 'suppress' });
    const suppress = sharedFrom(3, { kind: 'suppress' });
    const limit = sharedFrom(3, limited);
    expect(await stage.promote({}, { shared: suppress })).toEqual({ kind: 'suppressed', reason: 'shared-address' });
    const block = await stage.made({}, { shared: limit });
    expect(block).toMatchObject({ state: 'active', action: limited, evidence: { collateral: { identities: 3 } } });
    expect((await stage.snapshot()).entries).toMatchObject([{ subjectKey: keyOfA, action: limited }]);
    await officeOf(stage, clientB.id, 3);
    expect(await stage.made({ subject: clientB }, { shared: few })).toMatchObject({ action: { kind: 'refuse' } });
  });

  it('counts the distinct identities within a network, and forgets them a day after they were last noted', async () => {
    const stage = onStage();
    await officeOf(stage, '203.0.113.9', 3);
    await officeOf(stage, '203.0.113.77', 5);
    await officeOf(stage, '203.0.114.1', 9);
    await officeOf(stage, '2001:db8:0:1:2:3:4:5', 2);
    const count = async (subject: typeof clientA) => (await stage.list.standing(subject)).identities;
    expect(await count(network('203.0.113.0/24'))).toBe(5);
    expect(await count(ip('2001:db8:0:1::/64'))).toBe(2);
    expect(await count(user('alice'))).toBeNull();
    stage.clock.advance(dayMs - 1000);
    await officeOf(stage, '203.0.113.9', 1);
    stage.clock.advance(1000);
    expect(await count(network('203.0.113.0/24'))).toBe(1);
    stage.clock.advance(dayMs);
    expect(await count(clientA)).toBe(0);
  });
};
