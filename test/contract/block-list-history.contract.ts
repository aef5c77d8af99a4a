import { expect, it } from 'vitest';
import type { LoggedChange } from '../../src/blocklist/change-log.ts';
import type { NotedRule } from '../../src/blocklist/rule-book.ts';
import { clientA, clientB } from '../support/promotions.ts';
import {
  ada,
  dayMs,
  falsePositive,
  goodwill,
  hourMs,
  ip,
  minuteMs,
  type OnStage,
  type Stage,
  startMs,
} from './block-list-stage.ts';

const invalid = { code: 'INPUT_INVALID' };

const lastLogged = async (stage: Stage): Promise<LoggedChange | undefined> => {
  const page = await stage.list.loggedAfter(null, 1000);
  return page.kind === 'gap' ? undefined : page.changes.at(-1);
};

/** What was done to a block, and what was said of it. */
export const historyContract = (onStage: OnStage): void => {
  it('tells every step of a block by whom, why and how it left it', async () => {
    const stage = onStage();
    const { id } = await stage.made({}, { mode: 'review' });
    stage.clock.advance(1000);
    await stage.list.transition(id, { kind: 'assign', assignee: 'bob', ...ada });
    await stage.list.transition(id, { kind: 'activate', ...ada, batchId: 'batch-1' });
    await stage.list.comment(id, { actor: 'bob', note: 'a scanner' });
    await stage.list.transition(id, { ...falsePositive, note: 'a partner' });
    await stage.list.transition(id, { kind: 'undo', ...ada });
    const steps = await stage.list.history(id);
    const until = startMs + minuteMs;
    expect(
      steps.map(({ kind, actor, reasonCode, note, batchId, version, state, expiresAtMs, assignee }) => [
        ...[kind, actor, reasonCode, note, batchId, version, state, expiresAtMs - until, assignee],
      ]),
    ).toEqual([
      ['made', 'detector', '', 'rule breadth asks for review', '', 1, 'proposed', 0, ''],
      ['assign', 'ada', '', 'looked at it', '', 2, 'proposed', 0, 'bob'],
      ['activate', 'ada', '', 'looked at it', 'batch-1', 3, 'active', 1000, 'bob'],
      ['comment', 'bob', '', 'a scanner', '', 3, 'active', 1000, 'bob'],
      ['lift', 'ada', 'false-positive', 'a partner', '', 4, 'lifted', 1000, 'bob'],
      ['undo', 'ada', '', 'looked at it', '', 5, 'active', 1000, 'bob'],
    ]);
    expect(steps.map(({ atMs }) => atMs - startMs)).toEqual([0, 1000, 1000, 1000, 1000, 1000]);
    expect(steps.every(({ action }) => action.kind === 'refuse')).toBe(true);
  });

  it('knows how blocks were made, and what ended them beside their own steps', async () => {
    const stage = onStage();
    const first = await stage.added(clientA);
    const second = await stage.added(clientA, { batchId: 'b7' });
    await stage.allow(clientA, { note: 'a friend' });
    const kinds = async (id: string) =>
      (await stage.list.history(id)).map(({ kind, reasonCode, batchId }) => [kind, reasonCode, batchId]);
    expect(await kinds(first.id)).toEqual([
      ['made', '', ''],
      ['superseded', '', 'b7'],
    ]);
    expect(await kinds(second.id)).toEqual([
      ['made', '', ''],
      ['lift', 'allow-list', ''],
    ]);
    await stage.import([clientB]);
    await stage.import([clientB], { note: 'again' });
    expect(await stage.list.history('l-bad')).toMatchObject([
      { kind: 'made', version: 1 },
      { kind: 'made', version: 2, note: 'again' },
    ]);
    expect(await stage.list.history('b-none')).toEqual([]);
  });

  it('takes comments on any block, which stays as it is, and refuses empty ones', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    await stage.list.transition(id, goodwill);
    const before = await stage.list.get(id);
    const step = await stage.list.comment(id, { actor: 'bob', note: 'why?', batchId: 'b1' });
    expect(step).toMatchObject({
      kind: 'comment',
      actor: 'bob',
      note: 'why?',
      batchId: 'b1',
      state: 'lifted',
      version: 2,
    });
    expect(await stage.list.get(id)).toEqual(before);
    expect((await stage.list.history(id)).at(-1)).toEqual(step);
    await stage.list.transition(id, { kind: 'undo', ...ada });
    for (const note of ['', '  ', 'x'.repeat(2001)]) {
      await expect(stage.list.comment(id, { actor: 'bob', note })).rejects.toMatchObject(invalid);
    }
    await expect(stage.list.comment(id, { ...ada, batchId: 'no spaces' })).rejects.toMatchObject(invalid);
    await expect(stage.list.comment('b-none', ada)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
  });

  it('keeps the newest 200 steps, the making among them', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    for (let index = 0; index < 205; index += 1) await stage.list.comment(id, { actor: 'bob', note: `c${index}` });
    const steps = await stage.list.history(id);
    expect(steps).toHaveLength(200);
    expect([steps[0]?.kind, steps[1]?.note, steps.at(-1)?.note]).toEqual(['made', 'c6', 'c204']);
  });

  it('tells the audit what a person did beside how the block was left', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    expect((await lastLogged(stage))?.step).toBeUndefined();
    await stage.list.comment(id, { actor: 'bob', note: 'hm' });
    expect(await lastLogged(stage)).toMatchObject({
      block: { id, state: 'active', version: 1, actor: 'detector' },
      step: { kind: 'comment', actor: 'bob', note: 'hm', reasonCode: '', batchId: '' },
    });
    await stage.list.transition(id, { kind: 'assign', assignee: 'bob', ...ada, batchId: 'b9' });
    expect(await lastLogged(stage)).toMatchObject({
      block: { version: 2, assignee: 'bob' },
      step: { kind: 'assign', batchId: 'b9' },
    });
    await stage.list.transition(id, falsePositive);
    expect(await lastLogged(stage)).toMatchObject({
      block: { label: 'false-positive' },
      step: { kind: 'lift', reasonCode: 'false-positive' },
    });
    await stage.list.transition(id, { kind: 'undo', ...ada });
    expect(await lastLogged(stage)).toMatchObject({
      block: { state: 'active', label: null, version: 4 },
      step: { kind: 'undo' },
    });
  });
};

