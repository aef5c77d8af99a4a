import type { Page } from 'playwright-core';
import { go } from './console-browser.ts';

export const phone = { viewport: { width: 360, height: 740 } } as const;
export const desktop = { viewport: { width: 1280, height: 860 } } as const;

/** Goes to a place of the console and waits until nothing of it is loading. */
export const goTo = async (page: Page, place: string): Promise<void> => {
  await go(page, place);
  await page.locator('main h1').waitFor();
  await page.waitForFunction(() => document.querySelector('main [aria-busy=true]') === null);
};

/** Types a token into the form that asks for it. */
export const typeToken = async (page: Page, token: string): Promise<void> => {
  await page.getByLabel('Token', { exact: true }).fill(token);
  await page.keyboard.press('Enter');
};

/** Signs in from the start page. */
export const signInTo = async (page: Page, token: string): Promise<void> => {
  await typeToken(page, token);
  await page.locator('nav#navigation').waitFor({ state: 'attached' });
};

/** What the console of the browser calls an error: violations of the content security policy among them. */
export const errorsOf = (page: Page): readonly string[] => {
  const errors: string[] = [];
  page.on('console', (message) => {
    const text = message.text();
    // That a request failed is for the page to tell.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) errors.push(text);
  });
  return errors;
};
