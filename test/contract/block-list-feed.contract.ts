import fc from 'fast-check';
import { expect, it } from 'vitest';
import { clientA, clientB } from '../support/promotions.ts';
import {
  ada,
  begun,
  goodwill,
  hourMs,
  ip,
  keyOfA,
  minuteMs,
  network,
  type OnStage,
  type Stage,
  startMs,
} from './block-list-stage.ts';

/** What gates follow. */
export const feedContract = (onStage: OnStage): void => {
  it('tells a follower what happened after its cursor, at most as much as asked, each change once', async () => {
    const stage = await begun(onStage());
    const start = await stage.cursor();
    const made = await stage.made();
    await stage.made({ subject: clientB });
    await stage.list.transition(made.id, goodwill);
    const first = await stage.list.changesAfter(start, 1);
    if (first.kind === 'gap') throw new Error('a gap');
    expect(first.changes).toMatchObject([
      { kind: 'added', sequence: start.sequence + 1, entries: [{ subjectKey: keyOfA }] },
    ]);
    const rest = await stage.list.changesAfter(first.cursor, 10);
    if (rest.kind === 'gap') throw new Error('a gap');
    expect(rest.changes).toMatchObject([
      { kind: 'added', sequence: start.sequence + 2 },
      { kind: 'removed', sequence: start.sequence + 3, entries: [{ subjectKey: keyOfA, blockId: made.id }] },
    ]);
    const end = await stage.list.changesAfter(rest.cursor, 10);
    expect(end).toEqual({ kind: 'changes', cursor: rest.cursor, changes: [] });
    expect(rest.cursor).toEqual(await stage.cursor());
  });

  it('says that there is a gap: in another epoch, ahead of the list, or behind what is kept', async () => {
    const stage = onStage({ maxChanges: 5 });
    for (let index = 0; index < 20; index += 1) await stage.made({ subject: ip(`198.51.100.${index}`) });
    const { epoch, sequence } = await stage.cursor();
    expect(await stage.list.changesAfter({ epoch: 'other', sequence }, 10)).toEqual({ kind: 'gap' });
    expect(await stage.list.changesAfter({ epoch, sequence: 1 }, 10)).toEqual({ kind: 'gap' });
    expect(await stage.list.changesAfter({ epoch, sequence: sequence - 5 }, 10)).toMatchObject({ kind: 'changes' });
    for (let after = 0; after < sequence; after += 1) {
      const answer = await stage.list.changesAfter({ epoch, sequence: after }, 100);
      const told = answer.kind === 'gap' ? [] : answer.changes.map((change) => change.sequence);
      expect(told).toEqual(told.map((_, index) => after + 1 + index));
      if (answer.kind === 'changes') expect(told.at(-1)).toBe(sequence);
    }
    // Last: a list that was rolled back may begin a new epoch when it finds out.
    expect(await stage.list.changesAfter({ epoch, sequence: sequence + 1 }, 10)).toEqual({ kind: 'gap' });
  });

  it('counts a change for every write, and none for what changed nothing', async () => {
    const stage = await begun(onStage());
    const counted = async (act: () => Promise<unknown>) => (await stage.told(act)).length;
    expect(await counted(() => stage.promote({ id: 'v' }))).toBe(1);
    expect(await counted(() => stage.promote({ id: 'v' }))).toBe(0);
    expect(await counted(() => stage.promote())).toBe(0);
    expect(await counted(() => stage.promote({ subject: clientB }, { mode: 'off' }))).toBe(0);
    expect(await counted(() => stage.list.transition('b-v', { kind: 'confirm', ...ada }))).toBe(1);
    expect(await counted(() => stage.add(clientB))).toBe(1);
    expect(await counted(() => stage.add(clientB))).toBe(2);
    expect(await counted(() => stage.allow(ip('192.0.2.9')))).toBe(1);
    expect(await counted(() => stage.allow(clientB))).toBe(2);
    expect(await counted(() => stage.add(clientB))).toBe(0);
    expect(await counted(() => stage.list.disallow(clientB, ada))).toBe(1);
    expect(await counted(() => stage.list.disallow(clientB, ada))).toBe(0);
    expect(await counted(() => stage.import([]))).toBe(1);
    const off = { untilMs: startMs + hourMs, ...ada };
    expect(await counted(() => stage.list.setSwitch('blocks', off, ada))).toBe(1);
    expect(await counted(() => stage.list.override({ rule: 'r', mode: 'off', ...off }))).toBe(1);
    expect(await counted(() => stage.list.endOverride('r', ada))).toBe(1);
    expect(await counted(() => stage.list.resetBreaker('r', ada))).toBe(0);
    expect(await counted(() => stage.list.noteTraffic([]))).toBe(0);
  });

  it('reads a long list page by page, as it was at the first page or as the changes after it tell', async () => {
    const stage = onStage();
    const subjects = Array.from({ length: 12_000 }, (_, n) => ip(`10.${n >> 8}.${n & 255}.1`));
    await stage.import(subjects);
    const first = await stage.list.snapshot();
    const held = new Set(first.entries.map(({ subjectKey }) => subjectKey));
    let pages = 1;
    for (let next = first.nextPage; next !== null; pages += 1) {
      if (pages === 1) await stage.allow(ip('10.0.0.1'));
      const page = await stage.list.snapshot(next);
      expect(page.sequence).toBe(first.sequence);
      for (const { subjectKey } of page.entries) held.add(subjectKey);
      next = page.nextPage;
    }
    const after = await stage.list.changesAfter(first, 10);
    if (after.kind === 'gap') throw new Error('a gap');
    for (const change of after.changes) {
      if (change.kind === 'removed') for (const { subjectKey } of change.entries) held.delete(subjectKey);
    }
    expect(pages).toBeGreaterThan(1);
    expect(held.size).toBe(11_999);
  });

  it('tells gates what is switched off, until it ends by itself or is switched on', async () => {
    const stage = onStage();
    const off = { untilMs: startMs + hourMs, ...ada };
    expect(await stage.list.switches()).toEqual({ blocks: null, limits: null });
    const changes = await stage.told(async () => {
      expect(await stage.list.setSwitch('limits', off, ada)).toEqual({ blocks: null, limits: off });
      await stage.list.setSwitch('blocks', { ...off, untilMs: startMs + minuteMs }, ada);
    });
    expect(changes).toMatchObject([
      { kind: 'switched', switches: { blocks: null, limits: off } },
      { kind: 'switched', switches: { blocks: { untilMs: startMs + minuteMs }, limits: off } },
    ]);
    expect((await stage.snapshot()).switches.blocks).toMatchObject({ actor: 'ada' });
    stage.clock.advance(minuteMs);
    expect(await stage.list.switches()).toEqual({ blocks: null, limits: off });
    expect((await stage.snapshot()).switches).toEqual({ blocks: null, limits: off });
    expect(await stage.list.setSwitch('limits', null, ada)).toEqual({ blocks: null, limits: null });
    expect((await stage.snapshot()).switches.limits).toBeNull();
  });

  it('adds up what blocks kept away, of each and of all', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    await stage.import([clientB]);
    const note = (blockId: string, refused: number, lastAtMs: number) => ({
      blockId,
      refused,
      commands: refused * 2,
      bytes: refused * 100,
      lastAtMs,
    });
    await stage.list.noteRefusals([note(id, 3, startMs + 5), note('b-none', 9, startMs), note('l-bad', 1, startMs)]);
    await stage.list.noteRefusals([note(id, 2, startMs + 2)]);
    expect(await stage.list.refusals([id, 'b-none', 'l-bad'])).toEqual([
      note(id, 5, startMs + 5),
      note('l-bad', 1, startMs),
    ]);
    const { blockId: _, ...all } = note('', 6, startMs + 5);
    expect(await stage.list.allRefusals()).toEqual(all);
    expect(await stage.list.refusals([])).toEqual([]);
  });
};

