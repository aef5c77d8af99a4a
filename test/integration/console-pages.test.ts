import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isTooWide, openBrowser, seriousFindings, shoot, visit } from '../support/console-browser.ts';
import { adminToken, type ConsoleStage, furnish, openConsoleStage } from '../support/console-stage.ts';
import { desktop, errorsOf, goTo, phone, signInTo } from '../support/console-visit.ts';
import { chdbUrl, describeWith } from '../support/engines.ts';

const places = [
  '/',
  '/alerts',
  '/gates',
  '/events',
  '/queue',
  '/batches',
  '/approvals',
  '/rules',
  '/policies',
  '/allow',
  '/switches',
  '/tokens',
  '/clients/ip:203.0.113.66',
] as const;

const sizes = { desktop, phone } as const;
const nameOf = (place: string): string => (place === '/' ? 'overview' : (/[a-z]+/.exec(place)?.[0] ?? ''));

describeWith('chromium', 'the pages of the console', (browserPath) => {
  describeWith('chdb', 'of a whole tidegate', (folder) => {
    let browser: Browser;
    let stage: ConsoleStage;
    let blockId: string;
    beforeAll(async () => {
      [browser, stage] = await Promise.all([openBrowser(browserPath), openConsoleStage(() => chdbUrl() ?? folder)]);
      ({ blockId } = await furnish(stage));
    });
    afterAll(async () => {
      await Promise.all([browser?.close(), stage?.close()]);
    });

    it.each(['desktop', 'phone'] as const)(
      'are sound for everybody on a %s, light and dark: nothing serious for axe, nothing wider than the window, nothing from elsewhere',
      async (size) => {
        const options = { url: stage.url, colorScheme: 'light', reducedMotion: 'reduce', ...sizes[size] } as const;
        const { page, mishaps, close } = await visit(browser, options);
        const errors = errorsOf(page);
        const findings: string[] = [];
        const look = async (name: string): Promise<void> => {
          // Nothing but the colours differs in the dark.
          for (const scheme of ['light', 'dark'] as const) {
            await page.emulateMedia({ colorScheme: scheme });
            await page.locator(`html[data-theme=${scheme}]`).waitFor();
            findings.push(
              ...(await seriousFindings(page, scheme === 'light' ? 'all' : 'contrast')).map(
                (finding) => `${name} in ${scheme}: ${finding}`,
              ),
            );
            await shoot(page, `${name}-${size}-${scheme}`);
          }
          if (await isTooWide(page)) findings.push(`${name} is wider than the window`);
        };
        await page.getByRole('heading', { name: 'Sign in' }).waitFor();
        await look('sign-in');
        await signInTo(page, adminToken);
        for (const place of [...places, `/blocks/${blockId}`]) {
          await goTo(page, place);
          await look(nameOf(place));
        }
        expect(findings).toEqual([]);
        expect([...mishaps, ...errors]).toEqual([]);
        await close();
      },
      180_000,
    );

    it('show names and notes of attackers as text, and run nothing of them', async () => {
      const { page, mishaps, close } = await visit(browser, { url: stage.url, token: adminToken });
      const errors = errorsOf(page);
      for (const place of [
        '/allow',
        '/events',
        '/rules',
        '/queue',
        `/blocks/${blockId}`,
        `/clients/${encodeURIComponent('user:<img src=x onerror="window.hit=1">')}`,
      ]) {
        await goTo(page, place);
        await page.getByText('onerror=').first().waitFor();
        expect(await page.locator('main img, main script, main iframe').count(), place).toBe(0);
      }
      expect(await page.evaluate(() => 'hit' in window)).toBe(false);
      expect([...mishaps, ...errors]).toEqual([]);
      await close();
    });

    it('count on by themselves while decisions are made, and say the same in words as in colours', async () => {
      const { page, close } = await visit(browser, { url: stage.url, token: adminToken });
      const chart = page.getByRole('img', { name: /^Decisions by outcome\./ });
      await chart.waitFor();
      const before = Number((await page.locator('.tile .value').first().textContent())?.replaceAll(',', ''));
      await stage.decide('198.51.100.77', '/orders/2', 25);
      await expect
        .poll(async () => Number((await page.locator('.tile .value').first().textContent())?.replaceAll(',', '')), {
          timeout: 30_000,
        })
        .toBe(before + 25);
      await expect
        .poll(() => chart.getAttribute('aria-label'), { timeout: 30_000 })
        .toMatch(/25 decisions|[1-9]\d* denied/);
      await page.getByText('As a table').click();
      await page.getByRole('table', { name: 'Decisions by outcome, newest first' }).waitFor();
      await page.getByRole('button', { name: '1 h', exact: true }).click();
      await expect.poll(() => chart.getAttribute('aria-label'), { timeout: 30_000 }).toMatch(/in the last hour: [1-9]/);
      expect(page.url()).toContain('range=1h');
      await close();
    });

    it('are told at once of switches that are off, on whatever page', async () => {
      const { page, close } = await visit(browser, { url: stage.url, token: adminToken });
      await goTo(page, '/switches');
      await page.getByRole('button', { name: 'Switch off all limits' }).click();
      await page.getByLabel('Reason').fill('They are the problem');
      await page.getByRole('button', { name: 'Switch off', exact: true }).click();
      const banner = page.getByText('All limits are switched off');
      await banner.waitFor();
      await goTo(page, '/policies');
      await banner.waitFor();
      await shoot(page, 'switched-off-desktop-light');
      expect(await seriousFindings(page, 'all')).toEqual([]);
      await goTo(page, '/switches');
      await page.getByRole('button', { name: 'Switch on again all limits' }).click();
      await page.getByLabel('Reason').fill('They were not');
      await page.getByRole('button', { name: 'Switch on', exact: true }).click();
      await banner.waitFor({ state: 'detached' });
      await close();
    });
  });
});
