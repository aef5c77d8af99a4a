import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { shoot } from '../support/console-browser.ts';
import { noteField, reviewPlay, startNote, untilCurrent } from '../support/console-review-play.ts';
import { describeWith } from '../support/engines.ts';

const { stage, open, openAs, blockOf, stateOf, until, stepsOf } = reviewPlay();

/** From now on the page hears nothing of blocks by itself; what a person does goes through. The answer ends that. */
const deafen = async (page: Page): Promise<() => Promise<void>> => {
  const isPoll = (url: URL): boolean => /\/v1\/blocks(?:\?|\/[^/]+$)/.test(url.pathname + url.search);
  await page.route(isPoll, (route) => (route.request().method() === 'GET' ? undefined : route.continue()));
  return () => page.unroute(isPoll);
};

describeWith('chromium', 'a review that does not go smoothly', () => {
  it('shows what another reviewer did first, and does the act only when it is asked for again', async () => {
    const id = await stage().seed({ subject: '198.51.100.1' });
    const page = await openAs('anna', '/queue');
    await untilCurrent(page, id);
    await page.locator('.queue-pane').getByText('This address was over the limit').waitFor();
    const listen = await deafen(page);
    await stage().blockList.transition(id, { kind: 'confirm', actor: 'ben', note: 'it is a botnet' });
    await startNote(page, 'l');
    await page.keyboard.type('an office');
    await listen();
    await page.keyboard.press('Enter');
    const conflict = page.getByRole('alert', { name: 'Somebody else was faster' });
    await conflict.getByText('ben').waitFor();
    await conflict.getByText('it is a botnet').waitFor();
    expect(await stateOf(id)).toBe('confirmed');
    await shoot(page, 'review-conflict');
    await conflict.getByRole('button', { name: /^Do it all the same/ }).click();
    await until(id, 'lifted');
    expect(await stepsOf(id)).toEqual(['detector: made', 'ben: confirm', 'anna: lift']);
    await page.getByRole('button', { name: 'Take the last step back' }).click();
    await until(id, 'confirmed');
  }, 45_000);

  it('keeps a note while the API is away, says so, and sends it when it is back', async () => {
    const id = await stage().seed({ subject: '198.51.100.1' });
    const page = await openAs('anna', '/queue');
    await untilCurrent(page, id);
    await startNote(page, 'l');
    await page.keyboard.type('half a thought');
    await stage().goAway();
    await page.keyboard.press('Enter');
    await page.locator('.act-form').getByText('What you typed is kept').waitFor();
    await page.getByText('The API has not answered since').waitFor();
    expect(await noteField(page).inputValue()).toBe('half a thought');
    await stage().goOn();
    await page.getByText('The API has not answered since').waitFor({ state: 'detached' });
    await noteField(page).focus();
    await page.keyboard.press('Enter');
    await until(id, 'lifted');
    expect((await blockOf(id)).reason).toContain('half a thought');
  }, 45_000);

  it('does nothing twice when an answer was lost and the same is sent again', async () => {
    const id = await stage().seed({ subject: '198.51.100.1' });
    const page = await openAs('anna', '/queue');
    await untilCurrent(page, id);
    const keys: (string | undefined)[] = [];
    let lost = 0;
    await page.route('**/extend', async (route) => {
      keys.push(route.request().headers()['idempotency-key']);
      if (lost === 1) return route.continue();
      lost += 1;
      await route.fetch();
      await route.abort('connectionreset');
    });
    await startNote(page, 'e');
    await page.keyboard.type('still knocking');
    await page.keyboard.press('Enter');
    await page.locator('.act-form').getByText('What you typed is kept').waitFor();
    await expect.poll(() => stepsOf(id)).toEqual(['detector: made', 'anna: extend']);
    await page.locator('.act-form').getByRole('button', { name: 'Extend' }).click();
    await page.locator('.act-form').waitFor({ state: 'detached' });
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
    expect(await stepsOf(id)).toEqual(['detector: made', 'anna: extend']);
  }, 45_000);

  it('asks for a new token in the middle of a note, which is still there afterwards and after a reload', async () => {
    const id = await stage().seed({ subject: '198.51.100.1' });
    const { text, id: tokenId } = await stage().token('anna', 'lead');
    const page = await open({ token: text, place: '/queue' });
    await untilCurrent(page, id);
    await startNote(page, 'g');
    await page.keyboard.type('they called');
    await stage().revoke(tokenId);
    const dialog = page.locator('dialog[open]');
    await dialog.getByText('Your token is no longer valid').waitFor();
    await dialog.locator('input').fill((await stage().token('anna', 'lead')).text);
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    expect(await noteField(page).inputValue()).toBe('they called');
    await page.reload();
    await noteField(page).waitFor();
    expect(await noteField(page).inputValue()).toBe('they called');
    expect(await stateOf(id)).toBe('active');
    await noteField(page).press('Enter');
    await until(id, 'lifted');
    expect(await stepsOf(id)).toEqual(['detector: made', 'anna: lift']);
  }, 45_000);

  it('tells a viewer why a button does nothing', async () => {
    const id = await stage().seed({ subject: '198.51.100.1' });
    const { text } = await stage().token('vera', 'viewer');
    const page = await open({ token: text, place: '/queue' });
    await untilCurrent(page, id);
    await page.keyboard.press('c');
    await page.locator('.toast').getByText('This needs the role reviewer; you have viewer.').waitFor();
    expect(await stateOf(id)).toBe('active');
  }, 30_000);
});