type Step = readonly ['promote' | 'lift' | 'allow' | 'disallow' | 'add' | 'import' | 'wait' | 'follow', number];
const kinds = ['promote', 'lift', 'allow', 'disallow', 'add', 'import', 'wait', 'follow'] as const;
const subjects = [clientA, clientB, network('203.0.113.0/24'), network('203.0.113.8/30'), ip('192.0.2.1')];

const act = async (stage: Stage, [kind, number]: Step): Promise<unknown> => {
  const subject = subjects[number % subjects.length] ?? clientA;
  if (kind === 'promote') return stage.promote({ subject });
  if (kind === 'allow') return stage.allow(subject, { untilMs: stage.nowMs + 45_000 });
  if (kind === 'disallow') return stage.list.disallow(subject, ada);
  if (kind === 'add') return stage.add(subject, { untilMs: stage.nowMs + 50_000 });
  if (kind === 'import') return stage.import(subjects.slice(number % 6), { untilMs: stage.nowMs + 70_000 });
  if (kind === 'wait') return stage.clock.advance(number * 1000);
  const { entries } = await stage.list.standing(subject);
  const block = entries[0] && (await stage.list.get(entries[0].blockId));
  return block && stage.list.transition(block.id, { ...goodwill, tombstoneMs: 1000 });
};

