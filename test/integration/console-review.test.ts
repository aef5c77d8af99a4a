import type { Page, Request } from 'playwright-core';
import { expect, it } from 'vitest';
import { noteField, reviewPlay, startNote, untilCurrent } from '../support/console-review-play.ts';
import { describeWith } from '../support/engines.ts';

const { stage, open, openAs, blockOf, stateOf, stepsOf, until } = reviewPlay();

const openQueue = async (place = '/queue'): Promise<Page> => {
  const page = await openAs('anna', place);
  await page.locator('.row.current').waitFor();
  return page;
};
const currentId = (page: Page): Promise<string | null> => page.locator('.row.current').getAttribute('data-id');

/** As quick as a person never is: in the same turn in which the dialog is taken off the page. */
const pressWhenDialogGoes = (page: Page, key: string): Promise<void> =>
  page.evaluate((wanted) => {
    const observer = new MutationObserver(() => {
      if (document.querySelector('dialog') !== null) return;
      observer.disconnect();
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key: wanted, bubbles: true }));
    });
    observer.observe(document.body, { childList: true, subtree: true });
  }, key);

/** Whether it is the act of a person, by its path. */
const isAct = (request: Request): boolean => request.method() === 'POST' && request.url().includes('/v1/blocks/');

const actsOf = (page: Page): Request[] => {
  const acts: Request[] = [];
  page.on('request', (request) => {
    if (isAct(request)) acts.push(request);
  });
  return acts;
};