describeWith('chromium', 'an attack, watched', () => {
  it('appears in the queue and is blocked; its page says why, and what has been refused since', async () => {
    const page = await openAs('anna', '/queue');
    await page.getByText('Nothing waits for you').waitFor();
    const attacker = { kind: 'ip', id: '203.0.113.66' } as const;
    const knock = () =>
      stage().gate.check({ clients: [attacker], tenant: 'acme', method: 'POST', path: '/login', route: '/login' });
    await expect
      .poll(
        async () => {
          for (let knocks = 0; knocks < 30; knocks += 1) await knock();
          return (await knock()).outcome;
        },
        { timeout: 20_000, interval: 100 },
      )
      .toBe('blocked');
    const row = page.locator('.row', { hasText: '203.0.113.66' });
    await row.waitFor();
    await row.getByText('login-stuffing').waitFor();
    await page.locator('.queue-pane').getByText('always on POST /login').waitFor();
    await page.locator('.queue-pane').getByRole('heading', { name: 'Still knocking' }).waitFor();
    await page.locator('.queue-pane').getByRole('link', { name: 'All about this client' }).click();
    await page.locator('.verdict.bad').getByText('is refused until').waitFor();
    await page.getByRole('img', { name: /Decisions by outcome.*blocked/ }).waitFor();
  }, 60_000);
});

describeWith('chromium', 'names of strangers', () => {
  const names = [
    '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>',
    'invoice\u202egnp.exe\u200b',
    'javascript:alert(1)//',
    `long-${'x'.repeat(120)}`,
    '"><svg/onload=window.pwned=1>',
    '../../../v1/tokens?x=#/queue',
  ];

  it('are text on every page, with a sign for what hides in them, wherever they come from', async () => {
    const ids = await Promise.all(
      names.map((id, index) =>
        stage().seed({
          subject: { kind: index % 2 === 0 ? 'user' : 'key', id, ...(index === 4 ? { tenant: 'a<b>/%:c' } : {}) },
          evidence: { routes: [{ route: `GET /${names[0]}`, denied: 9 }], policies: [names[4] ?? ''] },
        }),
      ),
    );
    const [first = ''] = ids;
    const note = `${names[0]}\n${names[1]}`;
    await stage().blockList.comment(first, { actor: 'ben', note });
    const page = await openAs('anna', '/queue?rule=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&subject=%3Cb%3E&show=all');
    await page
      .getByText(/must|No block matches|not valid/i)
      .first()
      .waitFor();
    await page.evaluate(() => {
      location.hash = '/queue';
    });
    await expect.poll(() => page.locator('.row').count()).toBe(names.length);
    const listed = await page.locator('.queue-list').textContent();
    expect(listed).toContain('<img src=x onerror=');
    expect(listed).toContain('invoiceU+202Egnp.exeU+200B');
    for (const id of ids) {
      await page.evaluate((block) => {
        location.hash = `/blocks/${encodeURIComponent(block)}`;
      }, id);
      await page.getByRole('heading', { name: 'Evidence' }).waitFor();
      await page.locator('h1 a').click();
      await page.getByRole('heading', { name: 'Standing' }).waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1440);
    }
    await page.evaluate((block) => {
      location.hash = `/blocks/${encodeURIComponent(block)}`;
    }, first);
    await page.locator('.history').getByText('U+202E').waitFor();
    await page.evaluate(() => {
      location.hash = `/clients/${encodeURIComponent('user:line\nbreak\u0000<script>window.pwned=1</script>')}`;
    });
    await page.locator('h1').getByText('U+000A').waitFor();
    await page.evaluate(() => {
      location.hash = '/clients/javascript%3Aalert(1)';
    });
    await page.locator('h1').getByText('javascript:alert(1)').waitFor();
    expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
    expect(await page.locator('main img, main script, main iframe, a[href^="javascript:"]').count()).toBe(0);
  }, 60_000);
});