/** What a follower holds: entries and exemptions in force, by subject. */
class Follower {
  readonly #stage: Stage;
  #cursor: { epoch: string; sequence: number } | null = null;
  readonly entries = new Map<string, { blockId: string; expiresAtMs: number }>();
  readonly exemptions = new Map<string, number>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async follow(): Promise<void> {
    const answer = this.#cursor && (await this.#stage.list.changesAfter(this.#cursor, 1000));
    if (!answer || answer.kind === 'gap') return this.#begin();
    for (const change of answer.changes) {
      if (change.kind === 'added') for (const entry of change.entries) this.entries.set(entry.subjectKey, entry);
      if (change.kind === 'removed') {
        for (const { subjectKey, blockId } of change.entries) {
          if (this.entries.get(subjectKey)?.blockId === blockId) this.entries.delete(subjectKey);
        }
      }
      if (change.kind === 'exempted') this.exemptions.set(change.exemption.subjectKey, change.exemption.untilMs);
    }
    this.#cursor = answer.cursor;
  }

  async #begin(): Promise<void> {
    const { epoch, sequence, entries, exemptions } = await this.#stage.snapshot();
    this.entries.clear();
    this.exemptions.clear();
    for (const entry of entries) this.entries.set(entry.subjectKey, entry);
    for (const { subjectKey, untilMs } of exemptions) this.exemptions.set(subjectKey, untilMs);
    this.#cursor = { epoch, sequence };
  }

  inForce(): unknown {
    const { nowMs } = this.#stage;
    const entries = [...this.entries].filter(([, { expiresAtMs }]) => expiresAtMs > nowMs);
    const exemptions = [...this.exemptions].filter(([, untilMs]) => untilMs > nowMs);
    return {
      entries: entries.map(([key, { blockId, expiresAtMs }]) => `${key} ${blockId} ${expiresAtMs}`).sort(),
      exemptions: exemptions.map(([key, untilMs]) => `${key} ${untilMs}`).sort(),
    };
  }
}

export const followingContract = (onStage: OnStage): void => {
  it('keeps who follows changes equal to who reads it all, whatever happened', async () => {
    const step = fc.tuple(fc.constantFrom(...kinds), fc.nat(60));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const stage = await begun(onStage({ maxChanges: 6 }));
        const follower = new Follower(stage);
        for (const one of steps) await (one[0] === 'follow' ? follower.follow() : act(stage, one));
        await follower.follow();
        const fresh = new Follower(stage);
        await fresh.follow();
        expect(follower.inForce()).toEqual(fresh.inForce());
      }),
      { numRuns: 20 },
    );
  });
};
