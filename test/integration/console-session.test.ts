import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBrowser, seriousFindings, shoot, visit } from '../support/console-browser.ts';
import { adminToken, type ConsoleStage, openConsoleStage } from '../support/console-stage.ts';
import { goTo, signInTo, typeToken } from '../support/console-visit.ts';
import { chdbUrl, describeWith } from '../support/engines.ts';

const openAllow = async (page: Page): Promise<void> => {
  await goTo(page, '/allow');
  await page.getByRole('button', { name: 'Allow somebody' }).click();
};

describeWith('chromium', 'a session in the console', (browserPath) => {
  describeWith('chdb', 'with a whole tidegate', (folder) => {
    let browser: Browser;
    let stage: ConsoleStage;
    beforeAll(async () => {
      [browser, stage] = await Promise.all([openBrowser(browserPath), openConsoleStage(() => chdbUrl() ?? folder)]);
    });
    afterAll(async () => {
      await Promise.all([browser?.close(), stage?.close()]);
    });

    it('begins with a token that is one, stays in its tab over a reload, and ends when it is left', async () => {
      const { page, mishaps, close } = await visit(browser, { url: stage.url, place: '/rules' });
      await typeToken(page, 'this-is-no-token-at-all');
      await page.getByText('This token is not valid.').waitFor();
      await signInTo(page, adminToken);
      await page.getByRole('heading', { name: 'Rules', level: 1 }).waitFor();
      await page.reload();
      await page.getByRole('heading', { name: 'Rules', level: 1 }).waitFor();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      expect(await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]))).not.toContain(
        adminToken,
      );
      expect(mishaps).toEqual([]);
      await close();
    });

    it('takes the token of a link, and leaves it in no address and no history', async () => {
      const { page, close } = await visit(browser, { url: stage.url, token: adminToken });
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      expect(page.url()).not.toContain('token');
      await goTo(page, '/gates');
      await page.goBack();
      expect(page.url()).not.toContain('token');
      await close();
    });

    it('tells a viewer why he may not, instead of hiding what others may', async () => {
      const viewer = await stage.token('vera', 'viewer');
      const { page, close } = await visit(browser, { url: stage.url });
      await signInTo(page, viewer.text);
      await goTo(page, '/allow');
      const button = page.getByRole('button', { name: 'Allow somebody' });
      expect(await button.getAttribute('aria-disabled')).toBe('true');
      expect(await button.getAttribute('aria-description')).toBe('This needs the role reviewer; you have viewer.');
      // It says that it is disabled, and is pressed all the same.
      await button.click({ force: true });
      await page.getByRole('status').getByText('This needs the role reviewer').waitFor();
      expect(await page.getByRole('dialog').count()).toBe(0);
      await goTo(page, '/tokens');
      await page.getByText('This needs the role admin; you have viewer.').first().waitFor();
      await close();
    });

    it('can be held with the keyboard alone', async () => {
      const { page, close } = await visit(browser, { url: stage.url, token: adminToken });
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the page');
      await page.keyboard.press('Enter');
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
      await page.keyboard.press('t');
      await page.keyboard.press('r');
      await page.getByRole('heading', { name: 'Rules', level: 1 }).waitFor();
      await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('H1');
      expect(await page.title()).toBe('Rules · tidegate');
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
      expect(await seriousFindings(page, 'all')).toEqual([]);
      await shoot(page, 'shortcuts-desktop-light');
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.keyboard.press('/');
      await page.keyboard.type('203.0.113.7?');
      expect(await page.getByRole('dialog').count()).toBe(0);
      await page.keyboard.press('Backspace');
      await page.keyboard.press('Enter');
      await expect.poll(() => page.url()).toContain('#/clients/ip%3A203.0.113.7');
      await close();
    });

    it('keeps the colours that somebody chose, whatever the machine prefers', async () => {
      const { page, close } = await visit(browser, { url: stage.url, token: adminToken, colorScheme: 'light' });
      const ground = (): Promise<string> =>
        page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      const light = await ground();
      await page.getByLabel('Colours').selectOption('dark');
      await expect.poll(ground).not.toBe(light);
      const dark = await ground();
      await page.reload();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      expect(await ground()).toBe(dark);
      await page.getByLabel('Colours').selectOption('system');
      await expect.poll(ground).toBe(light);
      await page.emulateMedia({ colorScheme: 'dark' });
      await expect.poll(ground).toBe(dark);
      await close();
    });

    it('asks for a new token when the old one ends, keeps what was typed, and then does what was meant', async () => {
      const old = await stage.token('ben', 'reviewer');
      const { page, close } = await visit(browser, { url: stage.url });
      await signInTo(page, old.text);
      await openAllow(page);
      await page.getByLabel('Who').fill('192.0.2.50');
      await page.getByLabel('Reason').fill('A customer who called');
      await stage.ask(`v1/tokens/${old.id}`, { method: 'DELETE' });
      const again = page.getByRole('dialog', { name: 'Your token is no longer valid' });
      await again.waitFor({ timeout: 15_000 });
      await shoot(page, 'signed-out-desktop-light');
      expect(await seriousFindings(page, 'all')).toEqual([]);
      expect(await page.getByLabel('Reason').inputValue()).toBe('A customer who called');
      await page.keyboard.press('Escape');
      await again.waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Allow', exact: true }).click();
      await again.waitFor();
      await typeToken(page, (await stage.token('ben', 'reviewer')).text);
      await page.getByText('ip:192.0.2.50 is not blocked from now on.').waitFor();
      const { entries } = await stage.ask<{ entries: { subject: string; note: string; actor: string }[] }>('v1/allow');
      expect(entries).toMatchObject([{ subject: 'ip:192.0.2.50', note: 'A customer who called', actor: 'ben' }]);
      await close();
    });

    it('does nothing in the name of somebody else who signs in instead', async () => {
      const old = await stage.token('carl', 'reviewer');
      const { page, close } = await visit(browser, { url: stage.url });
      await signInTo(page, old.text);
      await openAllow(page);
      await page.getByLabel('Who').fill('192.0.2.51');
      await page.getByLabel('Reason').fill('Only Carl knows why');
      await stage.ask(`v1/tokens/${old.id}`, { method: 'DELETE' });
      await page.getByRole('dialog', { name: 'Your token is no longer valid' }).waitFor({ timeout: 15_000 });
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Allow', exact: true }).click();
      await page.getByRole('dialog', { name: 'Your token is no longer valid' }).waitFor();
      await typeToken(page, adminToken);
      await page.getByRole('alert').getByText('Nobody is signed in.').waitFor();
      expect(await page.getByLabel('Reason').inputValue()).toBe('Only Carl knows why');
      const { entries } = await stage.ask<{ entries: { subject: string }[] }>('v1/allow');
      expect(entries.map(({ subject }) => subject)).not.toContain('ip:192.0.2.51');
      await close();
    });

    it('says since when the API is gone, keeps what it shows and what was typed, and goes on when it is back', async () => {
      const { page, mishaps, close } = await visit(browser, { url: stage.url, token: adminToken });
      await goTo(page, '/policies');
      await page.getByRole('cell', { name: /60 per 1 min/ }).waitFor();
      await openAllow(page);
      await page.getByLabel('Who').fill('192.0.2.60');
      await page.getByLabel('Reason').fill('Typed while nobody listened');
      await stage.kill();
      await page.getByText('The API has not answered since').waitFor({ timeout: 15_000 });
      await page.getByRole('button', { name: 'Allow', exact: true }).click();
      await page.getByText('What you typed is kept').waitFor();
      await shoot(page, 'api-gone-desktop-light');
      await page.keyboard.press('Escape');
      await goTo(page, '/policies');
      await page.getByRole('cell', { name: /60 per 1 min/ }).waitFor();
      await shoot(page, 'api-gone-stale-desktop-light');
      expect(await seriousFindings(page, 'all')).toEqual([]);
      await stage.restart();
      await page.getByText('The API has not answered since').waitFor({ state: 'detached', timeout: 15_000 });
      await openAllow(page);
      expect(await page.getByLabel('Who').inputValue()).toBe('192.0.2.60');
      expect(await page.getByLabel('Reason').inputValue()).toBe('Typed while nobody listened');
      await page.getByRole('button', { name: 'Allow', exact: true }).click();
      await page.getByText('ip:192.0.2.60 is not blocked from now on.').waitFor();
      expect(mishaps).toEqual([]);
      await close();
    });
  });
});
