import { expect, it } from 'vitest';
import type { BlockSubject } from '../../src/client.ts';
import { clientA, clientB, sharedFrom } from '../support/promotions.ts';
import {
  ada,
  dayMs,
  falsePositive,
  hourMs,
  ip,
  keyOfA,
  minuteMs,
  network,
  type OnStage,
  type Stage,
  startMs,
  user,
} from './block-list-stage.ts';

const partner: BlockSubject = { kind: 'key', id: 'partner' };
const around = network('203.0.113.0/24');

const serve = (stage: Stage, clientKey: string, address = clientA.id) =>
  stage.list.noteIdentities([{ address, clientKey }]);

/** Allowed keys and users, behind the addresses that they were served at. */
export const senderContract = (onStage: OnStage): void => {
  it('makes no block of an address or a network behind which somebody was served who is allowed, or a canary', async () => {
    for (const [kind, reason] of [
      ['allow', 'allow-list'],
      ['canary', 'canary'],
    ] as const) {
      const stage = onStage();
      await stage.allow(partner, { kind });
      expect((await stage.promote({}, { mode: 'shadow' })).kind).toBe('shadow');
      await serve(stage, 'key:partner');
      for (const mode of ['enforce', 'review', 'shadow'] as const) {
        for (const subject of [clientA, around, ip(clientA.id, 'acme')]) {
          expect(await stage.promote({ subject }, { mode })).toEqual({ kind: 'suppressed', reason });
        }
      }
      expect((await stage.promote({ subject: clientB })).kind).toBe('activated');
      expect((await stage.promote({ subject: network('203.0.112.0/24') })).kind).toBe('activated');
      expect((await stage.promote({ subject: user('alice') })).kind).toBe('activated');
    }
  });

  it('asks for those behind an address in the order of all protections', async () => {
    const stage = onStage();
    const block = await stage.made();
    await stage.list.transition(block.id, falsePositive);
    const shared = sharedFrom(1, { kind: 'suppress' });
    const ask = () => stage.promote({}, { shared });
    await serve(stage, 'key:partner');
    await serve(stage, 'user:alice');
    expect(await ask()).toEqual({ kind: 'suppressed', reason: 'tombstone' });
    await stage.allow(partner, { kind: 'canary' });
    expect(await ask()).toEqual({ kind: 'suppressed', reason: 'canary' });
    await stage.allow(user('alice'));
    expect(await ask()).toEqual({ kind: 'suppressed', reason: 'allow-list' });
    await stage.list.disallow(user('alice'), ada);
    await stage.allow(network('203.0.0.0/8'));
    expect(await ask()).toEqual({ kind: 'suppressed', reason: 'allow-list' });
  });

  it('spares an address as long as the entry lasts and the sender is remembered', async () => {
    const stage = onStage();
    const kindAt = async (subject = clientA) => (await stage.promote({ subject }, { mode: 'shadow' })).kind;
    await serve(stage, 'key:partner');
    await stage.allow(partner, { untilMs: startMs + minuteMs });
    expect(await kindAt()).toBe('suppressed');
    stage.clock.advance(minuteMs);
    expect(await kindAt()).toBe('shadow');
    await stage.allow(partner, { untilMs: startMs + 9 * dayMs });
    expect(await kindAt()).toBe('suppressed');
    expect(await stage.list.disallow(partner, ada)).toBe(true);
    expect(await kindAt()).toBe('shadow');
    await stage.allow(partner, { untilMs: startMs + 9 * dayMs });
    expect(await kindAt()).toBe('suppressed');
    stage.clock.advance(dayMs);
    expect(await kindAt()).toBe('shadow');
  });

  it('spares within a tenant for whom that tenant allows, and in each for whom all do', async () => {
    const stage = onStage();
    await serve(stage, 'user:alice');
    await stage.allow(user('alice', 'acme/eu'));
    expect(await stage.promote({ subject: ip(clientA.id, 'acme/eu') })).toMatchObject({ reason: 'allow-list' });
    expect((await stage.promote({ subject: ip(clientA.id, 'other') })).kind).toBe('activated');
    expect((await stage.promote({}, { mode: 'shadow' })).kind).toBe('shadow');
    await stage.allow(user('alice'), { kind: 'canary' });
    expect(await stage.promote()).toMatchObject({ reason: 'canary' });
    expect(await stage.promote({ subject: ip(clientA.id, 'acme/eu') })).toMatchObject({ reason: 'allow-list' });
  });

  it('refuses a block by hand and the activation of a proposal likewise, and tells whose entry it is', async () => {
    const stage = onStage();
    const proposed = await stage.made({ subject: around }, { mode: 'review' });
    await serve(stage, 'key:partner');
    await stage.allow(partner, { note: 'pays for it' });
    for (const subject of [clientA, around]) {
      expect(await stage.add(subject)).toMatchObject({
        kind: 'refused',
        reason: 'allow-list',
        by: { subject: partner, kind: 'allow', note: 'pays for it', actor: 'ada', untilMs: startMs + dayMs },
      });
      expect((await stage.list.standing(subject)).allowed).toMatchObject([{ subject: partner, note: 'pays for it' }]);
    }
    const activation = stage.list.transition(proposed.id, { kind: 'activate', ...ada });
    await expect(activation).rejects.toMatchObject({ code: 'BLOCK_CONFLICT' });
    expect(await stage.enforced()).toEqual([]);
    expect((await stage.list.standing(clientB)).allowed).toEqual([]);
  });

  it('leaves a block that is there, and takes addresses of a list: gates let the sender pass both', async () => {
    const stage = onStage();
    await stage.made();
    await serve(stage, 'key:partner');
    await serve(stage, 'key:partner', clientB.id);
    await stage.allow(partner);
    expect(await stage.import([clientB])).toMatchObject({ added: 1, refused: 0 });
    expect(await stage.enforced()).toEqual([keyOfA, `ip:${clientB.id}`].sort());
    expect((await stage.snapshot()).exemptions).toMatchObject([{ subjectKey: 'key:partner' }]);
  });

  it('finds one of many senders in a wide network, and one of thousands of entries', async () => {
    const stage = onStage();
    const notes = Array.from({ length: 900 }, (_, index) => ({
      address: `198.51.${index % 90}.${index % 7}`,
      clientKey: `key:k${index}`,
    }));
    await stage.list.noteIdentities(notes);
    await stage.allow({ kind: 'key', id: 'k899' }, { untilMs: startMs + hourMs });
    for (let index = 0; index < 30; index += 1) await stage.allow({ kind: 'key', id: `z${index}` });
    const subject = network('198.51.0.0/16');
    expect(await stage.promote({ subject })).toEqual({ kind: 'suppressed', reason: 'allow-list' });
    stage.clock.advance(hourMs);
    expect(await stage.promote({ subject })).toMatchObject({ kind: 'activated' });
  });
};