describeWith('chromium', 'the review queue', () => {
  it('is worked through by keyboard alone, from the sign-in on: ten blocks, each judged as its key says', async () => {
    const active: string[] = [];
    for (let index = 1; index <= 6; index += 1) active.unshift(await stage().seed({ subject: `198.51.100.${index}` }));
    const proposed: string[] = [];
    for (let index = 1; index <= 4; index += 1) {
      proposed.unshift(await stage().seed({ subject: `203.0.113.${index}`, mode: 'review' }));
    }
    const { text } = await stage().token('anna', 'reviewer');
    const page = await open({});
    const acts = actsOf(page);
    await page.locator('input[type=password]').waitFor();
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
    await page.locator('nav#navigation').waitFor({ state: 'attached' });
    await page.keyboard.press('t');
    await page.keyboard.press('q');
    const order = [...proposed, ...active];
    const [first = ''] = order;
    await untilCurrent(page, first);

    const keys = ['p', 'l', 'g', 'p', 'c', 'c', 'l', 'g', 'c', 'l'] as const;
    const outcomes = { p: 'active', l: 'lifted', g: 'lifted', c: 'confirmed' } as const;
    for (const [index, key] of keys.entries()) {
      const id = order[index] ?? '';
      await untilCurrent(page, id);
      if (key === 'c') await page.keyboard.press(key);
      else {
        await startNote(page, key);
        await page.keyboard.type(`looked at it, ${key}`);
        await page.keyboard.press(index % 2 === 0 ? 'Enter' : 'Control+Enter');
      }
      await until(id, outcomes[key]);
    }
    expect(await Promise.all(order.map(stateOf))).toEqual(keys.map((key) => outcomes[key]));
    expect((await blockOf(order[1] ?? '')).label).toBe('false-positive');
    expect((await blockOf(order[2] ?? '')).label).toBe('goodwill');
    expect(acts).toHaveLength(10);
    expect(acts.map((request) => request.headers()['if-match'])).toEqual(
      Array.from({ length: 10 }, () => expect.stringMatching(/^"\d+"$/)),
    );
    expect(new Set(acts.map((request) => request.headers()['idempotency-key'])).size).toBe(10);

    await page.locator('.toast').getByText('Lifted as false positive: 198.51.100.1').waitFor();
    await page.keyboard.press('z');
    await until(order[9] ?? '', 'active');
    await untilCurrent(page, order[9] ?? '');
  }, 60_000);

  it('asks for a reason where one is needed, and has some at hand', async () => {
    const id = await stage().seed({ subject: '198.51.100.1' });
    const page = await openQueue();
    await untilCurrent(page, id);
    await startNote(page, 'l');
    await page.keyboard.press('Enter');
    await page.getByText('Say why').waitFor();
    expect(await stateOf(id)).toBe('active');
    await page.keyboard.press('Alt+1');
    await expect.poll(() => noteField(page).inputValue()).toBe('Many people behind one address');
    await page.keyboard.press('Enter');
    await until(id, 'lifted');
    expect((await blockOf(id)).reason).toContain('Many people behind one address');
  }, 30_000);

  it('tells what comes in without moving what is looked at, and shows it when asked', async () => {
    const id = await stage().seed({ subject: '198.51.100.1' });
    const page = await openQueue();
    await untilCurrent(page, id);
    const newer = await stage().seed({ subject: '198.51.100.2' });
    await page.getByRole('button', { name: /^1 new/ }).waitFor();
    expect(await page.locator('.row').count()).toBe(1);
    expect(await currentId(page)).toBe(id);
    await page.keyboard.press('n');
    await page.locator(`.row[data-id="${newer}"]`).waitFor();
    expect(await currentId(page)).toBe(id);
  }, 30_000);

  it('shows a block as it is when somebody else has judged it meanwhile', async () => {
    const id = await stage().seed({ subject: '198.51.100.1' });
    await stage().seed({ subject: '198.51.100.2' });
    const page = await openQueue();
    await stage().blockList.transition(id, { kind: 'lift', reason: 'goodwill', actor: 'ben', note: 'called us' });
    await page.locator(`.row.done[data-id="${id}"]`).getByText('lifted').waitFor();
    expect(await page.locator('.row').count()).toBe(2);
  }, 30_000);

  it('lifts a selection in one go after a preview, and takes it back with one key', async () => {
    const ids: string[] = [];
    for (let index = 1; index <= 6; index += 1) ids.unshift(await stage().seed({ subject: `198.51.100.${index}` }));
    const page = await openQueue();
    await untilCurrent(page, ids[0] ?? '');
    await page.keyboard.press('x');
    for (let moves = 0; moves < 3; moves += 1) await page.keyboard.press('j');
    await page.keyboard.press('Shift+X');
    await page.getByText('4 blocks selected').waitFor();
    await page.keyboard.press('l');
    const dialog = page.locator('dialog[open]');
    await dialog.locator('textarea').waitFor();
    await page.keyboard.type('the rule was wrong all night');
    await page.keyboard.press('Enter');
    const act = dialog.getByRole('button', { name: 'Lift as false positive: 4 blocks' });
    await expect.poll(() => act.evaluate((button) => button === document.activeElement)).toBe(true);
    expect(await stateOf(ids[0] ?? '')).toBe('active');
    await pressWhenDialogGoes(page, 'z');
    await page.keyboard.press('Enter');
    await page.getByText('Taken back: 4 blocks').waitFor();
    expect(await Promise.all(ids.slice(0, 4).map(stepsOf))).toEqual(
      Array.from({ length: 4 }, () => expect.arrayContaining([expect.stringContaining('lift')])),
    );
    expect(await Promise.all(ids.slice(4).map(async (id) => (await stepsOf(id)).length))).toEqual([1, 1]);
    for (const id of ids) await until(id, 'active');
  }, 45_000);

  it('changes all that match a filter, and says what it did not work for', async () => {
    const wrong = await stage().seed({ subject: '198.51.100.1', rule: 'many-routes' });
    const proposal = await stage().seed({ subject: '198.51.100.2', rule: 'many-routes', mode: 'review' });
    const other = await stage().seed({ subject: '198.51.100.3', rule: 'login-stuffing' });
    const page = await openQueue('/queue?rule=many-routes');
    await page.getByRole('button', { name: 'Change all that match…' }).click();
    const dialog = page.locator('dialog[open]');
    await dialog.getByLabel('What to do').selectOption('confirm');
    await dialog.getByRole('button', { name: 'Preview' }).click();
    await dialog.getByText('it does not work for 1').waitFor();
    await dialog.getByRole('button', { name: 'Confirm: 2 blocks' }).click();
    await dialog.getByText('1 of 2 blocks confirmed').waitFor();
    await dialog.getByText('1 block not changed').waitFor();
    expect(await Promise.all([wrong, proposal, other].map(stateOf))).toEqual(['confirmed', 'proposed', 'active']);
    await dialog.getByRole('button', { name: 'Undo all of it' }).click();
    await until(wrong, 'active');
  }, 45_000);
});