/** What people say of rules. */
export const judgementContract = (onStage: OnStage): void => {
  it('counts of each content of a rule what it made and what people said, each block once', async () => {
    const stage = onStage();
    const make = (index: number, ruleHash: string, mode: 'enforce' | 'review' | 'shadow' = 'enforce') =>
      stage.made({ id: `j${index}`, ruleHash, subject: ip(`192.0.2.${index}`) }, { mode });
    for (const index of [1, 2, 3]) await make(index, 'one');
    await make(4, 'two', 'review');
    await make(5, 'two', 'shadow');
    await stage.list.transition((await stage.added(clientA)).id, { kind: 'confirm', ...ada });
    expect(await stage.list.judgements()).toEqual([
      { rule: 'breadth', ruleHash: 'one', made: 3, confirmed: 0, falsePositives: 0, goodwill: 0, lastLabelAtMs: null },
      { rule: 'breadth', ruleHash: 'two', made: 1, confirmed: 0, falsePositives: 0, goodwill: 0, lastLabelAtMs: null },
    ]);
    await stage.list.transition('b-j1', { kind: 'confirm', ...ada });
    stage.clock.advance(1000);
    await stage.list.transition('b-j2', { kind: 'confirm', ...ada });
    await stage.list.transition('b-j4', goodwill);
    stage.clock.advance(1000);
    await stage.list.transition('b-j2', falsePositive);
    expect(await stage.list.judgements()).toMatchObject([
      { made: 3, confirmed: 1, falsePositives: 1, goodwill: 0, lastLabelAtMs: startMs + 2000 },
      { made: 1, confirmed: 0, falsePositives: 0, goodwill: 1, lastLabelAtMs: startMs + 1000 },
    ]);
    await stage.list.transition('b-j2', { kind: 'undo', ...ada });
    expect((await stage.list.judgements())[0]).toMatchObject({
      confirmed: 2,
      falsePositives: 0,
      lastLabelAtMs: startMs + 1000,
    });
    expect((await stage.list.get('b-j2'))?.label).toBe('confirmed');
  });

  it('counts a label once, however many say it at once', async () => {
    const stage = onStage();
    for (let index = 0; index < 8; index += 1) await stage.made({ id: `c${index}`, subject: ip(`192.0.2.${index}`) });
    const acts = Array.from({ length: 8 }, (_, index) => [
      stage.list.transition(`b-c${index}`, { kind: 'confirm', ...ada }),
      stage.list.transition(`b-c${index}`, { kind: 'confirm', ...ada }),
      stage.list.transition(`b-c${index}`, falsePositive),
      stage.list.transition(`b-c${index}`, { kind: 'undo', ...ada }),
      stage.list.transition(`b-c${index}`, goodwill),
    ]).flat();
    await Promise.allSettled(acts);
    const { blocks } = await stage.list.list({});
    const count = (label: string): number => blocks.filter((block) => block.label === label).length;
    expect(await stage.list.judgements()).toMatchObject([
      { made: 8, confirmed: count('confirmed'), falsePositives: count('false-positive'), goodwill: count('goodwill') },
    ]);
  });
};

const rule = (name: string, hash: string, change: Partial<NotedRule> = {}): Omit<NotedRule, 'notedAtMs'> => ({
  ...{ name, hash, mode: 'enforce', canaryPercent: 100, owner: 'security', reviewByMs: null },
  precision: { floor: 0.6, minLabels: 20 },
  definition: JSON.stringify({ name, hash }),
  ...change,
});

/** Which rules there are. */
export const ruleBookContract = (onStage: OnStage): void => {
  it('knows the rules noted last within a day, and every content that a block may carry', async () => {
    const stage = onStage();
    expect([await stage.list.notedRules(), await stage.list.ruleByHash('h1')]).toEqual([[], null]);
    await stage.list.noteRules([rule('depth', 'h2'), rule('breadth', 'h1')]);
    stage.clock.advance(hourMs);
    const changed = rule('breadth', 'h3', { mode: 'shadow', precision: null, reviewByMs: startMs });
    await stage.list.noteRules([changed]);
    expect(await stage.list.notedRules()).toEqual([
      { ...changed, notedAtMs: startMs + hourMs },
      { ...rule('depth', 'h2'), notedAtMs: startMs },
    ]);
    expect(await stage.list.ruleByHash('h1')).toEqual({ ...rule('breadth', 'h1'), notedAtMs: startMs });
    stage.clock.advance(dayMs - hourMs);
    expect((await stage.list.notedRules()).map(({ name }) => name)).toEqual(['breadth']);
    expect((await stage.list.ruleByHash('h2'))?.name).toBe('depth');
  });

  it('refuses names that are none, and more rules than there can be', async () => {
    const stage = onStage();
    const many = Array.from({ length: 501 }, (_, index) => rule(`r${index}`, `h${index}`));
    for (const rules of [[rule('no spaces', 'h')], [rule('a', '')], many]) {
      await expect(stage.list.noteRules(rules)).rejects.toMatchObject(invalid);
    }
    await stage.list.noteRules(many.slice(0, 500));
    expect(await stage.list.notedRules()).toHaveLength(500);
  });
};
